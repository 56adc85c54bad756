"""Logs are JSON with the agreed names and hold no secret, whatever carried it there."""

import json
import logging

import pytest
import structlog

from backend import log

SECRETS = [
    "gho_0123456789abcdefABCD",
    "github_pat_0123456789abcdefghij_more",
    "sk-ant-api03-abcdefghijklmnopqrstuvwxyz",
    "Bearer abcdefghijklmnop.qrstuvwxyz",
    "Basic eC1hY2Nlc3MtdG9rZW46c2VjcmV0",
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
    assert secret.split()[-1] not in capsys.readouterr().err


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


def test_a_url_keeps_its_host_and_loses_its_password() -> None:
    assert log.redact("postgresql://user:pass@db/x") == "postgresql://[redacted]@db/x"
