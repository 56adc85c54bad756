"""Logs are JSON with the agreed names and hold no secret, whatever carried it there."""

import json
import logging
import re

import pytest
import socketio
import structlog

from backend import log

SECRETS = [
    "gho_0123456789abcdefABCD",
    "github_pat_0123456789abcdefghij_more",
    "sk-ant-api03-abcdefghijklmnopqrstuvwxyz",
    "Bearer abcdefghijklmnop.qrstuvwxyz",
    "Basic eC1hY2Nlc3MtdG9rZW46c2VjcmV0",
    "asynccoder=Ilp76UDGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "__Host-asynccoder=Ilp76UDGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_reaches_the_log_in_message_value_or_traceback(
    secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure()
    log.get("test").info(f"said {secret}", url=f"https://x/?t={secret}", nested={"deep": [secret]})
    logging.getLogger("other").warning("it said %s", secret)
    try:
        raise ValueError(secret)
    except ValueError:
        log.get("test").exception("broke")
    assert re.split(r"[ =]", secret)[-1] not in capsys.readouterr().err


def test_a_line_has_level_message_timestamp_and_the_bound_ids(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    with structlog.contextvars.bound_contextvars(task_id="t1", request_id="r1"):
        log.get("test").info("hello")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["message"], line["task_id"], line["request_id"]) == ("info", "hello", "t1", "r1")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("name", ["token", "client_secret", "password", "Authorization", "cookie", "api_key"])
def test_a_value_under_a_secrets_name_is_left_out_whatever_its_shape(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure()
    log.get("test").info("said", **{name: "hunter2"})
    assert "hunter2" not in capsys.readouterr().err


def test_what_reflex_logs_of_an_event_holds_no_session(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("reflex").addHandler(logging.StreamHandler())
    log.configure()
    event = {"headers": {"cookie": "theme=dark; asynccoder=Ilp76UDGaaaaaaaaaaaaaaaa; x=y"}}
    logging.getLogger("reflex_base.event").error(f"Error processing event queue entry for {event}")
    logging.getLogger("reflex.app").error(f"and {event}")
    said = capsys.readouterr().err
    assert "Ilp76UDG" not in said and "theme=dark" not in said and said.count("error") == 2


@pytest.mark.parametrize("is_made_before", [True, False])
def test_what_a_socket_server_logs_of_a_stranger_reaches_the_terminal_only_as_json(
    is_made_before: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    loggers = [logging.getLogger(name) for name in ("engineio.server", "socketio.server")]
    for logger in loggers:
        logger.handlers, logger.level = [], logging.NOTSET
    if is_made_before:
        socketio.AsyncServer(async_mode="asgi")
    log.configure()
    socketio.AsyncServer(async_mode="asgi")
    for logger in loggers:
        logger.error("\x1b[31mred gho_0123456789abcdefABCD")
    said = capsys.readouterr().err
    assert "\x1b" not in said and "gho_" not in said
    assert [json.loads(line)["level"] for line in said.splitlines()] == ["error", "error"]


def test_a_line_is_cut_as_a_whole_and_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.get("test").info("many words", **{f"value{number}": "x" * 10_000 for number in range(100)})
    said = capsys.readouterr().err
    assert len(said) <= log.MAX_LINE + 1 and json.loads(said)["message"] == "many words"


def test_a_strangers_long_text_does_not_fill_the_disk(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.get("test").info("x" * 1_000_000)
    assert len(capsys.readouterr().err) < 2 * log.MAX_TEXT


def test_a_url_keeps_its_host_and_loses_its_password() -> None:
    assert log.redact("postgresql://user:pass@db/x") == "postgresql://[redacted]@db/x"
