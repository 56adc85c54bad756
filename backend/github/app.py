"""What a GitHub App does in its own name: a token that reads one repository and can do nothing else.

docs.github.com/en/rest/apps/apps, "Create an installation access token for an app".
"""

import github as pygithub

from backend.errors import GitHubNotFound, GitHubUnauthorized, Misconfigured
from backend.github.connection import session
from backend.github.documents import InstallationDocument, InstallationTokenDocument, parse_document
from backend.github.failures import as_our_errors

READING = {"contents": "read"}  # GitHub adds `metadata`


def reading_token(api_url: str, app_id: str, private_key: str, *, full_name: str, github_id: int) -> str | None:
    """A token of an hour for the clone of one repository; None where the app is not installed there.

    It reaches what the app does, whoever asks: look first whether the person may see the repository. Raises
    Misconfigured where GitHub does not take the app's key, GitHubError.
    """
    github = session(api_url, pygithub.Auth.AppAuth(app_id, private_key))
    try:
        with as_our_errors():
            _, found = github.requester.requestJsonAndCheck("GET", f"/repos/{full_name}/installation")
            installation = parse_document(InstallationDocument, found)
            wish = {"repository_ids": [github_id], "permissions": READING}
            path = f"/app/installations/{installation.id}/access_tokens"
            _, made = github.requester.requestJsonAndCheck("POST", path, input=wish)
            granted = parse_document(InstallationTokenDocument, made)
            if "write" in granted.permissions.values() or "admin" in granted.permissions.values():
                raise ValueError("more than was asked for")
            return granted.token
    except GitHubNotFound:
        return None
    except GitHubUnauthorized:
        raise Misconfigured(
            "GitHub does not accept the app's own key.", fix="Check GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY."
        ) from None
    finally:
        github.close()


def is_known(api_url: str, app_id: str, private_key: str) -> bool:
    """Whether GitHub takes the app's own key ("Get the authenticated app"). Raises GitHubError where it cannot say."""
    github = session(api_url, pygithub.Auth.AppAuth(app_id, private_key))
    try:
        with as_our_errors():
            github.requester.requestJsonAndCheck("GET", "/app")
        return True
    except (GitHubNotFound, GitHubUnauthorized):
        return False
    finally:
        github.close()
