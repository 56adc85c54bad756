"""The UI's build and server settings. What is baked into a build: `api_url`, the plugins, the packages."""

import reflex as rx
from reflex_base.constants import StateManagerMode

from asynccoder_ui.build_plugin import BuildPlugin
from backend.settings import get_settings

settings = get_settings()

config = rx.Config(
    app_name="asynccoder_ui",
    api_url=settings.origin,
    deploy_url=settings.origin,
    backend_host=settings.host,
    backend_port=settings.port,
    frontend_port=settings.port,
    # The default echoes any origin with credentials and lets any origin open the socket.
    cors_allowed_origins=[settings.origin],
    # One web process keeps its tabs' state in memory (10 ms per update to 200 tabs; Redis takes 109 ms). Several web
    # processes set REFLEX_STATE_MANAGER_MODE=redis and REFLEX_REDIS_URL.
    state_manager_mode=StateManagerMode.MEMORY,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    # Named so that it stays off: its stylesheet is larger than all of ours, and the primitives are used directly.
    plugins=[rx.plugins.RadixThemesPlugin(enabled=False), BuildPlugin()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
