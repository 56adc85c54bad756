"""The two files that Reflex writes for its bundler, as the locked version writes them."""

from collections.abc import Callable

import pytest
from reflex.utils import frontend_skeleton
from reflex_base.config import get_config

from asynccoder_ui.build_plugin import BuildPlugin
from backend.errors import Misconfigured

Change = Callable[[str], str]


@pytest.fixture
def changes() -> dict[str, Change]:
    found: dict[str, Change] = {}
    BuildPlugin().pre_compile(add_modify_task=found.__setitem__)
    return found


def test_pages_with_an_id_are_drawn_ahead(changes: dict[str, Change]):
    written = frontend_skeleton._update_react_router_config(get_config(), prerender_routes=True)
    changed = changes["react-router.config.js"](written)
    assert '[...getStaticPaths(), ...["/repositories/_", "/tasks/_"]]' in changed
    assert "true" not in changed[changed.index("prerender") :].split("build")[0]


def test_with_hot_reload_nothing_is_drawn_ahead(changes: dict[str, Change]):
    written = frontend_skeleton._update_react_router_config(get_config(), prerender_routes=False)
    assert changes["react-router.config.js"](written) == written


def test_what_pages_share_is_in_few_scripts(changes: dict[str, Change]):
    changed = changes["vite.config.js"](frontend_skeleton._compile_vite_config(get_config()))
    for name in ("icons", "vendor", "common", "reflex-env"):
        assert changed.count(f'name: "{name}"') == 1


def test_another_version_of_the_file_stops_the_build(changes: dict[str, Change]):
    with pytest.raises(Misconfigured, match="no place for groups"):
        changes["vite.config.js"]("export default {}")
