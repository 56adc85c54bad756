"""`asynccoder doctor`: each part and each setting, its state, and how to mend it."""

import typer

from backend.settings import get_settings


def doctor() -> None:
    """Checks each part and setting and says how to mend what is wrong. Exit code 1 when something is."""
    from backend.cli.looks_here import SIGNS, findings  # every other command is quicker without them
    from backend.models import PartState

    found = findings(get_settings())
    for finding in found:
        name = f"{finding.name} ({finding.place})" if finding.place else finding.name
        typer.echo(f"{SIGNS[finding.state]}  {name:<22} {finding.words}")
        fix = " ".join(filter(None, [finding.fix, finding.command]))
        if fix:
            typer.echo(f"{'':<30} → {fix}")
    wrong = sum(finding.state is PartState.BROKEN for finding in found)
    typer.echo(f"\n{wrong} of {len(found)} need mending." if wrong else f"\nAll {len(found)} are well.")
    raise typer.Exit(1 if wrong else 0)
