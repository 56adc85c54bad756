"""The estimate of tokens beside what providers reported: of every answer in a deployment's log, by model.

It reads the database of DATABASE_URL, or of the `up` that runs on the data dir, and changes nothing. What a model
thought unseen is taken off; answers of under a hundred tokens are left out.
"""

import statistics
from collections import defaultdict

from sqlalchemy import text

from backend import db
from backend.errors import AsyncCoderError
from backend.providers.tokens import estimate_tokens

LEAST = 100
_TURNS = text("SELECT payload FROM task_events WHERE kind = 'model_turn' ORDER BY created_at DESC LIMIT 20000")


def main() -> None:
    """One line a model: how many answers, and the estimate as a share of the truth."""
    shares = defaultdict[str, list[float]](list)
    try:
        with db.transaction() as session:
            for (turn,) in session.execute(_TURNS):
                _weigh(turn, shares)
    except AsyncCoderError as error:
        print(f"  not measured: {error}")
    for model, found in sorted(shares.items()):
        cuts = statistics.quantiles(found, n=20) if len(found) > 1 else found * 19
        under = sum(share < 1 for share in found)
        print(f"  {model:<30} {len(found):>6} answers, estimated at {cuts[0]:.2f} to {cuts[-1]:.2f} of what they were")
        print(f"  {'':<30} {statistics.median(found):.2f} in the middle, {under} too low")


def _weigh(turn: dict, shares: dict[str, list[float]]) -> None:
    usage = turn.get("usage") or {}
    true = usage.get("output", 0) - usage.get("reasoning", 0)
    if true < LEAST or usage.get("estimated"):
        return
    said = "".join(_words(part) for part in turn.get("parts", ()) if part.get("type") != "thinking")
    shares[turn.get("model", "?")].append(estimate_tokens(said) / true)


def _words(part: dict) -> str:
    return "".join(str(value) for name, value in part.items() if name in ("text", "name", "args", "broken"))
