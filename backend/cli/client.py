"""Async Coder's own REST API as the commands use it: whom to ask, with which token, and what a refusal means.

Exit codes: 0 done; 1 a task that did not end well; 2 a wrong command line; 3 not signed in; 4 not there, or not for
you; 5 refused; 6 not reached.
"""

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from backend.errors import AsyncCoderError, Misconfigured
from backend.loopback import is_loopback_url
from backend.settings import get_settings

if TYPE_CHECKING:
    import httpx

NOT_WELL, SIGNED_OUT, NOT_THERE, REFUSED, UNREACHED = 1, 3, 4, 5, 6
SECONDS = 30.0
_CODES = {401: SIGNED_OUT, 403: NOT_THERE, 404: NOT_THERE}


class ClientError(AsyncCoderError):
    """What a command could not do; `exit_code` says of which kind."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Account:
    """Where somebody is signed in, and their token there."""

    url: str
    token: str


def file() -> Path:
    """Where the token is kept."""
    home = get_settings().config_home
    return (Path(home) if home and Path(home).is_absolute() else Path.home() / ".config") / "asynccoder" / "token.json"


def checked_url(url: str) -> str:
    """The address without what it does not need. Raises ClientError where a token would travel in the open."""
    url = url.rstrip("/")
    if not url.startswith("https://") and not is_loopback_url(url):
        raise ClientError(f"{url} is not https, and a token would travel in the open.", REFUSED)
    return url


def default_url() -> str:
    """Where to sign in unless it is said: the environment's, the one of before, this machine's."""
    settings = get_settings()
    known = _read()
    return settings.client_url or (known.url if known else settings.origin)


def save(account: Account) -> Path:
    """Keeps the token for this person's eyes alone."""
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        json.dump({"url": account.url, "token": account.token}, target)
    os.replace(name, path)
    return path


def forget() -> bool:
    """Removes the token; whether there was one."""
    path = file()
    was_there = path.exists()
    path.unlink(missing_ok=True)
    return was_there


def account() -> Account:
    """Whose commands these are. Raises ClientError where nobody is signed in, Misconfigured for a token others read."""
    settings = get_settings()
    if settings.client_token:
        return Account(checked_url(default_url()), settings.client_token.get_secret_value())
    known = _read()
    if known is None or settings.client_url.rstrip("/") not in ("", known.url):
        where = f" --url {settings.client_url}" if settings.client_url else ""
        raise ClientError(f"You are not signed in. Run: asynccoder login{where}", SIGNED_OUT)
    return Account(checked_url(known.url), known.token)


def _read() -> Account | None:
    path = file()
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Misconfigured(f"{path} can be read by others.", fix=f"chmod 600 {path}")
        content = json.loads(path.read_text(encoding="utf-8"))
        return Account(str(content["url"]), str(content["token"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClientError(f"{path} cannot be read. Run: asynccoder login", SIGNED_OUT) from error


class Client:
    """The API at one address, as one person or as nobody."""

    def __init__(self, url: str, token: str = "") -> None:
        import httpx

        self.url = checked_url(url)
        headers = {"User-Agent": "asynccoder", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._http = httpx.Client(
            base_url=self.url, headers=headers, timeout=SECONDS, trust_env=not is_loopback_url(url)
        )

    @classmethod
    def signed_in(cls) -> Self:
        """With the person's token. Raises ClientError."""
        known = account()
        return cls(known.url, known.token)

    def get(self, path: str, **query: Any) -> Any:
        """What stands there. Raises ClientError."""
        return self.ask("GET", path, params={name: value for name, value in query.items() if value is not None})

    def ask(self, method: str, path: str, **given: Any) -> Any:
        """One request and its JSON. Raises ClientError for whatever the server refuses, and where it is not reached."""
        with self.reached():
            answer = self._http.request(method, path, **given)
        if answer.is_error:
            raise refusal(answer)
        return answer.json() if answer.content else None

    def form(self, path: str, **fields: str) -> "httpx.Response":
        """A form's answer, whatever it is. Raises ClientError where the server is not reached."""
        with self.reached():
            return self._http.post(path, data=fields)

    @contextmanager
    def stream(self, path: str, silence: float, **headers: str) -> Iterator["httpx.Response"]:
        """An answer that is read as it comes, with at most so many seconds of silence.

        Raises ClientError for a refusal, httpx.TransportError where the line breaks.
        """
        import httpx

        with self._http.stream("GET", path, headers=headers, timeout=httpx.Timeout(SECONDS, read=silence)) as answer:
            if answer.is_error:
                answer.read()
                raise refusal(answer)
            yield answer

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Raises ClientError where the server is not reached, or the line breaks."""
        import httpx

        try:
            yield
        except httpx.TransportError as error:
            raise ClientError(f"{self.url} cannot be reached ({type(error).__name__}).", UNREACHED) from error


def refusal(answer: "httpx.Response") -> ClientError:
    """The server's own sentence, with the exit code of its kind."""
    try:
        sentence = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        sentence = f"The server answered {answer.status_code}."
    if answer.status_code == 401:
        sentence = f"{sentence} Run: asynccoder login"
    return ClientError(sentence, _CODES.get(answer.status_code, UNREACHED if answer.status_code >= 500 else REFUSED))
