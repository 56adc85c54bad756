"""A person and a repository of hers, for what is measured on an empty database."""

from sqlmodel import Session

from backend.github.types import Profile, RemoteRepository, Token
from backend.models import User
from backend.services import auth

REPOSITORY = RemoteRepository(
    github_id=1,
    owner_login="alice",
    name="x",
    full_name="alice/x",
    description="What it is for, in a sentence.",
    is_private=False,
    default_branch="main",
    language="Python",
    url="http://127.0.0.1/alice/x",
    clone_url="http://127.0.0.1/alice/x.git",
    access_level="admin",
    is_archived=False,
    is_empty=False,
    is_collaborator=False,
)


def sign_in(session: Session) -> User:
    """Alice, as her first sign-in leaves her."""
    user, _ = auth.sign_in(session, Profile(1, "alice", None, None, None), Token("t", None, None, ()), "")
    return user
