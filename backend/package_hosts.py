"""Which package hosts a set-up script may reach: those that are named, else those that pip and npm use on this machine.

pip and npm tell them: `pip config list` what is configured, `npm config list --json` also what is not. pip's own index,
and where that one's files lie, stand in pip's code only.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from backend.errors import Misconfigured

if TYPE_CHECKING:
    from pip._internal.models.index import PackageIndex

NONE = "none"
_SECONDS = 60  # for pip or npm to say how it is configured
_PIP_SECTIONS = ("global", "install", ":env:")  # the strongest last
_USUAL_PORTS = (80, 443)
_NAME = re.compile(r"[a-z0-9_.-]+|[0-9a-f:.]+", re.ASCII)
_FIX = "Write names such as packages.example.org or mirror.example.org:8443, with blanks between them, or: none"


@dataclass(frozen=True)
class PackageHost:
    """A host by its name, or by its address; without a port it is reached on 80 and 443."""

    name: str
    port: int | None = None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"

    def allows(self, name: str, port: int) -> bool:
        """Whether this is that host. An address of a private network needs its port to be named as well."""
        if name != self.name:
            return False
        return port == self.port if self.port else port in _USUAL_PORTS and not _is_private(name)


@dataclass(frozen=True)
class Indexes:
    """Where pip and npm get packages from, as URLs without anybody's password."""

    pip: str
    pip_extra: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[PackageHost, ...]:
        """The hosts of all of them, each once."""
        found = [_host_of(url) for url in (self.pip, *self.pip_extra, *self.npm)]
        own = _own()
        if _host_of(own.url) in found:  # its files lie elsewhere
            found.append(PackageHost(own.file_storage_domain))
        return tuple(dict.fromkeys(found))

    def variables(self, hosts: Sequence[PackageHost]) -> dict[str, str]:
        """What tells pip and npm of them, as far as these hosts may be reached."""
        extra = " ".join(url for url in self.pip_extra if _host_of(url) in hosts)
        wanted = {"PIP_INDEX_URL": self.pip, "npm_config_registry": self.npm[0] if self.npm else ""}
        told = {name: url for name, url in wanted.items() if _host_of(url) in hosts}
        return {**told, "PIP_EXTRA_INDEX_URL": extra} if extra else told


def parse(text: str) -> tuple[PackageHost, ...]:
    """The hosts of a setting; none for the word `none`. Raises Misconfigured."""
    words = text.replace(",", " ").split()
    if words == [NONE]:
        return ()
    return tuple(dict.fromkeys(_parsed(word) for word in words))


@lru_cache(maxsize=8)
def configured(variables: tuple[tuple[str, str], ...]) -> Indexes:
    """The indexes of the machine's own configuration, in an environment with these variables; takes a second."""
    env = {**os.environ, **dict(variables)}
    pip, npm = _pip(env), _npm(env)
    index, extra = _urls(pip.get("index-url", "")), _urls(pip.get("extra-index-url", ""))
    return Indexes(index[0] if index else _own().simple_url, tuple(extra), npm)


def _own() -> "PackageIndex":
    """pip's own index: pip is part of every virtual environment, and most processes have no use for it."""
    from pip._internal.models.index import PyPI

    return PyPI


def _parsed(word: str) -> PackageHost:
    try:
        parts = urlsplit(f"//{word}")
        name, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        name, port = "", None
    if not _NAME.fullmatch(name) or port == 0 or "@" in word or "/" in word:
        raise Misconfigured(f"ASYNCCODER_PACKAGE_HOSTS holds {word!r}, which is no host.", fix=_FIX)
    return PackageHost(name, port)


def _is_private(name: str) -> bool:
    try:
        return not ip_address(name).is_global
    except ValueError:
        return False


def _host_of(url: str) -> PackageHost:
    parts = urlsplit(url)
    name, port = (parts.hostname or "").rstrip("."), parts.port
    if port is None and (name == "localhost" or _is_private(name)):
        port = 443 if parts.scheme == "https" else 80  # whoever configured the address meant it
    return PackageHost(name, port)


def _urls(value: str) -> list[str]:
    """The web addresses of a value, without names and passwords; others, such as folders, are left out."""
    found = []
    for word in value.split():
        try:
            parts = urlsplit(word)
            name, port = parts.hostname, parts.port
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and name:
            place = f"[{name}]" if ":" in name else name
            found.append(urlunsplit(parts._replace(netloc=f"{place}:{port}" if port else place)))
    return found


def _pip(env: Mapping[str, str]) -> dict[str, str]:
    """What is configured for `pip install`; nothing where pip cannot read it, as then pip does not run either."""
    lines = [line.partition("=") for line in _said([sys.executable, "-m", "pip", "config", "list"], env).splitlines()]
    given = {name: ast.literal_eval(value) for name, equals, value in lines if equals}
    ranked = [
        (name.removeprefix(f"{part}."), value)
        for part in _PIP_SECTIONS
        for name, value in given.items()
        if name.startswith(f"{part}.")
    ]
    return dict(ranked)


def _npm(env: Mapping[str, str]) -> tuple[str, ...]:
    """The registry, then those of scopes; none where there is no npm."""
    try:
        given = json.loads(_said([str(Path(sys.executable).with_name("npm")), "config", "list", "--json"], env))
    except ValueError:
        return ()
    names = ["registry", *sorted(name for name in given if name.endswith(":registry"))]
    return tuple(url for name in names for url in _urls(str(given.get(name, "")))[:1])


def _said(command: list[str], env: Mapping[str, str]) -> str:
    """What a tool writes, empty where it fails or is missing; from `/`, where no project has a configuration."""
    try:
        done = subprocess.run(
            command,
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
