"""Images through the door: who may bring one, of what size, and how it is given out."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from backend import db
from backend.api.app import app
from backend.services import tasks
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.pictures import large_png, png, secretive_png

ORIGIN = "http://127.0.0.1:3000"
OURS = {"Origin": ORIGIN}


@pytest.fixture
def client(people: People) -> Iterator[TestClient]:
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as client:
        client.cookies.set(get_settings().session_cookie, people.cookies["alice"])
        yield client


def as_(people: People, login: str) -> dict[str, str]:
    return {**OURS, "Cookie": f"{get_settings().session_cookie}={people.cookies[login]}"}


def count() -> int:
    with db.transaction() as session:
        return int(session.execute(text("SELECT count(*) FROM attachments")).scalar_one())


def attach(client: TestClient, content: bytes | None = None) -> str:
    answer = client.post("/files/attachments?name=shot.png", content=content or png(), headers=OURS)
    assert answer.status_code == 201
    return str(answer.json()["id"])


def test_an_image_comes_back_alone_as_what_it_is(client: TestClient) -> None:
    answer = client.post("/files/attachments?name=../a%22b.html", content=secretive_png(), headers=OURS)
    told = answer.json()
    assert (answer.status_code, told["name"], told["width"], told["height"]) == (201, '../a"b.html', 8, 6)
    shown = client.get(f"/files/attachments/{told['id']}")
    assert len(shown.content) == told["size"] and b"SECRET" not in shown.content
    assert shown.headers["content-type"] == "image/png" and shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-disposition"] == f'inline; filename="{told["id"][:8]}.png"'
    assert "sandbox" in shown.headers["content-security-policy"]
    assert shown.headers["cache-control"] == "private, no-cache"
    again = client.get(f"/files/attachments/{told['id']}", headers={"If-None-Match": shown.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("origin", [None, "http://evil.example", "http://127.0.0.1:3001", "null"])
def test_another_origin_neither_brings_nor_removes_an_image(client: TestClient, origin: str | None) -> None:
    image = attach(client)
    headers = {"Origin": origin} if origin else {}
    assert client.post("/files/attachments", content=png(), headers=headers).status_code == 403
    assert client.delete(f"/files/attachments/{image}", headers=headers).status_code == 403
    assert count() == 1


def test_whoever_is_signed_out_is_refused(client: TestClient) -> None:
    image = attach(client)
    client.cookies.clear()
    assert client.post("/files/attachments", content=png(), headers=OURS).status_code == 401
    assert client.get(f"/files/attachments/{image}").status_code == 401
    assert client.delete(f"/files/attachments/{image}", headers=OURS).status_code == 401


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"<html><script>alert(1)</script></html>", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422),
        (png(8_000, 8_000, body=b""), 422),
        (large_png(6_000_000), 413),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_sentence(client: TestClient, content: bytes, status: int) -> None:
    answer = client.post(
        "/files/attachments?name=a.png", content=content, headers={**OURS, "Content-Type": "image/png"}
    )
    assert answer.status_code == status and answer.json()["detail"].endswith(".")
    assert count() == 0


def test_a_body_that_claims_no_length_is_bounded_all_the_same(client: TestClient) -> None:
    body = (bytes(100_000) for _ in range(100))
    assert client.post("/files/attachments", content=body, headers=OURS).status_code == 413
    assert count() == 0


def test_an_id_of_anothers_is_not_there(people: People, client: TestClient) -> None:
    image = attach(client)
    for login in ("bob", "carol"):
        assert client.get(f"/files/attachments/{image}", headers=as_(people, login)).status_code == 404
        assert client.delete(f"/files/attachments/{image}", headers=as_(people, login)).status_code == 404
    assert client.get(f"/files/attachments/{uuid4()}").status_code == 404
    assert client.get("/files/attachments/x").status_code == 422
    assert count() == 1


def test_an_unsent_image_is_removed_once_and_a_sent_one_not_at_all(people: People, client: TestClient) -> None:
    image, sent = attach(client), attach(client)
    usual = (people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        tasks.submit(session, people.alice, tasks.Draft(*usual, attachments=(UUID(sent),)))
    answers = [client.delete(f"/files/attachments/{each}", headers=OURS).status_code for each in (image, image, sent)]
    assert answers == [204, 404, 409]
