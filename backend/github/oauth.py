"""Sign-in with GitHub: authorization code with state and PKCE (S256), by authlib.

GitHub's documentation: "Authorizing OAuth apps" and, for refreshing, "Refreshing user access tokens".
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client, OAuthError

# httpx or httpx2, whichever authlib found: the errors to catch are that one's.
from authlib.integrations.httpx_client.oauth2_client import httpx2

from backend.certificates import certificates
from backend.errors import GitHubError, GitHubUnauthorized, Misconfigured
from backend.github.types import SignInStart, Token
from backend.log import redact

TIMEOUT = 10  # seconds
_STALE = {"bad_verification_code", "bad_refresh_token", "invalid_grant", "expired_token", "access_denied"}
_OUR_SETTINGS = {
    "incorrect_client_credentials": "Check GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET against the app on GitHub.",
    "invalid_client": "Check GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET against the app on GitHub.",
    "redirect_uri_mismatch": "Set the app's callback URL on GitHub to ASYNCCODER_PUBLIC_URL plus /auth/callback.",
    "application_suspended": "Ask GitHub's support why the app is suspended.",
}


def authorization_url(
    *,
    github_url: str,
    client_id: str,
    redirect_uri: str,
    scopes: Iterable[str],
    state_of: Callable[[str], str] = lambda _: generate_token(43),
) -> SignInStart:
    """Where the browser goes to say yes; a GitHub App has no scopes and gets none.

    The state is random, or what `state_of` makes of the PKCE verifier where no browser keeps that.
    """
    verifier = generate_token(64)
    state = state_of(verifier)
    with OAuth2Client(
        client_id=client_id,
        redirect_uri=redirect_uri,
        scope=" ".join(scopes) or None,
        code_challenge_method="S256",
        verify=certificates(httpx2),
    ) as client:
        url, _ = client.create_authorization_url(
            _endpoint(github_url, "authorize"), state=state, code_verifier=verifier
        )
    return SignInStart(url=url, state=state, verifier=verifier)


def exchange(
    *, github_url: str, client_id: str, client_secret: str, redirect_uri: str, code: str, verifier: str
) -> Token:
    """The token for the code that came back; a code works once.

    Raises GitHubUnauthorized for a code that is used, expired or not this browser's, Misconfigured where the app's own
    settings are wrong, GitHubError where GitHub fails.
    """
    with _client(client_id, client_secret, redirect_uri) as client, _as_our_errors():
        answer = client.fetch_token(
            _endpoint(github_url, "access_token"), grant_type="authorization_code", code=code, code_verifier=verifier
        )
        return _token(answer)


def refresh(*, github_url: str, client_id: str, client_secret: str, refresh_token: str) -> Token:
    """A new pair for an expired token. The old refresh token is void afterwards: call this under a lock, once.

    Raises as `exchange` does.
    """
    with _client(client_id, client_secret) as client, _as_our_errors():
        return _token(client.refresh_token(_endpoint(github_url, "access_token"), refresh_token=refresh_token))


def _endpoint(github_url: str, name: str) -> str:
    return f"{github_url.rstrip('/')}/login/oauth/{name}"


def _client(client_id: str, client_secret: str, redirect_uri: str | None = None) -> Any:
    # GitHub takes the secret in the form, not in a header.
    return OAuth2Client(
        client_id=client_id,
        client_secret=client_secret,
        redirect_uri=redirect_uri,
        token_endpoint_auth_method="client_secret_post",
        timeout=TIMEOUT,
        verify=certificates(httpx2),
    )


@contextmanager
def _as_our_errors() -> Iterator[None]:
    """GitHub refuses with 200 and an `error`, which authlib raises; its text is GitHub's and holds no secret."""
    try:
        yield
    except OAuthError as error:
        raise _refusal(str(error.error or ""), str(error.description or "")) from None
    except httpx2.TimeoutException:
        raise GitHubError("GitHub did not answer in time.") from None
    except httpx2.HTTPStatusError as error:
        raise GitHubError(f"GitHub has a fault just now (HTTP {error.response.status_code}).") from None
    except httpx2.HTTPError as error:
        raise GitHubError(f"GitHub could not be reached ({type(error).__name__}).") from None
    except (ValueError, KeyError, TypeError) as error:
        raise GitHubError(f"GitHub's answer was not understood ({type(error).__name__}).") from None


def _refusal(word: str, description: str) -> Exception:
    if word in _STALE:
        return GitHubUnauthorized("GitHub did not accept this sign-in: it is used up or too old. Sign in again.")
    if word in _OUR_SETTINGS:
        return Misconfigured(f"GitHub refused the app itself ({word}).", fix=_OUR_SETTINGS[word])
    return GitHubError(f"GitHub refused the sign-in: {redact(description or word)[:300]}")


def _token(answer: dict[str, Any]) -> Token:
    access = answer["access_token"]
    if not isinstance(access, str) or not access:
        raise ValueError("no access token")
    expires_at = answer.get("expires_at")
    return Token(
        access_token=access,
        refresh_token=answer.get("refresh_token") or None,
        expires_at=datetime.fromtimestamp(int(expires_at), UTC) if expires_at else None,
        scopes=tuple(scope for scope in str(answer.get("scope") or "").replace(",", " ").split() if scope),
    )
