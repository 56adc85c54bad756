"""What the API says of itself is true of it, whole, and readable without any other host."""

import re
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from backend.api.app import app
from backend.api.bearer import TokenRoute
from backend.api.description import describe
from backend.api.routes.webhooks import router as webhooks
from backend.settings import get_settings

METHODS = ("get", "post", "put", "delete")


@pytest.fixture
def document(environment: pytest.MonkeyPatch) -> dict[str, Any]:
    return describe(app)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_every_route_is_described_once_by_a_name_of_its_own(document: dict[str, Any]) -> None:
    described = {(path, method) for path, method, _ in operations(document)}
    there = {
        (context.path, method.lower())
        for context in _contexts()
        for method in context.methods
        if isinstance(context.original_route, TokenRoute) or context.original_route in webhooks.routes
    } - {("/metrics", "get")}  # which is Prometheus' and no part of the API
    assert described == there and len(there) > 25
    names = [one["operationId"] for *_, one in operations(document)]
    assert len(names) == len(set(names))
    assert document["openapi"].startswith("3.1") and all(one["description"] for *_, one in operations(document))


def test_every_refusal_is_described_as_a_problem(document: dict[str, Any]) -> None:
    for path, method, one in operations(document):
        statuses = set(one["responses"])
        assert {"401", "422", "500", "503"} <= statuses, (path, method)
        assert ("404" in statuses) or "{" not in path, (path, method)
        assert ("415" in statuses) == ("requestBody" in one) or "webhooks" in path, (path, method)
        assert one.get("security") or "webhooks" in path, (path, method)
    for told in document["components"]["responses"].values():
        assert told["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for path, method, one in operations(document):
        told = [*one["responses"].values(), one.get("requestBody", {})]
        for content in (content for each in told for content in each.get("content", {}).values()):
            if "example" in content:
                schema = {**content["schema"], "components": document["components"]}
                errors = [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]
                assert not errors, (path, method)
                checked += 1
    assert checked > 30


def test_both_are_open_to_everyone_and_the_page_needs_no_other_host(environment: pytest.MonkeyPatch) -> None:
    with TestClient(app, base_url=get_settings().origin) as client:
        document = client.get("/api/openapi.json").json()
        page = client.get("/api/docs").text
    assert all(f'id="{one["operationId"]}"' in page for *_, one in operations(document))
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded and all(one.startswith(("/", "#")) and not one.startswith("//") for one in loaded)
    assert "<script>" not in page and " style=" not in page


def _contexts() -> Any:
    return [context for context in iter_route_contexts(app.routes) if context.methods]
