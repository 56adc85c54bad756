"""GitHub's refusals and failures as our errors, whichever library met them. No request header enters a sentence."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import github as pygithub
import httpx
import requests

from backend import clock
from backend.errors import GitHubError, GitHubNotFound, GitHubUnauthorized, GitHubUnprocessable, InvalidInput
from backend.log import redact

# GitHub: "If your request is rate limited and neither header is there, wait for at least one minute."
# docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
_SECONDS_WITHOUT_WORD = 60.0
_LONGEST_WORDS = 300
_RATE_LIMIT_WORDS = ("rate limit", "abuse detection", "please wait a few minutes", "retry your request again later")


@contextmanager
def as_our_errors() -> Iterator[None]:
    """Lets only GitHubError and its kinds out of what is done inside."""
    try:
        yield
    except pygithub.GithubException as error:
        raise refusal(error.status, error.data, error.headers or {}) from None
    except (requests.Timeout, httpx.TimeoutException):
        raise GitHubError("GitHub did not answer in time.") from None
    except (requests.RequestException, httpx.HTTPError) as error:
        raise GitHubError(f"GitHub could not be reached ({type(error).__name__}).") from None
    except InvalidInput as error:
        raise GitHubError(str(error)) from None
    except (
        pygithub.BadAttributeException,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        # PyGithub's ways of meeting a body, link or redirect that GitHub would not send: a proxy's page, mostly.
        raise GitHubError(f"GitHub's answer was not understood ({type(error).__name__}).") from error


def refusal(status: int, data: Any, headers: Mapping[str, Any]) -> GitHubError:
    """The error for an HTTP answer of 400 or above; `retry_after` is set where GitHub limits the rate or says when."""
    said = {name.lower(): str(value) for name, value in headers.items()}
    words = _message(data)
    if status == 401:
        return GitHubUnauthorized("GitHub no longer accepts this sign-in. Reconnect GitHub.")
    if status in (403, 429) and _is_rate_limit(status, said, words):
        wait = _wait(said)
        return GitHubError(f"GitHub limits the rate of requests; it goes on in {_spoken(wait)}.", retry_after=wait)
    if status == 403 and "x-github-sso" in said:
        return GitHubError(
            "The organisation asks for single sign-on: authorise this app for it on GitHub, then try again."
        )
    if status in (404, 410, 451):
        return GitHubNotFound("GitHub does not know it, or does not show it to you.")
    if status in (405, 409, 422):  # 405 and 409 are how a merge is refused
        return GitHubUnprocessable(f"GitHub refused this: {words or 'it gave no reason'}", messages=_messages(data))
    if status >= 500:
        return GitHubError(
            f"GitHub has a fault just now (HTTP {status}).", retry_after=_seconds(said.get("retry-after"))
        )
    return GitHubError(f"GitHub refused this (HTTP {status}): {words or 'it gave no reason'}")


def _is_rate_limit(status: int, said: Mapping[str, str], words: str) -> bool:
    if status == 429 or "retry-after" in said or said.get("x-ratelimit-remaining") == "0":
        return True
    return any(phrase in words.lower() for phrase in _RATE_LIMIT_WORDS)


def _wait(said: Mapping[str, str]) -> float:
    """Seconds until GitHub listens again: its Retry-After, else its reset time, else one minute."""
    after = _seconds(said.get("retry-after"))
    if after is not None:
        return after
    reset = _seconds(said.get("x-ratelimit-reset"))
    if reset is not None and said.get("x-ratelimit-remaining") == "0":
        return max(1.0, reset - clock.now().timestamp())
    return _SECONDS_WITHOUT_WORD


def _spoken(seconds: float) -> str:
    """A wait as a person says it, rounded up."""
    minutes = math.ceil(seconds / 60)
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{minutes} minutes" if minutes < 90 else f"{math.ceil(minutes / 60)} hours"


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def _message(data: Any) -> str:
    message = data.get("message") if isinstance(data, dict) else None
    details = [detail for detail in _messages(data) if detail != message]
    parts = [message, *details] if isinstance(message, str) else details
    return redact(" ".join(parts))[:_LONGEST_WORDS]


def _messages(data: Any) -> tuple[str, ...]:
    """GitHub's own words of a 422: each is a text, or an object with a message or with field and code."""
    if not isinstance(data, dict):
        return ()
    errors = data.get("errors")
    found = [_detail(error) for error in errors] if isinstance(errors, list) else []
    if not found and isinstance(data.get("message"), str):
        found = [data["message"]]
    return tuple(redact(text)[:_LONGEST_WORDS] for text in found if text)


def _detail(error: Any) -> str:
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return ""
    return str(
        error.get("message") or " ".join(str(error[key]) for key in ("resource", "field", "code") if error.get(key))
    )
