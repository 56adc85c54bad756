"""What the operator does by hand."""

from enum import StrEnum
from typing import Annotated

import typer

from backend.errors import Conflict, InvalidInput, NotFound
from backend.settings import get_settings
from backend.words import Tier

app = typer.Typer(help="People and their credits, the models and their prices.", no_args_is_help=True)


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
def models(
    refresh: Annotated[bool, typer.Option("--refresh", help="First reads the installed price list anew.")] = False,
) -> None:
    """Lists the models, with what their providers ask and the margin on it."""
    from backend.db import transaction
    from backend.services import audit, catalog, catalog_admin

    with transaction() as session:
        changes = catalog.refresh(session, audit.OPERATOR) if refresh else []
        found = catalog_admin.entries(session)
    for change in changes:
        typer.echo(f"{change.name}: {change.before} is now {change.now}")
    for one in found:
        facts = [
            catalog.price_line(one.price) if one.price else "no price yet",
            f"margin {one.margin / 100:g} %" if one.margin else "",
            catalog.only_for([tier.value for tier in one.tiers]),
        ]
        state = "on" if one.is_active else "off"
        typer.echo(f"{state:<4} {f'{one.provider}/{one.name}':<36} {' · '.join(filter(None, facts))}")


@app.command()
def model(
    name: Annotated[str, typer.Argument(help="PROVIDER/NAME, as `models` lists it.")],
    on: Annotated[bool | None, typer.Option("--on/--off", help="Whether it is offered.")] = None,
    price: Annotated[
        str, typer.Option(help="IN,OUT or IN,OUT,CACHE_READ,CACHE_WRITE in dollars per million tokens.")
    ] = "",
    list_price: Annotated[bool, typer.Option("--list-price", help="Puts the list's price in force again.")] = False,
    margin: Annotated[str | None, typer.Option(help="Percent on the provider's price.")] = None,
    tiers: Annotated[str | None, typer.Option(help="Whose people may use it, such as pro,enterprise, or all.")] = None,
) -> None:
    """Switches a model on or off, gives it a price or a margin, limits it to tiers."""
    from backend.db import transaction
    from backend.services import audit, catalog_admin

    asked = price.split(",") if price else []
    if price and len(asked) not in (2, 4):
        raise InvalidInput("--price is two or four prices with commas between them, such as 0.5,1.5.")
    wanted = catalog_admin.Change(
        is_active=on,
        price=catalog_admin.given_price(*asked) if asked else None,
        use_list_price=list_price,
        margin=None if margin is None else catalog_admin.margin(margin),
        tiers=None if tiers is None else _tiers(tiers),
    )
    with transaction() as session:
        found = next((one for one in catalog_admin.entries(session) if f"{one.provider}/{one.name}" == name), None)
        if found is None:
            raise NotFound(f"No model {name} is listed.")
        catalog_admin.apply(session, found.id, wanted, audit.OPERATOR)
    typer.echo(f"{name} is as you want it.")


def _tiers(text: str) -> list[Tier]:
    """The tiers of a list with commas. Raises InvalidInput."""
    words = [] if text == "all" else text.split(",")
    known = {tier.value: tier for tier in Tier}
    if unknown := [word for word in words if word not in known]:
        raise InvalidInput(f"{unknown[0]!r} is none of {', '.join(known)}, all.")
    return [known[word] for word in words]


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
