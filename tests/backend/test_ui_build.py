"""When the pages are built again, and when not. The build itself is walked by the browser test."""

from pathlib import Path

import pytest

from backend import ui_build
from backend.settings import Settings
from tests.servers import embedded_settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "a project"
    for name in ("asynccoder_ui/pages/home.py", "assets/a.css", "rxconfig.py", "requirements.lock", "backend/words.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return embedded_settings(tmp_path / "data")


def pretend_built(settings: Settings, project: Path) -> Path:
    home = ui_build.folder(settings)
    (home / "web" / "build" / "client").mkdir(parents=True)
    (home / "built").write_text(ui_build.fingerprint(settings, project))
    return home


def test_a_finished_build_is_used_again(settings: Settings, project: Path) -> None:
    assert not ui_build.is_current(settings, project)
    pretend_built(settings, project)
    assert ui_build.is_current(settings, project)


@pytest.mark.parametrize("name", ["asynccoder_ui/pages/home.py", "assets/a.css", "rxconfig.py", "requirements.lock"])
def test_a_changed_source_or_version_asks_for_a_build(settings: Settings, project: Path, name: str) -> None:
    pretend_built(settings, project)
    (project / name).write_text("changed")
    assert not ui_build.is_current(settings, project)


def test_a_new_a_removed_and_a_renamed_file_ask_for_a_build(settings: Settings, project: Path) -> None:
    before = ui_build.fingerprint(settings, project)
    (project / "assets" / "a.css").rename(project / "assets" / "b.css")
    renamed = ui_build.fingerprint(settings, project)
    (project / "assets" / "b.css").unlink()
    assert len({before, renamed, ui_build.fingerprint(settings, project)}) == 3


def test_a_changed_public_url_asks_for_a_build(settings: Settings, project: Path) -> None:
    pretend_built(settings, project)
    assert not ui_build.is_current(settings.model_copy(update={"port": 4000}), project)


def test_what_python_leaves_lying_around_does_not(settings: Settings, project: Path) -> None:
    pretend_built(settings, project)
    cache = project / "asynccoder_ui" / "__pycache__"
    cache.mkdir()
    (cache / "home.pyc").write_text("x")
    assert ui_build.is_current(settings, project)


def test_an_interrupted_build_does_not_count(settings: Settings, project: Path) -> None:
    (pretend_built(settings, project) / "building").touch()
    assert not ui_build.is_current(settings, project)


def test_a_build_that_fails_says_why_and_does_not_count(settings: Settings, project: Path) -> None:
    (project / "rxconfig.py").write_text("raise SystemExit('this configuration is broken')")
    told: list[str] = []
    with pytest.raises(ui_build.BuildFailed, match="could not be built"):
        ui_build.build(settings, told.append, project)
    assert told
    assert not ui_build.is_current(settings, project)
    assert (ui_build.folder(settings) / "building").exists()


def test_a_page_that_cannot_be_drawn_is_named_with_its_cause(settings: Settings, project: Path) -> None:
    (project / "rxconfig.py").write_text(
        "error = TypeError('add_style() takes 1 argument')\n"
        "error.add_note(\"Happened while evaluating page 'home'\")\nraise error\n"
    )
    with pytest.raises(ui_build.BuildFailed, match=r"TypeError: add_style\(\) takes 1 argument.*page 'home'"):
        ui_build.build(settings, lambda line: None, project)


def test_node_comes_from_the_virtual_environment(settings: Settings) -> None:
    first = ui_build.environment(settings)["PATH"].split(":")[0]
    assert (Path(first) / "node").exists()
