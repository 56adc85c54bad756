"""What the operator does by hand."""

from enum import StrEnum
from typing import Annotated

import typer

from backend.errors import Conflict
from backend.settings import get_settings

app = typer.Typer(help="People and their credits.", no_args_is_help=True)


class Export(StrEnum):
    """How the audit log is taken away."""

    JSON = "json"
    CSV = "csv"


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


@app.command()
def audit(
    verify: Annotated[bool, typer.Option("--verify", help="Reads the whole chain and names what is wrong.")] = False,
    export: Annotated[Export | None, typer.Option(help="Prints all of it, oldest first.")] = None,
    actor: Annotated[str, typer.Option(help="Only what was done under this login.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many rows at most.")] = 50,
) -> None:
    """Lists who did what, on what, from where, newest first. --verify fails where a row is changed or missing."""
    from backend.db import transaction
    from backend.services import audit_chain, audit_reading

    wanted = audit_reading.Wanted(actor=actor)
    if export is not None:
        for line in audit_reading.EXPORTS[export](wanted):
            typer.echo(line, nl=False)
        return
    with transaction() as session:
        if verify:
            found = audit_chain.verify(session)
            if found.fault is not None:
                raise Conflict(found.fault.sentence)
            typer.echo(f"{found.rows} rows are in order. The hash of the last: {found.hash}")
            return
        rows = audit_reading.newest(session, wanted, size=limit).rows
    for row in rows:
        what = f"{row.act} {row.object_kind} {row.object_name or row.object_id}"
        typer.echo(f"{row.seq:>8}  {row.at:%Y-%m-%d %H:%M:%S}  {row.login:<20} {row.address:<16} {what}")
