"""Which package hosts a set-up script may reach: those that are named, else those that pip and npm use on this machine.

Where pip and npm keep their configuration: https://pip.pypa.io/en/stable/topics/configuration/ and
https://docs.npmjs.com/cli/configuring-npm/npmrc.
"""

import configparser
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from backend.errors import Misconfigured

NONE = "none"
_PYPI, _NPM = "https://pypi.org/simple", "https://registry.npmjs.org/"
_FILES = {"pypi.org": "files.pythonhosted.org"}  # an index that leads to another host
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

    pip: str = _PYPI
    pip_extra: tuple[str, ...] = ()
    npm: tuple[str, ...] = (_NPM,)

    @property
    def hosts(self) -> tuple[PackageHost, ...]:
        """The hosts of all of them, each once."""
        found = [_host_of(url) for url in (self.pip, *self.pip_extra, *self.npm)]
        found += [PackageHost(_FILES[host.name]) for host in found if host.name in _FILES]
        return tuple(dict.fromkeys(found))

    def variables(self, hosts: Sequence[PackageHost]) -> dict[str, str]:
        """What tells pip and npm of them, as far as these hosts may be reached."""
        extra = " ".join(url for url in self.pip_extra if _host_of(url) in hosts)
        wanted = {"PIP_INDEX_URL": self.pip, "npm_config_registry": self.npm[0]}
        told = {name: url for name, url in wanted.items() if _host_of(url) in hosts}
        return {**told, "PIP_EXTRA_INDEX_URL": extra} if extra else told


def parse(text: str) -> tuple[PackageHost, ...]:
    """The hosts of a setting; none for the word `none`. Raises Misconfigured."""
    words = text.replace(",", " ").split()
    if words == [NONE]:
        return ()
    return tuple(dict.fromkeys(_parsed(word) for word in words))


def configured(variables: dict[str, str | None], pip_files: Iterable[Path], npm_files: Iterable[Path]) -> Indexes:
    """The indexes of the machine's own configuration; `variables` of the environment are stronger than files."""
    pip = {name: value for path in pip_files for name, value in _pip_file(path)}
    npm = {name: value for path in npm_files for name, value in _npm_file(path)}
    index = _urls(variables.get("PIP_INDEX_URL") or pip.get("index-url", ""))
    extra = _urls(variables.get("PIP_EXTRA_INDEX_URL") or pip.get("extra-index-url", ""))
    registry = _urls(variables.get("NPM_CONFIG_REGISTRY") or npm.pop("registry", ""))
    scoped = [url for value in npm.values() for url in _urls(value)]
    return Indexes(index[0] if index else _PYPI, tuple(extra), (*(registry[:1] or [_NPM]), *scoped))


def pip_files(named: str | None) -> list[Path]:
    """Where pip looks, the strongest last; `named` is PIP_CONFIG_FILE."""
    home = Path.home()
    usual = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        home / ".config/pip/pip.conf",
    ]
    return [*usual, Path(sys.prefix, "pip.conf"), *([Path(named)] if named else [])]


def npm_files() -> list[Path]:
    """Where npm looks, the strongest last."""
    return [Path("/etc/npmrc"), Path("/usr/etc/npmrc"), Path("/usr/local/etc/npmrc"), Path.home() / ".npmrc"]


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


def _pip_file(path: Path) -> list[tuple[str, str]]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, configparser.Error):
        return []
    return [item for section in ("global", "install") if parser.has_section(section) for item in parser.items(section)]


def _npm_file(path: Path) -> list[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    pairs = [(name.strip(), value.strip()) for name, equals, value in (line.partition("=") for line in lines) if equals]
    return [(name, value) for name, value in pairs if name == "registry" or name.endswith(":registry")]
