"""The app: pages on their addresses, the gate before every event, the log's socket, the API mounted beside them."""

import asyncio
import functools

import reflex as rx
from reflex.app import default_error_boundary

from asynccoder_ui import bridge, routes, theme
from asynccoder_ui.ahead import Ahead
from asynccoder_ui.beside import Beside
from asynccoder_ui.components.react import broken
from asynccoder_ui.composer import Composer
from asynccoder_ui.doorway import guard
from asynccoder_ui.drafts import Drafts
from asynccoder_ui.first_steps import FirstSteps
from asynccoder_ui.gate import Gate
from asynccoder_ui.headers import SecurityHeaders
from asynccoder_ui.live import LogNamespace
from asynccoder_ui.pages.admin_announcements import AdminAnnouncements, admin_announcements
from asynccoder_ui.pages.admin_audit import AdminAudit, admin_audit
from asynccoder_ui.pages.admin_caches import AdminCaches, admin_caches
from asynccoder_ui.pages.admin_deliveries import AdminDeliveries, admin_deliveries
from asynccoder_ui.pages.admin_models import AdminModels, admin_models
from asynccoder_ui.pages.admin_people import AdminPeople, admin_people
from asynccoder_ui.pages.admin_queue import AdminQueue, admin_queue
from asynccoder_ui.pages.admin_setup import AdminSetup, admin_setup
from asynccoder_ui.pages.admin_tasks import AdminTasks, admin_tasks
from asynccoder_ui.pages.analytics import Analytics, analytics
from asynccoder_ui.pages.credits import Credits, credits
from asynccoder_ui.pages.device import Device, device
from asynccoder_ui.pages.home import home
from asynccoder_ui.pages.landing import landing
from asynccoder_ui.pages.not_found import not_found
from asynccoder_ui.pages.pull_requests import PullRequests, pull_requests
from asynccoder_ui.pages.repositories import Repositories, repositories
from asynccoder_ui.pages.repository import repository
from asynccoder_ui.pages.settings import settings
from asynccoder_ui.pages.task import task
from asynccoder_ui.pages.tasks import TaskList, tasks
from asynccoder_ui.repository_view import RepositoryView
from asynccoder_ui.session import Session, on_error
from asynccoder_ui.settings_view import Access, Preferred
from asynccoder_ui.shell import Shell, around
from asynccoder_ui.task_view import TaskView
from backend import log, metrics
from backend.api.app import app as api
from backend.api.loopback import LoopbackOnly
from backend.departure import Parting, follow
from backend.errors import AsyncCoderError, Misconfigured
from backend.hub import hub
from backend.services import setup
from backend.settings import get_settings


async def looks() -> None:
    """Looks at the deployment's own parts as long as this web process lives, whether a page shows them or not."""
    while True:
        try:
            await bridge.outside(setup.check)
        except AsyncCoderError as error:
            _log.warning("what was found of the parts could not be kept", error=str(error))
        except Exception:  # the next look comes all the same
            _log.exception("looking at the parts broke")
        await asyncio.sleep(setup.LOOK_SECONDS)


async def rings() -> None:
    """Listens for rings as long as this web process lives."""
    log.configure()
    get_settings().check()
    await hub.run(get_settings().resolved_redis_url)


_log = log.get(__name__)


def _head() -> list[rx.Component]:
    return [
        rx.el.meta(name="color-scheme", content="light dark"),
        rx.el.link(
            rel="preload",
            href="/fonts/geist.woff2",
            cross_origin="anonymous",
            custom_attrs={"as": "font", "type": "font/woff2"},
        ),
        *[rx.el.link(rel="stylesheet", href=rx.asset(sheet)) for sheet in theme.STYLESHEETS],
        rx.el.link(rel="icon", href=rx.asset("favicon.svg"), type="image/svg+xml"),
        rx.el.script(src=rx.asset("shell.js")),
    ]


def _require_exact_origin() -> None:
    """The default lets any origin open the socket with the person's cookie. Raises Misconfigured."""
    origin = get_settings().origin
    if list(rx.config.get_config().cors_allowed_origins) != [origin]:
        raise Misconfigured(
            "The dashboard's allowed origins are not exactly the public one.",
            fix=f"Unset REFLEX_CORS_ALLOWED_ORIGINS; {origin} comes from ASYNCCODER_PUBLIC_URL.",
        )


_require_exact_origin()
app = rx.App(
    reset_style=False,
    html_lang="en",
    head_components=_head(),
    backend_exception_handler=on_error,
    # Reflex's own overlay speaks of servers and sockets; the shell says "Reconnecting…" after two seconds.
    app_wraps={
        (55, "ErrorBoundary"): lambda _: default_error_boundary(fallback_render=broken()),
        (20, "Around"): lambda _: around(),
    },
    toaster=rx.toast.provider(position="bottom-right", rich_colors=False, close_button=True),
    api_transformer=[
        functools.partial(Beside, api=api),
        Ahead,
        Parting,
        functools.partial(LoopbackOnly, settings=get_settings()),
        functools.partial(SecurityHeaders, settings=get_settings()),  # last is outermost: refusals have them too
    ],
)
app.add_middleware(Gate())
app.register_lifespan_task(rings)
app.register_lifespan_task(looks)
app.register_lifespan_task(follow)
assert app.sio is not None
sockets = app.sio.eio
app.sio.register_namespace(LogNamespace(get_settings().origin))
guard(app.sio, app.event_namespace)
metrics.count_open("socket", lambda: len(sockets.sockets))

app.add_page(landing, route=routes.LANDING, title="Async Coder", on_load=Session.greet)
app.add_page(
    home,
    route=routes.HOME,
    title="New task · Async Coder",
    on_load=[Shell.follow, Composer.load, Drafts.show, FirstSteps.ask_whether_new],
)
app.add_page(tasks, route=routes.TASKS, title="Tasks · Async Coder", on_load=[Shell.follow, TaskList.follow])
app.add_page(task, route=routes.TASK, title="Task · Async Coder", on_load=[Shell.follow, TaskView.follow])
app.add_page(
    repositories,
    route=routes.REPOSITORIES,
    title="Repositories · Async Coder",
    on_load=[Shell.follow, Repositories.follow],
)
app.add_page(
    repository,
    route=routes.REPOSITORY,
    title="Repository · Async Coder",
    on_load=[Shell.follow, RepositoryView.follow],
)
app.add_page(
    pull_requests,
    route=routes.PULL_REQUESTS,
    title="Pull requests · Async Coder",
    on_load=[Shell.follow, PullRequests.follow],
)
app.add_page(credits, route=routes.CREDITS, title="Credits · Async Coder", on_load=[Shell.follow, Credits.follow])
app.add_page(
    analytics, route=routes.ANALYTICS, title="Analytics · Async Coder", on_load=[Shell.follow, Analytics.follow]
)
app.add_page(
    settings,
    route=routes.SETTINGS,
    title="Settings · Async Coder",
    on_load=[Shell.follow, Preferred.load, Access.load],
)
app.add_page(
    device, route=routes.DEVICE, title="Sign a program in · Async Coder", on_load=[Shell.follow, Device.arrive]
)
app.add_page(
    admin_people,
    route=routes.ADMIN_PEOPLE,
    title="People · Async Coder",
    on_load=[Shell.follow, AdminPeople.follow],
)
app.add_page(
    admin_queue,
    route=routes.ADMIN_QUEUE,
    title="Queue · Async Coder",
    on_load=[Shell.follow, AdminQueue.follow],
)
app.add_page(
    admin_models,
    route=routes.ADMIN_MODELS,
    title="Models · Async Coder",
    on_load=[Shell.follow, AdminModels.follow],
)
app.add_page(
    admin_setup,
    route=routes.ADMIN_SETUP,
    title="Setup · Async Coder",
    on_load=[Shell.follow, AdminSetup.follow],
)
app.add_page(
    admin_caches,
    route=routes.ADMIN_CACHES,
    title="Caches · Async Coder",
    on_load=[Shell.follow, AdminCaches.follow],
)
app.add_page(
    admin_audit,
    route=routes.ADMIN_AUDIT,
    title="Audit log · Async Coder",
    on_load=[Shell.follow, AdminAudit.follow],
)
app.add_page(
    admin_deliveries,
    route=routes.ADMIN_DELIVERIES,
    title="Deliveries · Async Coder",
    on_load=[Shell.follow, AdminDeliveries.follow],
)
app.add_page(
    admin_announcements,
    route=routes.ADMIN_ANNOUNCEMENTS,
    title="Announcements · Async Coder",
    on_load=[Shell.follow, AdminAnnouncements.follow],
)
app.add_page(
    admin_tasks,
    route=routes.ADMIN_TASKS,
    title="Everyone's tasks · Async Coder",
    on_load=[Shell.follow, AdminTasks.follow],
)
app.add_page(not_found, route="404", title="Not found · Async Coder")
