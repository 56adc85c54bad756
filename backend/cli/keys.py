"""The keys that seal what is stored."""

import typer
from cryptography.fernet import Fernet

from backend import crypto
from backend.crypto import Keyring
from backend.errors import Misconfigured
from backend.settings import Settings, get_settings

app = typer.Typer(help="The keys that seal stored secrets.", no_args_is_help=True)


@app.command()
def make() -> None:
    """Prints a new key, to stand first in ASYNCCODER_SECRET_KEYS."""
    typer.echo(Fernet.generate_key().decode())


@app.command()
def rotate() -> None:
    """Seals every stored secret with a new key, while everything serves.

    The key before stays, to open what is sealed with it until then; `asynccoder keys retire` removes it. A rotation
    that was interrupted goes on. With ASYNCCODER_SECRET_KEYS set, its first key is the new one.
    """
    from backend.services import sealing

    settings = get_settings()
    with sealing.alone():
        if not settings.secret_keys:
            _put_new_first(settings)
        elif len(Keyring(settings)) < 2:
            raise Misconfigured(
                "ASYNCCODER_SECRET_KEYS holds one key only.",
                fix="Put a new one (asynccoder keys make) before it, restart every process, and run this again.",
            )
        sealing.wait_for_older()
        renewed = sealing.seal_again(settings)
        found = sealing.count(settings)
    typer.echo(f"{renewed} secrets were sealed anew; all {found.first} are sealed with the first key.")
    _tell_lost(found.lost)
    if found.other:  # written meanwhile by a process that does not know the new key
        raise Misconfigured(
            f"{found.other} secrets were sealed with an older key meanwhile.",
            fix="Restart every process with the new key first in ASYNCCODER_SECRET_KEYS, and run this again.",
        )
    typer.echo(_how_to_retire(settings))


@app.command()
def retire() -> None:
    """Removes the older keys, once nothing is sealed with them; those of ASYNCCODER_SECRET_KEYS it only looks at."""
    from backend.services import sealing

    settings = get_settings()
    with sealing.alone():
        sealing.wait_for_older()
        found = sealing.count(settings)
        if found.other:
            raise Misconfigured(
                f"{found.other} secrets are still sealed with an older key.", fix="Run: asynccoder keys rotate"
            )
        if not settings.secret_keys:
            crypto.put_keys(settings, crypto.generated_keys(settings)[:1])
    _tell_lost(found.lost)
    where = "Remove all but the first from ASYNCCODER_SECRET_KEYS." if settings.secret_keys else "They are removed."
    typer.echo(f"No secret needs an older key than the first. {where}")


def _put_new_first(settings: Settings) -> None:
    """A new key before the newest one; none where a rotation was interrupted, which goes on with the one it made."""
    from backend.services import sealing

    keys = crypto.generated_keys(settings)
    if len(keys) > 1 and sealing.count(settings).other:
        typer.echo("going on with the rotation that was interrupted")
        return
    crypto.put_keys(settings, [Fernet.generate_key().decode(), keys[0]])


def _how_to_retire(settings: Settings) -> str:
    if settings.secret_keys:
        return "The older keys can be removed from ASYNCCODER_SECRET_KEYS."
    return "The older key can be removed: asynccoder keys retire"


def _tell_lost(lost: int) -> None:
    if lost:
        typer.echo(f"{lost} secrets open with none of the keys: whose they are has to enter them again.", err=True)
