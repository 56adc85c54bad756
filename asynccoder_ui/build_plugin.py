"""What the pages' build needs beyond Reflex's own settings: id pages drawn ahead, and few scripts to ask for."""

import json
from typing import Any

import reflex as rx

from asynccoder_ui import routes
from backend.errors import Misconfigured

_ROUTER, _VITE = "react-router.config.js", "vite.config.js"
_DRAWN = '"prerender": true'
_GROUPS = "groups: ["
# What nearly every page needs. A group depends on those above it only: scripts that need each other would not start.
_OURS = """
            { name: "icons", test: /lucide-react/, priority: 3 },
            { name: "vendor", test: /node_modules/, minShareCount: 9, priority: 2 },
            { name: "common", test: /public.components|app_components|utils/, minShareCount: 9, priority: 1 },"""


class BuildPlugin(rx.plugins.Plugin):
    """Changes the two files that Reflex writes for its bundler, each time it writes them.

    A page whose address holds an id is built for a stand-in id (`routes.FRAMES`), as the others are for themselves;
    otherwise the browser would draw nothing of it before all scripts have run. What the pages share is
    three scripts, where the bundler would make some twenty (https://rolldown.rs/in-depth/manual-code-splitting).
    """

    def pre_compile(self, **context: Any) -> None:
        """Registers both changes. Raises Misconfigured, while building, if a file is not as it was known."""
        context["add_modify_task"](_ROUTER, _draw_frames)
        context["add_modify_task"](_VITE, _gather)


def _draw_frames(content: str) -> str:
    # With hot reload nothing is drawn ahead, and nothing is named here.
    frames = json.dumps(sorted(routes.FRAMES.values()))
    return content.replace(_DRAWN, f'"prerender": ({{getStaticPaths}}) => [...getStaticPaths(), ...{frames}]')


def _gather(content: str) -> str:
    if content.count(_GROUPS) != 1:
        raise Misconfigured(
            f"{_VITE} has no place for groups of scripts any more.",
            fix="Reflex's version is not the locked one: run `make up` anew.",
        )
    return content.replace(_GROUPS, _GROUPS + _OURS)
