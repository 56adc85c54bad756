"""Whatever fits the description, or just does not: no 5xx, and no answer outside of what is described."""

import itertools
from io import BytesIO
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlmodel import select

from backend import db
from backend.api.app import app
from backend.api.description import describe
from backend.models import Announcement, CreditRequest, Machine, TaskRun, WebhookDelivery
from backend.services import api_tokens, attachments, deliveries, recorder, tasks
from backend.services.api_tokens import Scope
from backend.words import Priority, TaskType
from tests.backend.api.conftest import token
from tests.conftest import People
from tests.pictures import png

EXAMPLES = 3  # of each operation, as it should be and as it should not
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def hers(connected: People) -> dict[str, str]:
    """Alice's own things, and a token of hers that may all."""
    with db.transaction() as session:
        alice = session.merge(connected.alice)
        alice.role = "admin"
        usual = (connected.sample, "main", None, connected.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
        task = tasks.submit(session, alice, tasks.Draft(*usual))
        message = tasks.follow_up(session, alice, task.id, "And more")
        run = session.exec(select(TaskRun).where(TaskRun.task_id == task.id)).one()
        recorder.keep_patch(session, run, recorder.pack_patch(BytesIO(b"diff --git a/x b/x\n")))
        image = attachments.store(session, alice, "a.png", png())
        other = api_tokens.create(session, alice, "other", Scope.READ, 30)[0]
        machine = Machine(host="one", data_dir="/data")
        asked = CreditRequest(user_id=alice.id)
        said = Announcement(words="We update at noon.")
        session.add_all([machine, asked, said])
        deliveries.store(session, "a-delivery", "ping", {"zen": "Keep it logically awesome."})
        session.flush()
        delivery = session.exec(select(WebhookDelivery.id)).one()
    return {
        "task_id": str(task.id),
        "message_id": str(message.id),
        "repository_id": str(connected.sample),
        "token_id": str(other.id),
        "username": "bob",
        "attachment_id": str(image.id),
        "name": "TOKEN_X",
        "deed": "close",
        "machine_id": str(machine.id),
        "kind": "mirrors",
        "item": "11",
        "request_id": str(asked.id),
        "model_id": str(connected.model),
        "provider": "anthropic",
        "delivery_id": str(delivery),
        "announcement_id": str(said.id),
        "token": token(alice, Scope.ADMIN),
    }


def test_no_request_breaks_us_or_is_answered_otherwise_than_described(hers: dict[str, str]) -> None:
    described = schemathesis.openapi.from_dict(describe(app))
    operations = [found.ok() for found in described.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 25
    for operation in operations:
        for mode in GenerationMode:
            _try(operation, mode, hers)


def _try(operation: Any, mode: GenerationMode, hers: dict[str, str]) -> None:
    turns = itertools.cycle((True, False))
    headers = {"Authorization": f"Bearer {hers['token']}"}

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answered(case: Any) -> None:
        if case.path_parameters and next(turns):  # every other request is about something that is there
            case.path_parameters = {name: hers[name] for name in case.path_parameters}
        response = case.call(app=app, base_url="http://127.0.0.1:3000", headers=headers)
        case.validate_response(response, checks=CHECKS)

    answered()
