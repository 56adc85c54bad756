"""A whole run with images: true engine, true jail, two wire formats, a worker that dies in between."""

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.models import AiModel, TaskEvent, User
from backend.services import attachments, provider_keys, repositories, tasks
from backend.settings import get_settings
from backend.words import Priority, Status, TaskType
from tests.backend.services.road import hand_to_the_next, run_of, signed_in, work
from tests.hub import LocalHub
from tests.model_server import Call, Received, ScriptedModelServer, Turn
from tests.pictures import png

PICTURE = png(40, 30)
LOOK = Call("list_files", {"path": "."})
FINISH = Call("finish", {"title": "Where totals are made", "summary": "In shop/totals.py."})
MODELS = {"anthropic": "claude-sonnet-4-6", "openai": "gpt-5.1", "google": "gemini-2.5-pro"}


@pytest.fixture
def server(hub: LocalHub, database: str, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer([Turn("ok")]) as running:
        environment.setenv("ANTHROPIC_BASE_URL", running.url)
        environment.setenv("OPENAI_BASE_URL", f"{running.url}/v1")
        environment.setenv("GEMINI_BASE_URL", running.url)
        get_settings.cache_clear()
        yield running


@pytest.fixture
def alice(hub: LocalHub, server: ScriptedModelServer) -> UUID:
    """Alice with keys of her own; the server has forgotten that they were tried."""
    user_id = signed_in(hub, "alice")
    for provider in MODELS:
        provider_keys.keep(user_id, provider, f"sk-{provider}-a-key-of-alices-own")
    server.received.clear()
    server.script = [Turn(calls=[LOOK]), Turn(calls=[FINISH])]
    return user_id


def ask(user_id: UUID, provider: str) -> UUID:
    with db.transaction() as session:
        user = session.get_one(User, user_id)
        found = next(row for row in repositories.listing(session, user) if row.full_name == "alice/sample-shop")
        model = session.exec(select(AiModel.id).where(AiModel.name == MODELS[provider])).one()
        image = attachments.store(session, user, "shot.png", PICTURE).id
        usual = (found.id, "main", None, model, TaskType.ASK, Priority.MEDIUM, "What is wrong here?")
        return tasks.submit(session, user, tasks.Draft(*usual, attachments=(image,))).id


def follow_up(user_id: UUID, task_id: UUID) -> None:
    with db.transaction() as session:
        user = session.get_one(User, user_id)
        image = attachments.store(session, user, "two.png", png(10, 10)).id
        tasks.follow_up(session, user, task_id, "And here?", images=(image,))


def images_of(received: Received) -> list[bytes]:
    """Which images a request carried, in its own provider's format."""
    said = next(received.body[name] for name in ("messages", "input", "contents") if name in received.body)
    parts: list[dict[str, Any]] = [
        part
        for message in said
        if message.get("role") == "user" and isinstance(content := message.get("content") or message["parts"], list)
        for part in content
    ]
    if received.path.endswith("/v1/messages"):
        sources = [part["source"] for part in parts if part["type"] == "image"]
        assert all((one["type"], one["media_type"]) == ("base64", "image/png") for one in sources)
        return [base64.b64decode(one["data"]) for one in sources]
    if "contents" in received.body:
        sources = [part["inlineData"] for part in parts if "inlineData" in part]
        assert all(one["mimeType"] == "image/png" for one in sources)
        return [base64.b64decode(one["data"]) for one in sources]
    urls = [part["image_url"] for part in parts if part["type"] == "input_image"]
    assert all(one.startswith("data:image/png;base64,") for one in urls)
    return [base64.b64decode(one.partition(",")[2]) for one in urls]


@pytest.mark.parametrize("provider", MODELS)
def test_the_prompts_images_are_sent_at_every_turn_and_again_after_the_workers_death(
    server: ScriptedModelServer, alice: UUID, provider: str
) -> None:
    server.script = [Turn(calls=[LOOK]), Turn(calls=[replace(LOOK, id="toolu_2")]), Turn(calls=[FINISH])]
    task_id = ask(alice, provider)
    assert work("after_a_model_answer") == -9
    hand_to_the_next(task_id)
    assert work() == 0
    assert (run_of(task_id).status, run_of(task_id).attempt) == (Status.COMPLETED, 2)
    assert [images_of(one) for one in server.received] == [[PICTURE]] * 3
    assert "What is wrong here?" in json.dumps(server.received[0].body)


def test_a_follow_ups_images_join_those_that_were_there(server: ScriptedModelServer, alice: UUID) -> None:
    task_id = ask(alice, "anthropic")
    follow_up(alice, task_id)  # while it waits: read by the first run
    assert work() == 0
    assert images_of(server.received[0]) == [PICTURE, png(10, 10)]
    server.script.append(Turn(calls=[FINISH]))
    follow_up(alice, task_id)  # starts the second
    assert work() == 0
    assert images_of(server.received[-1]) == [PICTURE, png(10, 10), png(10, 10)]


def test_a_model_that_takes_none_any_more_is_told_how_many_it_does_not_see(
    server: ScriptedModelServer, alice: UUID
) -> None:
    task_id = ask(alice, "openai")
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET capabilities = '{}'"))
    assert work() == 0
    assert run_of(task_id).status == Status.COMPLETED and images_of(server.received[0]) == []
    assert "Attached images that you cannot be shown: 1." in json.dumps(server.received[0].body)


def test_neither_the_log_nor_any_file_of_the_run_holds_an_image(server: ScriptedModelServer, alice: UUID) -> None:
    task_id = ask(alice, "anthropic")
    assert work() == 0
    encoded = base64.b64encode(PICTURE).decode()
    with db.transaction() as session:
        found = session.exec(select(TaskEvent).where(TaskEvent.task_id == task_id)).all()
        assert not any(encoded in json.dumps(row.payload) or PICTURE in (row.raw or b"") for row in found)
    for folder, _, files in os.walk(get_settings().data_dir):
        assert not any(
            PICTURE in (Path(folder) / name).read_bytes() for name in files if (Path(folder) / name).is_file()
        )
