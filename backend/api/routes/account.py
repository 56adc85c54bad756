"""The person behind the token: who they are, and what their tasks begin with."""

from backend import db
from backend.api import bearer
from backend.api.bearer import Caller
from backend.api.routes.auth import PENDING_SECONDS, connection_url
from backend.api.schemas.account import ConnectionShown, PreferencesShown, UserGiven, UserShown
from backend.models import User
from backend.services import preferences

router = bearer.router("/auth", "Account")


@router.get("/user")
def read_user(caller: Caller) -> UserShown:
    """The person whose token this is."""
    return _shown(caller.user)


@router.put("/user")
def update_user(caller: Caller, given: UserGiven) -> UserShown:
    """Changes what the person's tasks begin with."""
    with db.transaction() as session:
        preferences.change(session, caller.user, **given.preferences.model_dump(exclude_unset=True))
        user = session.get_one(User, caller.user.id, populate_existing=True)
    return _shown(user)


@router.post("/github/connect")
def connect_github(caller: Caller) -> ConnectionShown:
    """Where the person goes, in any browser and within ten minutes, to connect GitHub (again)."""
    return ConnectionShown(authorize_url=connection_url(caller.user.id), expires_in=PENDING_SECONDS)


def _shown(user: User) -> UserShown:
    chosen = PreferencesShown.model_validate(preferences.of(user))
    return UserShown.model_validate({**user.model_dump(), "preferences": chosen})
