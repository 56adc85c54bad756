"""The hub as one ASGI app: every route in one table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from backend import log
from backend.localhub import control, oauth
from backend.localhub.faults import Faulty
from backend.localhub.git_http import GitDoor
from backend.localhub.hub import Hub
from backend.localhub.pages import assets, branches, code, commits, hooks, issue, overview, play, pull, sign_in
from backend.localhub.pages.door import shown
from backend.localhub.refusals import DOCUMENTATION, not_found
from backend.localhub.rest import apps, checks, graphql, issues, labels, pulls, repositories, reviews, users
from backend.localhub.rest.door import Answer, rest
from backend.localhub.web import Call, Handler, OwnNameOnly, on_thread

API, REPO = "/api/v3", "/api/v3/repos/{owner}/{name}"
GIT = "/{owner}/{name}"
_log = log.get(__name__)


def create(hub: Hub) -> Starlette:
    """The app; its lifespan starts and ends the courier."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        hub.courier.start()
        yield
        hub.close()

    return Starlette(
        routes=[*_machine_routes(hub), *_rest_routes(hub), *_page_routes(hub)],
        middleware=[Middleware(OwnNameOnly, config=hub.config), Middleware(Faulty, faults=hub.faults)],
        lifespan=lifespan,
        exception_handlers={Exception: _broken},
    )


def _machine_routes(hub: Hub) -> list[BaseRoute]:
    git = GitDoor(hub).endpoint
    controls = {
        "webhooks": control.webhooks,
        "reset": control.reset,
        "token": control.token,
        "expiry": control.expiry,
        "revoke": control.revoke,
        "rate": control.rate,
        "past": control.past_pulls,
        "play": control.play,
        "repository": control.keep,
        "repositories": control.many,
        "leave": control.leave,
        "faults": control.faults,
    }
    return [
        Route("/health", lambda request: JSONResponse({"status": "ok"})),
        *(_route(hub, "POST", f"/_control/{name}", control.controlled(made)) for name, made in controls.items()),
        _route(hub, "GET", "/login/oauth/authorize", shown(oauth.authorize)),
        _route(hub, "POST", "/login/oauth/authorize", shown(oauth.approve)),
        _route(hub, "POST", "/login/oauth/access_token", oauth.access_token),
        Route(f"{GIT}/info/refs", git, methods=["GET"]),
        Route(f"{GIT}/git-upload-pack", git, methods=["POST"]),
        Route(f"{GIT}/git-receive-pack", git, methods=["POST"]),
    ]


def _rest_routes(hub: Hub) -> list[BaseRoute]:
    pull_path, hook_path = f"{REPO}/pulls/{{number:int}}", f"{REPO}/hooks/{{hook_id:int}}"
    issue_path, comment_path = f"{REPO}/issues/{{number:int}}", f"{REPO}/issues/comments/{{comment_id:int}}"
    table = [
        ("GET", f"{API}/user", users.me),
        ("GET", f"{API}/user/emails", users.emails),
        ("GET", f"{API}/user/orgs", users.organisations),
        ("GET", f"{API}/user/repos", users.repositories),
        ("GET", REPO, repositories.show),
        ("GET", f"{REPO}/branches", repositories.branches),
        ("GET", f"{REPO}/branches/{{branch:path}}", repositories.branch),
        ("GET", f"{REPO}/commits/{{ref}}/check-runs", checks.index),
        ("GET", f"{REPO}/check-runs/{{check_id:int}}", checks.show),
        ("GET", f"{REPO}/hooks", repositories.hooks),
        ("POST", f"{REPO}/hooks", repositories.create_hook),
        ("GET", hook_path, repositories.hook),
        ("PATCH", hook_path, repositories.update_hook),
        ("DELETE", hook_path, repositories.remove_hook),
        ("GET", f"{REPO}/issues", issues.index),
        ("GET", issue_path, issues.show),
        ("POST", f"{REPO}/issues", issues.create),
        ("GET", f"{issue_path}/comments", issues.comments),
        ("POST", f"{issue_path}/comments", issues.say),
        ("GET", comment_path, issues.show_comment),
        ("PATCH", comment_path, issues.edit_comment),
        ("DELETE", comment_path, issues.remove_comment),
        ("GET", f"{issue_path}/labels", labels.index),
        ("POST", f"{issue_path}/labels", labels.add),
        ("DELETE", f"{issue_path}/labels/{{label:path}}", labels.remove),
        ("GET", f"{REPO}/pulls", pulls.index),
        ("POST", f"{REPO}/pulls", pulls.create),
        ("GET", pull_path, pulls.show),
        ("PATCH", pull_path, pulls.update),
        ("GET", f"{pull_path}/merge", pulls.is_merged),
        ("PUT", f"{pull_path}/merge", pulls.merge),
        ("GET", f"{pull_path}/files", pulls.files),
        ("GET", f"{pull_path}/reviews", reviews.index),
        ("POST", f"{pull_path}/reviews", reviews.create),
        ("GET", f"{pull_path}/comments", reviews.comments),
        ("GET", f"{pull_path}/commits", pulls.commits),
    ]
    others = Route(
        f"{API}/{{rest:path}}", on_thread(hub, rest(_unknown)), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]
    )
    graph = _route(hub, "POST", "/api/graphql", rest(graphql.answer))
    return [
        *(_route(hub, method, path, rest(route)) for method, path, route in table),
        _route(hub, "GET", f"{REPO}/installation", rest(apps.installation, apps.identify)),
        _route(hub, "POST", f"{API}/app/installations/{{owner_id:int}}/access_tokens", rest(apps.token, apps.identify)),
        graph,
        others,
    ]


def _page_routes(hub: Hub) -> list[BaseRoute]:
    pull_path = "/{owner}/{name}/pull/{number:int}"
    table = [
        ("GET", "/", overview.home),
        ("GET", "/login", sign_in.login_page),
        ("POST", "/login", sign_in.login),
        ("POST", "/logout", sign_in.logout),
        ("GET", "/_assets/{file}", assets.asset),
        ("GET", "/fonts/{file}", assets.font),
        ("GET", "/avatars/{account_id:int}", assets.avatar),
        ("GET", "/{owner}", overview.owner),
        ("GET", "/{owner}/{name}", code.repository),
        ("GET", "/{owner}/{name}/tree/{rest:path}", code.tree),
        ("GET", "/{owner}/{name}/blob/{rest:path}", code.blob),
        ("GET", "/{owner}/{name}/raw/{rest:path}", code.raw),
        ("GET", "/{owner}/{name}/branches", branches.branches),
        ("GET", "/{owner}/{name}/commits/{rest:path}", commits.history),
        ("GET", "/{owner}/{name}/commit/{sha}", commits.commit),
        ("GET", "/{owner}/{name}/issues", issue.index),
        ("GET", "/{owner}/{name}/issues/{number:int}", issue.show),
        ("POST", "/{owner}/{name}/issues/{number:int}/comment", issue.comment),
        ("POST", "/{owner}/{name}/issues/{number:int}/label", issue.label),
        ("POST", "/{owner}/{name}/issues/{number:int}/unlabel", issue.unlabel),
        ("GET", "/{owner}/{name}/pulls", pull.index),
        ("GET", f"{pull_path}.diff", pull.diff),
        ("GET", f"{pull_path}.patch", pull.patch),
        ("GET", pull_path, pull.show),
        ("POST", f"{pull_path}/play", play.act),
        ("POST", f"{pull_path}/conversation/{{comment_id:int}}/{{action}}", pull.converse),
        ("POST", f"{pull_path}/{{action}}", pull.act),
        ("GET", "/{owner}/{name}/settings/hooks", hooks.deliveries_page),
        ("POST", "/{owner}/{name}/settings/hooks/{delivery_id:int}/redeliver", hooks.redeliver),
        ("GET", "/{rest:path}", overview.missing),
    ]
    return [_route(hub, method, path, shown(page)) for method, path, page in table]


def _route(hub: Hub, method: str, path: str, handler: Handler) -> Route:
    return Route(path, on_thread(hub, handler), methods=[method])


def _unknown(call: Call) -> Answer:
    raise not_found()


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("a request failed", path=request.url.path, method=request.method, error=repr(error))
    body = {"message": "Server Error", "documentation_url": DOCUMENTATION, "status": "500"}
    return JSONResponse(body, 500)
