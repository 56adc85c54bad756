"""docs/github.md: its commands do what it says, and the settings it names are there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from backend import rsa_keys
from backend.github.webhooks import READERS
from backend.settings import PROJECT_DIR, Settings
from tests.conftest import People

GUIDE = (PROJECT_DIR / "docs" / "github.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


def shell(script: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=PROJECT_DIR, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_command_of_the_guide_does_what_it_says(
    people: People, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret, doctor, app, server = BLOCKS
    assert len(shell(secret).strip()) == 43
    examined = shell(doctor)
    assert "ok     database" in examined and "WRONG" not in examined
    environment.setenv("GITHUB_CLIENT_ID", "id")
    shown = "from backend.settings import Settings as S; print(S().github_url, S().github_api_url)"
    told = shell(f'{server}\npython -c "{shown}"')
    assert told.split() == ["https://github.example.org", "https://github.example.org/api/v3"]
    (tmp_path / "github-app.pem").write_text(rsa_keys.new())
    shown = "from backend.settings import Settings as S; print(S().github_app[0], len(S().github_app[1]) > 1000)"
    told = shell(f'{app.replace("/etc/asynccoder", str(tmp_path))}\npython -c "{shown}"')
    assert told.split() == ["123456", "True"]


def test_the_settings_and_events_that_the_guide_names_are_there() -> None:
    known = {field.validation_alias for field in Settings.model_fields.values()}
    named = set(re.findall(r"\b(?:GITHUB|ASYNCCODER)_[A-Z_]+", GUIDE)) - {
        "GITHUB_CLIENT_SECRET_FILE",
        "GITHUB_APP_PRIVATE_KEY_FILE",
    }
    assert named and named <= known, named - known
    for event in READERS.keys() - {"installation", "installation_repositories"}:  # which every app is told
        assert event.replace("_", " ") in GUIDE.lower().replace("\n", " "), event
