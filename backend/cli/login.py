"""`asynccoder login`: a code on the terminal, a click in the dashboard (RFC 8628)."""

import socket
import sys
import time
from typing import Annotated, Any

import typer

from backend.cli import client
from backend.cli.client import Account, Client, ClientError

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER = 5  # seconds: RFC 8628, section 3.5
_ENDS = {
    "access_denied": "It was refused in the dashboard.",
    "expired_token": "The code has expired. Run: asynccoder login",
    "invalid_grant": "The server no longer knows this code. Run: asynccoder login",
}


def login(
    url: Annotated[str, typer.Option(help="Where Async Coder runs, such as https://coder.example.org.")] = "",
    read_only: Annotated[bool, typer.Option("--read-only", help="Ask for a token that may only look.")] = False,
) -> None:
    """Signs this machine in: shows a code that you confirm in the dashboard, and keeps the token in a file of yours."""
    server = Client(url or client.default_url())
    name = f"asynccoder on {socket.gethostname()}"
    answer = server.form("/auth/device/code", client_name=name, scope="read" if read_only else "write")
    if answer.is_error:
        raise client.refusal(answer)
    begun = answer.json()
    print(f"Open {begun['verification_uri_complete']}\nand confirm the code {begun['user_code']}.", file=sys.stderr)
    token = _wait(server, begun)
    path = client.save(Account(server.url, token))
    me = Client(server.url, token).get("/api/auth/user")
    print(f"Signed in to {server.url} as {me['username']}. The token is in {path}.", file=sys.stderr)


def logout() -> None:
    """Forgets this machine's token. It stays good until it ends, or until you revoke it in Settings."""
    print("Signed out." if client.forget() else "Nobody was signed in.", file=sys.stderr)


def _wait(server: Client, begun: dict[str, Any]) -> str:
    pause, ends = float(begun.get("interval", _SLOWER)), time.monotonic() + float(begun["expires_in"])
    while time.monotonic() < ends:
        time.sleep(pause)
        try:
            answer = server.form("/auth/device/token", grant_type=GRANT, device_code=begun["device_code"])
        except ClientError:
            pause = min(2 * max(pause, 1), 60)  # a server that is away for a moment is waited for
            continue
        said = _json(answer)
        if answer.status_code == 200:
            return str(said["access_token"])
        if said.get("error") in _ENDS:
            raise ClientError(_ENDS[said["error"]], client.SIGNED_OUT)
        if said.get("error") == "slow_down" or answer.status_code == 429:
            pause += _SLOWER
        elif said.get("error") != "authorization_pending" and answer.status_code < 500:
            raise client.refusal(answer)
    raise ClientError(_ENDS["expired_token"], client.SIGNED_OUT)


def _json(answer: Any) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
