"""What the API says of itself: OpenAPI 3.1, with every refusal, an example of everything, and who may ask."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from backend.api.bearer import TokenRoute
from backend.api.examples import example
from backend.api.schemas.problem import Problem
from backend.settings import get_settings

Document = dict[str, Any]
PROBLEM = "application/problem+json"
_REFS = "#/components/schemas/{model}"
_ABOUT = """Everything that the dashboard does with tasks, for programs.

Send `Authorization: Bearer acd_…` with a token made in Settings, or with `POST /api/tokens`. A `read` token looks, a
`write` token also starts and steers, an `admin` token also does what only admins may. Cookies are ignored.

Lists come in slices: follow the `Link` header's `rel="next"`. What creates takes an `Idempotency-Key`: the same request
with the same key within 24 hours creates nothing more and gets the first answer. Times are ISO 8601, credits whole, and
whatever is not this person's to see is told like what is not there. Of each answer, `RateLimit-Limit`, `-Remaining` and
`-Reset` say how many requests a minute this token may make, how many are left, and in how many seconds one is free."""
_TAGS = {
    "Account": "The person behind the token.",
    "Repositories": "What GitHub shows them.",
    "Tasks": "What they asked for.",
    "Outcomes": "What came of a task.",
    "Events": "All that the person is told.",
    "Pull requests": "What tasks opened.",
    "Models": "What a task can be given to.",
    "Credits": "What it costs.",
    "Analytics": "What it came to.",
    "Tokens": "What opens this API.",
    "Announcements": "What admins tell everybody.",
    "Admin": "For an admin's tokens.",
    "Webhooks": "For GitHub.",
}
_REFUSALS = {
    "401": ("Unauthorized", "No token, or one that is unknown, revoked or over."),
    "402": ("NotEnoughCredits", "The hold cannot be afforded."),
    "403": (
        "Forbidden",
        "The token's scope does not reach, it is not this person's to do, or GitHub must be reconnected.",
    ),
    "404": ("NotFound", "It is not there, or not for this person."),
    "409": ("Conflict", "It is in another state than the request assumes, or the Idempotency-Key was used otherwise."),
    "413": ("TooLarge", "It is longer than we take."),
    "415": ("UnsupportedMedia", "The body is not JSON by its Content-Type."),
    "422": ("InvalidInput", "What was sent cannot be used; `field` says which part."),
    "429": (
        "TooMany",
        "Too many in so much time, or the day's credits are used (`daily_limit`); `Retry-After` says when to come.",
    ),
    "500": ("Error", "Something went wrong on our side."),
    "502": ("GitHubError", "GitHub refused or failed."),
    "503": ("Unavailable", "A part of ours is down just now; `Retry-After` says when to ask again."),
}
_ASKS_GITHUB = ("create_task", "list_branches", "change_pull_request")
_HOLDS = ("create_task", "create_follow_up", "retry_task", "retry_anybodys_task")
_HEADERS = {
    "WWW-Authenticate": ("401", "403"),
    "Retry-After": ("409", "429", "502", "503"),
    **{f"RateLimit-{name}": ("429",) for name in ("Limit", "Remaining", "Reset")},
}


def describe(app: FastAPI) -> Document:
    """The whole description of the routes that belong to it."""
    document = get_openapi(
        title="Async Coder",
        version="1",
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=app.routes,
        tags=[{"name": name, "description": words} for name, words in _TAGS.items()],
        servers=[{"url": get_settings().origin}],
    )
    components = document["components"]
    schemas = components["schemas"]
    schemas |= _schemas(Problem)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["responses"] = {name: _refusal(status, words) for status, (name, words) in _REFUSALS.items()}
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "acd_…"}}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation, schemas)
    return document


def _complete(path: str, method: str, operation: Document, schemas: Document) -> None:
    name, takes_body = operation["operationId"], "requestBody" in operation
    operation["summary"] = name.replace("_", " ").capitalize().replace("github", "GitHub")
    if path.startswith("/api/webhooks"):
        wanted = ["401", "413", "415", "422", "500", "503"]
    else:
        scope = "admin" if path.startswith("/api/admin") else TokenRoute.needed(method.upper()).value
        operation["security"] = [{"bearer": [scope]}]
        wanted = ["401", "403", "422", "429", "500", "503"]
        wanted += ["404"] if "{" in path or takes_body or name in ("read_estimate", "read_credit_request") else []
        wanted += ["409"] if method != "get" else []
        wanted += ["413", "415"] if takes_body else []
        wanted += ["402"] if name in _HOLDS else []
        wanted += ["502"] if name in _ASKS_GITHUB else []
    operation["responses"] = {
        **{status: told for status, told in operation["responses"].items() if status != "422"},
        **{status: {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"} for status in sorted(wanted)},
    }
    for status, told in operation["responses"].items():
        if status.startswith("2"):
            _illustrate(operation, told, schemas)
    if takes_body:
        for content in operation["requestBody"]["content"].values():
            if "contentMediaType" not in content["schema"]:
                content["example"] = example(content["schema"], schemas)


def _illustrate(operation: Document, told: Document, schemas: Document) -> None:
    """The example of a good answer, and the headers that come with it."""
    for content in told.get("content", {}).values():
        if content.get("schema"):
            content["example"] = example(content["schema"], schemas)
    named = {parameter["name"] for parameter in operation.get("parameters", ())}
    if "cursor" in named:
        told["headers"] = _header("Link", 'Where the next slice is: `<…>; rel="next"`. Missing at the end.')
    if "Idempotency-Key" in named:
        told["headers"] = _header("Idempotency-Replayed", "`true` where this is the first answer again.")


def _refusal(status: str, words: str) -> Document:
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    headers: Document = {}
    for name, statuses in _HEADERS.items():
        if status in statuses:
            headers |= _header(name, "")
    return {"description": words, "content": content, **({"headers": headers} if headers else {})}


def _header(name: str, words: str) -> Document:
    return {name: {"schema": {"type": "string"}, **({"description": words} if words else {})}}


def _schemas(*models: type[BaseModel]) -> Document:
    _, found = models_json_schema([(model, "serialization") for model in models], ref_template=_REFS)
    return dict(found["$defs"])
