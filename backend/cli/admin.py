"""What the operator does by hand."""

from typing import Annotated

import typer

from backend.settings import get_settings

app = typer.Typer(help="People and their credits.", no_args_is_help=True)
Login = Annotated[str, typer.Argument(help="The GitHub login.")]


@app.command()
def people() -> None:
    """Lists everyone who has signed in."""
    from backend.db import transaction
    from backend.services import admin

    with transaction() as session:
        for person in admin.people(session):
            state = "" if person.is_connected else "  must reconnect GitHub"
            typer.echo(f"{person.username:<40} {person.role:<8} {person.credits:>7} credits, {person.held} held{state}")


@app.command()
def grant(
    login: Login,
    credits: Annotated[int, typer.Argument(help="Whole credits; one is a US cent.")],
    reason: Annotated[str, typer.Option(help="Stands in the ledger.")] = "Given by the operator",
) -> None:
    """Gives someone credits."""
    from backend.db import transaction
    from backend.services import admin

    with transaction() as session:
        balance = admin.grant(session, login, credits, reason)
    typer.echo(f"{login} has {balance} credits.")


@app.command()
def make(login: Login) -> None:
    """Makes someone an admin at once, as ASYNCCODER_ADMINS says."""
    from backend.db import transaction
    from backend.services import admin

    with transaction() as session:
        admin.make_admin(session, login, get_settings())
    typer.echo(f"{login} is an admin.")
