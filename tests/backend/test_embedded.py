"""The embedded servers: real PostgreSQL and Valkey in folders of their own."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import create_engine, text

from backend import embedded
from backend.embedded.identity import another_user, identity
from backend.embedded.postgres import data_folder, postgres_bin
from backend.errors import Misconfigured
from backend.settings import PROJECT_DIR, Settings
from tests.servers import embedded_settings

HOLD = """
import sys, time
from pathlib import Path
from backend import embedded
from tests.servers import embedded_settings
settings = embedded_settings(Path(sys.argv[1]))
with embedded.running(settings, is_durable=True):
    print("up", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = embedded_settings(tmp_path / "a data dir")
    yield settings
    embedded.forget(settings)


def sockets(settings: Settings) -> list[Path]:
    return [embedded.socket_folder(settings, server) for server in embedded.SERVERS]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def processes_on(folder: Path) -> list[str]:
    wanted = os.fsencode(folder)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return [pid for pid in found if pid != str(os.getpid())]


def test_both_servers_run_from_a_path_with_a_space_and_find_their_data_again(settings: Settings) -> None:
    with embedded.running(settings, is_durable=True):
        with psycopg.connect(embedded.database_url(settings)) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('kept')")
        redis.Redis.from_url(embedded.redis_url(settings)).set("kept", "kept")
    with embedded.running(settings, is_durable=True):
        with psycopg.connect(embedded.database_url(settings)) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("kept",)
        assert redis.Redis.from_url(embedded.redis_url(settings)).get("kept") == b"kept"


def test_the_programs_role_owns_its_databases_and_is_no_superuser(embedded_servers: Settings) -> None:
    for name in ("asynccoder", "asynccoder_demo"):
        url = embedded.database_url(embedded_servers).replace("asynccoder_demo", name)
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT usesuper, usecreatedb FROM pg_user WHERE usename = current_user"
            ).fetchone()
            assert row == (False, False)
            connection.execute("CREATE TABLE mine (n int)")
            connection.rollback()


def test_the_url_works_for_sqlalchemy_as_well(embedded_servers: Settings) -> None:
    settings = embedded_servers.model_copy(update={"database_url": embedded.database_url(embedded_servers)})
    engine = create_engine(settings.resolved_database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_nobody_gets_in_without_the_password(embedded_servers: Settings) -> None:
    wrong = embedded.database_url(embedded_servers).replace("asynccoder:", "asynccoder:x")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    socket = str(embedded.socket_folder(embedded_servers, "valkey") / "valkey.sock")
    stranger = redis.Redis(unix_socket_path=socket, retry=Retry(NoBackoff(), 0))
    with pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_everything_on_disk_is_ours_alone(embedded_servers: Settings) -> None:
    data = embedded_servers.data_dir
    for folder in (data, data / "keys", data / "run", data / "valkey", *sockets(embedded_servers)):
        assert mode(folder) == 0o700
    for file in (embedded_servers.servers_file, data / "valkey" / "valkey.conf", *(data / "keys").iterdir()):
        assert mode(file) == 0o600


def test_no_password_stands_in_a_process_list(embedded_servers: Settings) -> None:
    secrets = [file.read_text() for file in (embedded_servers.data_dir / "keys").iterdir()]
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "valkey" in listed
    assert not [secret for secret in secrets if secret in listed]


def test_the_urls_are_where_other_processes_look_for_them(embedded_servers: Settings) -> None:
    assert json.loads(embedded_servers.servers_file.read_text()) == {
        "database_url": embedded.database_url(embedded_servers),
        "redis_url": embedded.redis_url(embedded_servers),
    }
    assert embedded_servers.resolved_redis_url == embedded.redis_url(embedded_servers)


def test_nothing_stays_after_the_end(settings: Settings) -> None:
    with embedded.running(settings):
        folder = settings.data_dir.resolve()
        assert processes_on(folder)
    assert not any(folder.exists() for folder in sockets(settings))
    assert not settings.servers_file.exists()
    assert processes_on(folder) == []


def test_a_kill_of_the_starter_leaves_no_server_and_the_next_start_recovers(settings: Settings) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.data_dir)], stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIR
    )
    assert holder.stdout is not None and holder.stdout.readline() == "up\n"
    with psycopg.connect(embedded.database_url(settings)) as connection:
        connection.execute("CREATE TABLE committed ()")
    holder.kill()
    holder.wait()
    deadline = time.monotonic() + 5
    while processes_on(settings.data_dir.resolve()):
        assert time.monotonic() < deadline, "a server lived on"
        time.sleep(0.02)
    with embedded.running(settings), psycopg.connect(embedded.database_url(settings)) as connection:
        connection.execute("SELECT * FROM committed")


def test_a_server_that_outlived_its_supervisor_gives_way(settings: Settings) -> None:
    server = embedded.postgres(settings)
    orphan = subprocess.Popen(server.command(), start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not (server.health and server.health()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with embedded.running(settings):
        assert orphan.wait(5) == 0


def test_a_stale_pid_file_with_the_number_of_a_stranger_is_no_obstacle(settings: Settings) -> None:
    with embedded.running(settings):
        pass
    stranger = subprocess.Popen(["sleep", "600"])
    folder = settings.data_dir / "postgres"
    (folder / "postmaster.pid").write_text(f"{stranger.pid}\n{folder}\n1\n5432\n/tmp\n\n  1 1\nready\n")
    with embedded.running(settings):
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_another_major_version_is_refused_with_the_way_up(settings: Settings) -> None:
    with embedded.running(settings):
        pass
    (settings.data_dir / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Misconfigured, match="written by PostgreSQL 17") as refused:
        embedded.postgres(settings)
    assert "pg_upgrade" in refused.value.fix


def test_an_initdb_that_was_interrupted_leaves_no_half_cluster(settings: Settings) -> None:
    half = settings.data_dir / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with embedded.running(settings):
        pass
    assert not half.exists()


def test_root_without_namespaces_runs_postgresql_as_another_user_or_says_why_not(settings: Settings) -> None:
    user = another_user() if os.geteuid() == 0 else identity()
    try:
        with embedded.running(settings, user=user), psycopg.connect(embedded.database_url(settings)) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("asynccoder",)
            assert redis.Redis.from_url(embedded.redis_url(settings)).ping()
    except Misconfigured as error:  # where the project lies in a folder that no other user may enter
        assert "Permission denied" in str(error)
    finally:
        shutil.rmtree(data_folder(settings, user), ignore_errors=True)


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        other = tmp_path / "other"
        other.mkdir()
        os.chown(other, 12345, 12345)
    else:
        other = Path("/usr")
    with pytest.raises(Misconfigured) as refused:
        embedded.private_folder(other)
    assert refused.value.fix


def test_a_long_or_spaced_temporary_folder_does_not_break_the_sockets(settings: Settings, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from backend import embedded\n"
        "from tests.servers import embedded_settings\n"
        "print(embedded.socket_folder(embedded_settings(Path(sys.argv[1])), 'postgres'))"
    )
    for name in ("with space", "x" * 100):
        (tmp_path / name).mkdir()
        found = subprocess.run(
            [sys.executable, "-c", script, str(settings.data_dir)],
            env={**os.environ, "TMPDIR": str(tmp_path / name)},
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        assert found.startswith("/tmp/asynccoder-")


@pytest.mark.parametrize(("workers", "connections"), [(2, 100), (100, 260)])
def test_the_database_takes_the_connections_of_as_many_runs_as_may_be_at_work_at_once(
    workers: int, connections: int, settings: Settings
) -> None:
    many = settings.model_copy(update={"workers": workers})
    with embedded.running(many), psycopg.connect(embedded.database_url(many)) as connection:
        assert connection.execute("SHOW max_connections").fetchone() == (str(connections),)


def test_the_servers_listen_on_no_port(embedded_servers: Settings) -> None:
    with psycopg.connect(embedded.database_url(embedded_servers)) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert redis.Redis.from_url(embedded.redis_url(embedded_servers)).config_get("port") == {"port": "0"}


def test_the_servers_clean_end_is_quick(settings: Settings) -> None:
    with embedded.running(settings):
        begun = time.monotonic()
    assert time.monotonic() - begun < 3


def test_the_binaries_are_those_of_the_wheel() -> None:
    done = subprocess.run([postgres_bin("postgres"), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("postgres (PostgreSQL) 18.")
