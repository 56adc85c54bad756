"""JSON logs: `level`, `message`, `timestamp` and the ids of request and task, on stderr, with nothing secret."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog

# Shapes that must never reach a log, whatever carried them there. GitHub's prefixes: docs.github.com,
# "About authentication to GitHub", token formats. Provider keys: sk-… and AIza…; our own API tokens; bearer and basic
# credentials; URL userinfo; our own cookies.
_SECRETS = re.compile(
    r"(gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|sk-[A-Za-z0-9_-]{16,}|"
    r"AIza[A-Za-z0-9_-]{30,}|acd_[A-Za-z0-9_-]{16,}|"
    r"(?i:(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{12,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|"
    r"(?<=asynccoder=)[^;\s'\"\\]+|(?<=asynccoder_signin=)[^;\s'\\]+|"
    # Headers as Python shows them: other apps of the same host have cookies too.
    r"(?i:(?<=cookie['\"]: )|(?<=cookie=))(?:'(?:[^'\\]|\\.)*'?|\"(?:[^\"\\]|\\.)*\"?))"
)
# One of these is in each: what is looked at for every text begins with a letter that most places do not have.
_SIGNS = re.compile(
    r"gh[opsur]_|github_pat_|sk-|AIza|acd_|://|asynccoder|"
    r"b[Ee][Aa][Rr][Ee]|B[Ee][Aa][Rr][Ee]|b[Aa][Ss][Ii][Cc]|B[Aa][Ss][Ii][Cc]|c[Oo][Oo][Kk]|C[Oo][Oo][Kk]"
)
REDACTED = "[redacted]"
MAX_TEXT = 20_000  # characters of one value: what strangers send must not fill the disk
MAX_LINE = 64_000  # characters of one line; a longer one keeps what every line has
_SECRET_NAMES = re.compile(r"token|secret|password|authorization|cookie|api_key", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """The text with everything of a secret's shape replaced by `[redacted]`."""
    return _SECRETS.sub(REDACTED, text) if _SIGNS.search(text) else text


def redact(text: str) -> str:
    """`without_secrets`, no longer than a value of a log may be."""
    text = without_secrets(text)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} (cut)"


def _redact_all(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in entry.items():
        entry[key] = _redacted(key, value)
    return entry


def _redacted(name: str, value: Any) -> Any:
    match value:
        case str() if _SECRET_NAMES.search(name):
            return REDACTED
        case str():
            return redact(value)
        case Mapping():
            return {key: _redacted(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set():
            return [_redacted(name, inner) for inner in value]
        case None | bool() | int() | float():
            return value
    return redact(repr(value))


def _rendered(logger: Any, name: str, entry: MutableMapping[str, Any]) -> str | bytes:
    line = _JSON(logger, name, entry)
    if len(line) <= MAX_LINE:
        return line
    kept = {key: str(entry.get(key, ""))[: MAX_TEXT // 6] for key in ("message", "level", "timestamp")}
    return _JSON(logger, name, {**kept, "cut": True})


_JSON = structlog.processors.JSONRenderer()


class _Stderr:
    """Whatever sys.stderr is when a line is written: loggers live longer than what stood there when they were made."""

    def write(self, text: str) -> int:
        """Passes on."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Passes on."""
        sys.stderr.flush()


def configure(level: str = "INFO") -> None:
    """Sets structlog up for this process and sends the standard library's records the same way."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.EventRenamer("message"),
        structlog.processors.format_exc_info,
        _redact_all,
    ]
    structlog.configure(
        processors=[*shared, _rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast(TextIO, _Stderr()))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _rendered,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Reflex gives its loggers a stream of their own, past what is done here against secrets.
    for name in ("reflex", "reflex_base", "engineio.server", "socketio.server"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # The socket's servers add one only where no level is set yet, which is so when they are made after this.
    for name in ("engineio.server", "socketio.server"):
        logging.getLogger(name).setLevel(logging.ERROR)


def get(name: str) -> Any:
    """A logger: `log.get(__name__).info("what happened", task_id=…)`."""
    return structlog.get_logger(room=name)
