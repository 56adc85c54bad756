"""The keys that seal what is stored."""

import typer
from cryptography.fernet import Fernet

from backend.errors import Misconfigured
from backend.settings import Settings, get_settings

app = typer.Typer(help="The keys that seal stored secrets.", no_args_is_help=True)


@app.command()
def make() -> None:
    """Prints a new key, to stand first in ASYNCCODER_SECRET_KEYS."""
    typer.echo(Fernet.generate_key().decode())


@app.command()
def rotate() -> None:
    """Seals every stored secret with a new key.

    The key before stays, to open what a running process sealed a moment ago; the ones before that are dropped. With
    ASYNCCODER_SECRET_KEYS set, its first key is the new one.
    """
    from backend.db import transaction
    from backend.services import admin

    settings = get_settings()
    if not settings.secret_keys:
        _put_new_first(settings)
    elif len(settings.secret_keys.get_secret_value().replace(",", " ").split()) < 2:
        raise Misconfigured(
            "ASYNCCODER_SECRET_KEYS holds one key only.",
            fix="Put a new one (asynccoder keys make) before it, restart, and run this again.",
        )
    with transaction() as session:
        count = admin.seal_again(session, settings)
    typer.echo(f"{count} secrets are sealed with the first key.")


def _put_new_first(settings: Settings) -> None:
    name = "secret-key"
    before = settings.generated_key(name, lambda: Fernet.generate_key().decode()).split()
    settings.replace_key(name, "\n".join([Fernet.generate_key().decode(), before[0]]))
