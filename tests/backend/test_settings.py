"""Settings: one reader, three sources, and what must not start."""

import threading
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from backend import crypto, db, rsa_keys
from backend.errors import Misconfigured
from backend.services import deployment
from backend.settings import Settings, get_settings

REAL = {
    "GITHUB_CLIENT_ID": "id",
    "GITHUB_CLIENT_SECRET": "secret",
    "GITHUB_WEBHOOK_SECRET": "hook",
    "ASYNCCODER_ADMINS": "Alice",
    "ASYNCCODER_PUBLIC_URL": "https://coder.example.org",
}


def test_without_a_github_app_it_is_demo_mode_on_the_local_hub(environment: pytest.MonkeyPatch) -> None:
    settings = Settings()
    settings.check()
    assert settings.is_demo
    assert settings.github_api_url == "http://127.0.0.1:3001/api/v3"
    assert settings.git_protocols == "https:http"
    assert settings.admin_logins == {"alice"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASYNCCODER_PUBLIC_URL", "https://coder.example.org"),
        ("ASYNCCODER_PUBLIC_URL", "http://127.0.0.1.example.org:3000"),
        ("ASYNCCODER_PUBLIC_URL", "http://127.0.0.1:3000/path"),
        ("ASYNCCODER_HOST", "0.0.0.0"),
    ],
)
def test_demo_mode_does_not_start_where_others_could_reach_it(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(Misconfigured):
        Settings().check()


def test_real_mode_is_whole_or_says_what_is_missing(environment: pytest.MonkeyPatch) -> None:
    for name, value in REAL.items():
        environment.setenv(name, value)
    settings = Settings()
    settings.check()
    assert (settings.session_cookie, settings.git_protocols) == ("__Host-asynccoder", "https")
    assert settings.github_api_url == "https://api.github.com"
    for name in ("GITHUB_CLIENT_SECRET", "GITHUB_WEBHOOK_SECRET", "ASYNCCODER_ADMINS"):
        environment.delenv(name)
        with pytest.raises(Misconfigured, match=name):
            Settings().check()
        environment.setenv(name, REAL[name])


def test_a_github_apps_key_is_a_key_and_has_its_apps_id(environment: pytest.MonkeyPatch) -> None:
    for name, value in REAL.items():
        environment.setenv(name, value)
    assert Settings().github_app is None
    environment.setenv("GITHUB_APP_PRIVATE_KEY", rsa_keys.new())
    with pytest.raises(Misconfigured, match="GITHUB_APP_ID"):
        Settings().check()
    environment.setenv("GITHUB_APP_ID", "7")
    Settings().check()
    environment.setenv("GITHUB_APP_PRIVATE_KEY", "-----BEGIN RSA PRIVATE KEY-----")
    with pytest.raises(Misconfigured, match="GITHUB_APP_PRIVATE_KEY"):
        Settings().check()


def test_a_setting_can_come_from_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    environment.setenv("GITHUB_CLIENT_SECRET_FILE", str(secret))
    found = Settings().github_client_secret
    assert found is not None and found.get_secret_value() == "from a file"
    environment.setenv("GITHUB_CLIENT_SECRET_FILE", str(tmp_path / "none"))
    with pytest.raises(Misconfigured, match="GITHUB_CLIENT_SECRET_FILE"):
        Settings()


def test_a_wrong_value_is_named_without_a_traceback(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ASYNCCODER_PORT", "many")
    get_settings.cache_clear()
    with pytest.raises(Misconfigured, match="ASYNCCODER_PORT"):
        get_settings()


def test_processes_that_make_a_key_at_once_get_the_same_one(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found: set[str] = set()
    threads = [threading.Thread(target=lambda: found.add(Settings().generated_key("k"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert (tmp_path / "data" / "keys" / "k").stat().st_mode & 0o777 == 0o600


def test_a_sealed_secret_opens_only_for_its_owner_and_after_a_rotation(environment: pytest.MonkeyPatch) -> None:
    owner, other = uuid4(), uuid4()
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    environment.setenv("ASYNCCODER_SECRET_KEYS", old)
    sealed = crypto.seal(Settings(), owner, "gho_x")
    assert "gho_x" not in sealed
    with pytest.raises(Misconfigured, match="another person"):
        crypto.unseal(Settings(), other, sealed)
    environment.setenv("ASYNCCODER_SECRET_KEYS", f"{new},{old}")
    assert crypto.unseal(Settings(), owner, sealed) == "gho_x"
    environment.setenv("ASYNCCODER_SECRET_KEYS", new)
    with pytest.raises(Misconfigured, match="configured keys"):
        crypto.unseal(Settings(), owner, sealed)


def test_real_mode_refuses_a_demos_database(database: str, environment: pytest.MonkeyPatch) -> None:
    with db.transaction() as session:
        deployment.prepare(session, Settings())
    for name, value in REAL.items():
        environment.setenv(name, value)
    with pytest.raises(Misconfigured, match="belongs to a demo"), db.transaction() as session:
        deployment.prepare(session, Settings())
