"""Settings out of files, as a container's or systemd's secrets are given."""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from backend.errors import Misconfigured


class FileSource(PydanticBaseSettingsSource):
    """`NAME_FILE=/path` gives the setting NAME the contents of that file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The stripped contents of the file that `<ALIAS>_FILE` names, if it names one."""
        alias = str(field.validation_alias or field_name)
        path = os.environ.get(f"{alias}_FILE")
        if not path:
            return None, alias, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), alias, False
        except OSError as error:
            raise Misconfigured(
                f"{alias}_FILE names {path}, which cannot be read: {error.strerror}.",
                fix=f"Make {path} readable for this user, or unset {alias}_FILE.",
            ) from error

    def __call__(self) -> dict[str, Any]:
        """All settings that came through files."""
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, alias, _ = self.get_field_value(field, name)
            if value is not None:
                found[alias] = value
        return found
