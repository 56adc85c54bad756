"""Demo mode speaks with this machine alone."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from backend.api.loopback import LoopbackOnly
from backend.settings import Settings


def client(is_demo: bool) -> TestClient:
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("in"))])
    settings = Settings.model_construct(github_client_id=None if is_demo else "id")
    return TestClient(LoopbackOnly(app, settings), base_url="http://127.0.0.1:3000")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "10.0.0.1"},
        {"Forwarded": "for=10.0.0.1"},
        {"X-Forwarded-Proto": "https"},
        {"X-Real-IP": "10.0.0.1"},
        {"Host": "evil.example:3000"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
        {"Host": "[::1"},
    ],
)
def test_demo_mode_refuses_proxies_and_foreign_names(headers: dict[str, str]) -> None:
    assert client(is_demo=True).get("/", headers=headers).status_code == 403
    assert client(is_demo=False).get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:3000", "localhost:3000", "[::1]:3000"])
def test_demo_mode_answers_this_machine(host: str) -> None:
    assert client(is_demo=True).get("/", headers={"Host": host}).status_code == 200
