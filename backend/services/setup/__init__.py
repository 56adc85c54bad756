"""The deployment's own parts: what each is, how it stands, since when, and how to mend it.

Not a repository's set-up, which is `services/repository_setup.py`. Checks live in the modules of this package,
`looker.py` asks them, `standing.py` keeps what they found and shows it to admins; `asynccoder doctor` prints the same.
"""

from backend.services.setup.checklist import Checklist, checklist
from backend.services.setup.checklist import hide as hide_steps
from backend.services.setup.finding import Finding, Look
from backend.services.setup.looker import LOOKER, Looker
from backend.services.setup.standing import LOOK_SECONDS, Part, Setup, broken, check, read, record

__all__ = [
    "LOOKER",
    "LOOK_SECONDS",
    "Checklist",
    "Finding",
    "Look",
    "Looker",
    "Part",
    "Setup",
    "broken",
    "check",
    "checklist",
    "hide_steps",
    "read",
    "record",
]
