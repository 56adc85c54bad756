"""The cache: what it keeps, and that nobody notices when it is gone."""

import multiprocessing
import socket
import time

import pytest
from redis import Redis

from backend import redis as line
from backend.cache import Cache


@pytest.fixture
def cache(redis_url: str) -> Cache:
    redis = line.client(redis_url)
    redis.flushdb()
    return Cache(redis)


def test_a_value_comes_back_as_it_was_kept(cache: Cache) -> None:
    value = {"names": ["main", "größe"], "count": 2, "none": None}
    cache.set_json("branches:1", value, 60)
    assert cache.get_json("branches:1") == value


def test_what_was_never_kept_is_a_miss(cache: Cache) -> None:
    assert cache.get_json("nothing") is None


def test_a_deleted_value_is_gone(cache: Cache) -> None:
    cache.set_json("key", [1], 60)
    cache.delete("key")
    assert cache.get_json("key") is None


def test_a_value_ends_with_its_time(cache: Cache) -> None:
    cache.set_json("short", "lived", 1)
    time.sleep(1.1)
    assert cache.get_json("short") is None


def test_what_is_no_json_is_a_miss(cache: Cache, redis_url: str) -> None:
    line.client(redis_url).set("cache:torn", b'{"half":')
    assert cache.get_json("torn") is None


def test_a_redis_that_is_away_is_a_miss_and_a_line_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    cache = Cache(line.client(f"redis://127.0.0.1:{port}/0"))
    started = time.monotonic()
    cache.set_json("key", 1, 60)
    assert cache.get_json("key") is None
    cache.delete("key")
    assert time.monotonic() - started < 10
    told = capsys.readouterr()
    assert (told.out + told.err).count("cache unavailable") == 3


def test_a_process_has_one_client_for_a_server(redis_url: str) -> None:
    assert line.client(redis_url) is line.client(redis_url)
    assert isinstance(line.client(redis_url), Redis)


def test_making_a_client_connects_to_nothing() -> None:
    line.client("redis://192.0.2.1:6379/0")


def test_a_forked_process_and_its_parent_do_not_read_each_others_answers(redis_url: str) -> None:
    redis = line.client(redis_url)
    redis.ping()
    child = multiprocessing.get_context("fork").Process(target=_ask_often, args=(redis_url,))
    child.start()
    answers = {redis.echo(f"parent {n}") == f"parent {n}".encode() for n in range(300)}
    child.join(20)
    assert (child.exitcode, answers) == (0, {True})


def _ask_often(redis_url: str) -> None:
    for n in range(300):
        assert line.client(redis_url).echo(f"child {n}") == f"child {n}".encode()
