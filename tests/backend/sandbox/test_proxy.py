"""The way out of a jail leads to the hosts that are named, and nowhere else."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pip._internal.models.index import PyPI

from backend.errors import Misconfigured
from backend.package_hosts import Indexes, PackageHost, configured, parse
from backend.sandbox.bubblewrap import Bubblewrap
from backend.sandbox.proxy import RELAY, SOCKET, PackageProxy

NOTHING = Path(os.devnull)
ASK = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())
except Exception as error:
    print(error)
"""


class Index(BaseHTTPRequestHandler):
    """A stand-in for a package index, on an address of this machine that no proxy setting leaves out."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        told = f"{self.path} {self.headers.get('Connection')} {self.headers.get('Proxy-Authorization')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def index() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.2", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.2:{server.server_port}"
        server.shutdown()


def said(folder: Path, *pieces: bytes) -> bytes:
    """What the proxy answers until it closes; a piece after the first is sent once the first was answered."""
    answer = b""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(folder / SOCKET))
        for piece in pieces:
            client.sendall(piece)
            answer += client.recv(65536)
        while data := client.recv(65536):
            answer += data
    return answer


def test_a_host_is_reached_by_connect_and_by_its_address_and_gets_no_word_for_the_proxy(
    tmp_path: Path, index: str
) -> None:
    get = f"GET http://{index}/simple?a=1 HTTP/1.1\r\nHost: {index}\r\nProxy-Authorization: x\r\n\r\n".encode()
    with PackageProxy(tmp_path, parse(index)) as proxy:
        assert said(tmp_path, get).endswith(b"/simple?a=1 close None")
        inner = b"GET /through HTTP/1.1\r\nConnection: close\r\n\r\n"
        assert said(tmp_path, f"CONNECT {index} HTTP/1.1\r\n\r\n".encode(), inner).endswith(b"/through close None")
        assert proxy.refused == []
    with pytest.raises(ConnectionRefusedError):
        said(tmp_path, get)


@pytest.mark.parametrize(
    "place",
    [
        "evil.example:443",
        "packages.example:22",
        "packages.example.evil.example:443",
        "10.0.0.1:443",
        "127.0.0.2:1",
        "[::1]:80",
        "packages.example:8443",
    ],
)
def test_every_other_place_is_refused_and_told(tmp_path: Path, index: str, place: str) -> None:
    with PackageProxy(tmp_path, parse(f"packages.example 10.0.0.1 [::1] {index}")) as proxy:
        assert b"403" in said(tmp_path, f"CONNECT {place} HTTP/1.1\r\n\r\n".encode())
        assert b"403" in said(tmp_path, f"GET http://{place}/ HTTP/1.1\r\n\r\n".encode())
        assert proxy.refused == [place]


def test_a_name_that_leads_back_to_this_machine_needs_its_port_to_be_named(tmp_path: Path) -> None:
    with PackageProxy(tmp_path, parse("localhost")):
        assert b"502" in said(tmp_path, b"CONNECT localhost:80 HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    "request_line",
    [b"GET / HTTP/1.1", b"CONNECT packages.example HTTP/1.1", b"\x00\xff",
     b"CONNECT [::1 HTTP/1.1", b"CONNECT a:99999 HTTP/1.1",
     b"GET https://packages.example/ HTTP/1.1", b"GET http://packages.example:0/ HTTP/1.1",
     b"GET " + b"x" * 40_000 + b" HTTP/1.1"],
)  # fmt: skip
def test_what_is_no_request_to_a_proxy_is_answered_so(tmp_path: Path, request_line: bytes) -> None:
    with PackageProxy(tmp_path, parse("packages.example")) as proxy:
        try:
            assert b" 400 " in said(tmp_path, request_line + b"\r\n\r\n")
        except (ConnectionResetError, BrokenPipeError):
            assert len(request_line) > 16_000, "only what is too long is cut off"
        assert proxy.refused == []


def test_the_jail_reaches_it_over_its_loopback_and_the_commands_end_is_its_own(
    bubblewrap: Bubblewrap, workspace: Path, index: str
) -> None:
    deep = workspace / ("a" * 100)  # longer than a socket's path may be
    deep.mkdir()
    if bubblewrap.owner:
        deep.chmod(0o777)
    script = f'for url in {index}/simple 127.0.0.3:1/; do python3 -c "$1" "http://$url"; done; exit 7'
    with PackageProxy(deep, parse(index)) as proxy:
        command = ["python3", "-c", RELAY, f"{deep.name}/{SOCKET}", "sh", "-c", script, "sh", ASK]
        done = bubblewrap.run(command, workspace=workspace, timeout=60, merge_stderr=True)
    lines = done.stdout.decode().splitlines()
    assert (done.exit_code, lines[0], "403" in lines[1]) == (7, "/simple close None", True), lines
    assert proxy.refused == ["127.0.0.3:1"]


def test_hosts_are_read_with_their_ports(tmp_path: Path) -> None:
    assert parse("Packages.example, mirror.example.org:8443 [::1]:80") == (
        PackageHost("packages.example"), PackageHost("mirror.example.org", 8443), PackageHost("::1", 80)
    )  # fmt: skip
    assert parse("none") == ()
    for wrong in (
        "https://packages.example",
        "*.packages.example",
        "user@packages.example",
        "packages.example:0",
        "packages.example:many",
        "[::1",
        "a/b",
        "ä.de",
    ):
        with pytest.raises(Misconfigured):
            parse(wrong)


def machine(monkeypatch: pytest.MonkeyPatch, home: Path, pip: Path, npm: Path, **variables: str) -> Indexes:
    """What is configured where pip and npm read these files and nothing else."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NPM_CONFIG_REGISTRY", "npm_config_registry"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    files = {
        "PIP_CONFIG_FILE": str(pip),
        "NPM_CONFIG_USERCONFIG": str(npm),
        "NPM_CONFIG_GLOBALCONFIG": str(home / "none"),
    }
    return configured.__wrapped__(tuple((files | variables).items()))


def test_without_a_setting_the_machines_own_pip_and_npm_decide_and_no_password_goes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip, npm = tmp_path / "pip.conf", tmp_path / "npmrc"
    pip.write_text(
        "[global]\nindex-url = https://me:pass@weaker.example.org/simple\nextra-index-url = file:///opt http://10.1.2.3/x\n"
        "[install]\nindex-url = https://me:pass@mirror.example.org/simple\n"
    )
    npm.write_text(
        "; a comment\nregistry=https://npm.example.org:8443/\n@acme:registry = https://acme.example.org\n//x/:_authToken=no\n"
    )
    found = machine(monkeypatch, tmp_path, pip, npm)
    hosts = found.hosts
    assert [str(host) for host in hosts] == [
        "mirror.example.org", "10.1.2.3:80", "npm.example.org:8443", "acme.example.org"
    ]  # fmt: skip
    assert found.variables(hosts) == {
        "PIP_INDEX_URL": "https://mirror.example.org/simple",
        "PIP_EXTRA_INDEX_URL": "http://10.1.2.3/x",
        "npm_config_registry": "https://npm.example.org:8443/",
    }
    assert found.variables(()) == {}
    stronger = machine(monkeypatch, tmp_path, pip, npm, PIP_INDEX_URL="https://other.example.org/")
    assert stronger.pip == "https://other.example.org/"


def test_where_nothing_is_configured_or_it_cannot_be_read_pips_and_npms_own_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = machine(monkeypatch, tmp_path, NOTHING, NOTHING)
    assert nothing.pip == PyPI.simple_url
    index, registry, files = nothing.hosts
    assert (index.name, files.name) == (PyPI.netloc, PyPI.file_storage_domain)
    assert [f"https://{registry}/"] == list(nothing.npm)
    broken = tmp_path / "pip.conf"
    broken.write_text("no section = at all\n[[[")
    assert machine(monkeypatch, tmp_path, broken, NOTHING) == nothing
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    alone = machine(monkeypatch, tmp_path, NOTHING, NOTHING)
    assert (alone.pip, alone.npm) == (PyPI.simple_url, ())
    assert "npm_config_registry" not in alone.variables(alone.hosts)
