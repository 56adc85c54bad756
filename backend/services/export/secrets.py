"""What no export may hold: secrets that are known here by their value, and whatever has the shape of one."""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr
from sqlmodel import Session, select

from backend import crypto, log
from backend.errors import Misconfigured, RunFailed
from backend.models import ProviderKey, Task
from backend.services import repository_setup
from backend.services.repository_setup import LEAST_SECRET
from backend.settings import get_settings
from backend.workspace import shapes


class Redaction:
    """Takes secrets out of texts and values; the longest value goes first, as a URL and as JSON spell it too."""

    def __init__(self, values: Iterable[str]) -> None:
        own = {value for value in values if len(value) >= LEAST_SECRET}
        spelled = {each for value in own for each in (value, quote(value, safe=""), json.dumps(value)[1:-1])}
        self._values = sorted(spelled, key=lambda value: (-len(value), value))

    def text(self, words: str) -> str:
        """The text without them."""
        for value in self._values:
            words = words.replace(value, log.REDACTED)
        return shapes.without_secrets(log.without_secrets(words), log.REDACTED)

    def value(self, value: Any) -> Any:
        """The JSON value without them, in names as well."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(str(name)): self.value(inner) for name, inner in value.items()}
            case list() | tuple():
                return [self.value(inner) for inner in value]
        return value


def redaction(session: Session, task: Task) -> Redaction:
    """For a task: the deployment's own secrets, its repository's, and its person's keys for providers."""
    settings = get_settings()
    held = [getattr(settings, name) for name in type(settings).model_fields]
    values = [each.get_secret_value() for each in held if isinstance(each, SecretStr)]
    with suppress(RunFailed):  # one that cannot be opened was in no run's reach either
        values += repository_setup.opened(session, task.repository_id).secrets.values()
    for key in session.exec(select(ProviderKey).where(ProviderKey.user_id == task.user_id)):
        with suppress(Misconfigured):
            values.append(crypto.unseal(settings, task.user_id, key.sealed_key))
    return Redaction(values)
