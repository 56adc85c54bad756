"""Choosing who one is: for an app that asks, or for the hub's own pages."""

from collections.abc import Sequence

from starlette.responses import RedirectResponse, Response

from backend.localhub import access, visitors
from backend.localhub.access import Viewer
from backend.localhub.pages.html import Html, avatar, csrf_field, markup, page
from backend.localhub.refusals import Refused
from backend.localhub.store import Account
from backend.localhub.web import Call

_EXPLAINED = {
    "repo": "read and write your repositories, private ones too",
    "public_repo": "write to public repositories",
    "read:org": "see your organisations",
    "user": "see your whole profile",
    "read:user": "see your whole profile",
    "user:email": "see your e-mail address",
    "write:repo_hook": "set up webhooks",
    "admin:repo_hook": "set up and remove webhooks",
}


def set_cookie(answer: Response, session: str) -> None:
    """Signs this browser in to the hub's pages."""
    answer.set_cookie(visitors.COOKIE, session, httponly=True, samesite="lax", path="/")


def authorize_page(call: Call, people: Sequence[Account], scopes: Sequence[str], given: dict[str, str]) -> Response:
    """The page an app sends a browser to: say who you are, and with that yes."""
    kept = [
        markup('<input type="hidden" name="{name}" value="{value}">', name=name, value=value)
        for name, value in given.items()
        if name not in ("csrf", "login", "cancel")
    ]
    wishes = [markup("<li>{wish}</li>", wish=_EXPLAINED[scope]) for scope in scopes]
    content = markup(
        '<h1>Sign in to Async Coder</h1><p class="lede">On the internet this page is GitHub’s. Here it is a local'
        " stand-in: nobody is asked for a password, and nothing leaves this machine. Choose who you want to be.</p>"
        '<form method="post" action="/login/oauth/authorize">{csrf}{kept}{people}'
        '<p class="aside">Async Coder will be able to:</p><ul class="wishes">{wishes}</ul>'
        '<button class="button quiet" name="cancel" value="1">Cancel</button></form>',
        csrf=csrf_field(call),
        kept=kept,
        people=_choices(call, people),
        wishes=wishes or [markup("<li>see the public profile and public repositories</li>")],
    )
    return page(call, "Sign in to Async Coder", content, is_narrow=True)


def login_page(call: Call) -> Response:
    """GET /login."""
    content = markup(
        '<h1>Sign in to the local hub</h1><p class="lede">This is a stand-in for GitHub on this machine. Nobody is'
        " asked for a password: choose who you want to be.</p>{form}",
        form=people_form(call, call.query("next", "/")),
    )
    return page(call, "Sign in", content, is_narrow=True)


def people_form(call: Call, next_path: str) -> Html:
    """The people to choose from; afterwards the browser goes to that page."""
    with call.hub.store.read() as db:
        people = access.people(db)
    return markup(
        '<form method="post" action="/login">{csrf}<input type="hidden" name="next" value="{next}">{people}</form>',
        csrf=csrf_field(call),
        next=_own_path(next_path),
        people=_choices(call, people),
    )


def login(call: Call) -> Response:
    """POST /login."""
    form = call.form()
    with call.hub.store.write() as db:
        account = access.account_of_login(db, form.get("login", ""))
        if account is None or account.type != "User":
            raise Refused(422, "There is no such person here")
        visitors.end_session(db, call.request)
        session = visitors.start_session(db, account)
    answer = RedirectResponse(_own_path(form.get("next", "/")), 303)
    set_cookie(answer, session)
    return answer


def logout(call: Call) -> Response:
    """POST /logout."""
    with call.hub.store.write() as db:
        visitors.end_session(db, call.request)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(visitors.COOKIE)
    return answer


def _choices(call: Call, people: Sequence[Account]) -> list[Html]:
    with call.hub.store.read() as db:
        counts = {
            account.id: sum(place.allows("write") for place in access.places(db, Viewer(account))) for account in people
        }
    return [
        markup(
            '<button class="person" name="login" value="{login}">{avatar}<span><b>{login}</b> <span class="soft">{name}'
            '</span><br><span class="aside">can write to {count}</span></span></button>',
            login=account.login,
            name=account.name,
            avatar=avatar(account, "large"),
            count=_plural(counts[account.id], "repository", "repositories"),
        )
        for account in people
    ]


def _plural(count: int, one: str, many: str) -> str:
    return f"{count or 'no'} {one if count == 1 else many}"


def _own_path(path: str) -> str:
    """A page of the hub, never another site's."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_own else "/"
