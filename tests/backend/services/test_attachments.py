"""Images of a prompt: claimed once, by their person, with the task; never in the log; gone with what they belong to."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

import jobs.tasks
from backend import db
from backend.errors import AsyncCoderError, Conflict, InvalidInput, NotEnoughCredits, NotFound, TooLarge
from backend.models import AiModel, Attachment, TaskEvent, TaskRun, User
from backend.queue import CHORES, waiting
from backend.services import account, attachments, credits, estimates, runs, tasks
from backend.services.runs import End
from backend.settings import get_settings
from backend.words import EventKind, Priority, Status, TaskType, Visibility
from jobs import schedule
from tests.conftest import People
from tests.pictures import jpeg, large_png, png, webp


@pytest.fixture
def draft(people: People) -> tasks.Draft:
    return tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix the rounding")


def upload(user: User, content: bytes | None = None, name: str = "shot.png") -> UUID:
    with db.transaction() as session:
        return attachments.store(session, user, name, content or png()).id


def submit(user: User, draft: tasks.Draft, *images: UUID, key: str = "") -> UUID:
    with db.transaction() as session:
        return tasks.submit(session, session.get_one(User, user.id), replace(draft, attachments=images), key=key).id


def follow_up(user: User, task_id: UUID, *images: UUID, key: str = "") -> UUID:
    with db.transaction() as session:
        return tasks.follow_up(session, session.get_one(User, user.id), task_id, "Like this", images=images, key=key).id


def rows() -> list[Attachment]:
    with db.transaction() as session:
        return list(session.exec(select(Attachment).order_by(text("created_at, id"))))


def entries(task_id: UUID, kind: EventKind = EventKind.PROMPT) -> list[Mapping[str, Any]]:
    with db.transaction() as session:
        query = select(TaskEvent.payload).where(TaskEvent.task_id == task_id, TaskEvent.kind == kind)
        return list(session.exec(query.order_by(text("seq"))))


def end(task_id: UUID) -> None:
    with db.transaction() as session:
        run = session.exec(select(TaskRun).where(TaskRun.task_id == task_id).order_by(text("number DESC"))).first()
        assert run is not None
        runs.end(session, run.id, run.fence, End(Status.FAILED, "It broke."))


def see(user: User, image: UUID) -> bool:
    with db.transaction() as session:
        try:
            return bool(attachments.picture(session, user, image).content)
        except NotFound:
            return False


def test_a_submit_claims_the_images_in_their_order_and_the_log_names_them_without_their_bytes(
    people: People, draft: tasks.Draft
) -> None:
    first, second = upload(people.alice, webp()), upload(people.alice, png(20, 10))
    task_id = submit(people.alice, draft, second, first)
    assert entries(task_id) == [
        {
            "text": "Fix the rounding",
            "run": 1,
            "held": entries(task_id)[0]["held"],
            "images": [
                {"id": str(second), "width": 20, "height": 10},
                {"id": str(first), "width": 8, "height": 6},
            ],
        }
    ]
    assert {(row.task_id, row.run_id is not None, row.position) for row in rows()} == {
        (task_id, True, 0),
        (task_id, True, 1),
    }


def test_the_same_key_twice_is_one_task_and_with_other_images_a_conflict(people: People, draft: tasks.Draft) -> None:
    image, other = upload(people.alice), upload(people.alice)
    assert submit(people.alice, draft, image, key="k") == submit(people.alice, draft, image, key="k")
    for images in ((), (other,), (image, other)):
        with pytest.raises(Conflict):
            submit(people.alice, draft, *images, key="k")
    assert [row.task_id is None for row in rows()].count(True) == 1


def test_anothers_image_a_sent_one_and_one_that_is_not_there_are_told_alike_and_leave_no_task(
    people: People, draft: tasks.Draft
) -> None:
    carols, sent = upload(people.carol), upload(people.alice)
    submit(people.alice, draft, sent)
    said = set()
    for image in (carols, sent, uuid4()):
        mine = upload(people.alice)
        with pytest.raises(InvalidInput) as refused:
            submit(people.alice, draft, mine, image)
        said.add(str(refused.value))
    assert len(said) == 1
    with db.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM tasks")).scalar_one() == 1
        assert credits.unbalanced(session) == []
    assert sum(row.task_id is None for row in rows()) == 4, "what was refused can be sent again"


def test_a_sixth_image_and_too_many_bytes_together_are_refused(people: People, draft: tasks.Draft) -> None:
    with pytest.raises(InvalidInput, match="at most 5"):
        submit(people.alice, draft, *(upload(people.alice) for _ in range(6)))
    large = [upload(people.alice, large_png(4_900_000)) for _ in range(4)]
    with pytest.raises(InvalidInput, match="15 MB together"):
        submit(people.alice, draft, *large)
    task_id = submit(people.alice, draft, *large[:3], large[0])
    assert len(entries(task_id)[0]["images"]) == 3, "the same image twice is one"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"<html>hello</html>", InvalidInput),
        (b"<svg onload='x'/>", InvalidInput),
        (png(8_001, 1), InvalidInput),
        (large_png(6_000_000), TooLarge),
    ],
)
def test_what_is_no_picture_or_too_large_is_not_kept(
    people: People, content: bytes, error: type[AsyncCoderError]
) -> None:
    with pytest.raises(error):
        upload(people.alice, content)
    assert rows() == []


def test_a_model_without_images_is_refused_before_anything_is_claimed(people: People, draft: tasks.Draft) -> None:
    image = upload(people.alice)
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET capabilities = '{}' WHERE provider = 'demo'"))
    with pytest.raises(InvalidInput, match="does not take images"):
        submit(people.alice, draft, image)
    task_id = submit(people.alice, draft)
    with pytest.raises(InvalidInput, match="does not take images"):
        follow_up(people.alice, task_id, image)
    assert [row.task_id for row in rows()] == [None]


def test_a_retry_is_told_which_models_do_not_take_the_images_of_its_task(people: People, draft: tasks.Draft) -> None:
    with_image, without = submit(people.alice, draft, upload(people.alice)), submit(people.alice, draft)
    for task_id in (with_image, without):
        end(task_id)

    def blind(task_id: UUID) -> list[bool]:
        with db.transaction() as session:
            offer = tasks.retry_offer(session, session.get_one(User, people.alice.id), task_id)
            return [model.is_blind for model in offer.models]

    assert (blind(with_image), blind(without)) == ([False], [False])
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET capabilities = '{}' WHERE provider = 'demo'"))
    assert (blind(with_image), blind(without)) == ([True], [False])


def test_of_a_compatible_servers_models_the_operator_says_which_take_images(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("COMPATIBLE_IMAGE_MODELS", "llava:7b, qwen-vl")
    get_settings.cache_clear()
    answers = []
    for name in ("llava:7b", "qwen-vl", "llama"):
        model = AiModel(provider="compatible", name=name, display_name=name, capabilities={})
        try:
            attachments.require_fit(model, [uuid4()])
            answers.append(True)
        except InvalidInput:
            answers.append(False)
    assert answers == [True, True, False]


def test_images_are_part_of_the_estimate(people: People, draft: tasks.Draft) -> None:
    with db.transaction() as session:
        model = session.exec(select(AiModel.id).where(AiModel.name == "claude-opus-4-5")).one()
        plain, five = (estimates.estimate(session, model, TaskType.ASK, length=1, images=images) for images in (0, 5))
    assert five.hold > plain.hold


def test_a_submit_that_fails_later_claims_nothing(people: People, draft: tasks.Draft) -> None:
    image = upload(people.alice)
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET output_price = 900000000000 WHERE provider = 'demo'"))
    with pytest.raises(NotEnoughCredits):
        submit(people.alice, draft, image)
    assert rows()[0].task_id is None


def test_an_image_is_its_owners_and_then_of_whoever_may_read_the_task(people: People, draft: tasks.Draft) -> None:
    image = upload(people.alice)
    everyone = (people.alice, people.bob, people.carol)
    assert [see(who, image) for who in everyone] == [True, False, False]
    task_id = submit(people.alice, replace(draft, repository_id=people.shop), image)
    assert [see(who, image) for who in everyone] == [True, False, False]
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, task_id, Visibility.REPOSITORY)
    assert [see(who, image) for who in everyone] == [True, True, False]
    end(task_id)
    with db.transaction() as session:
        tasks.delete(session, people.alice, task_id)
    assert [see(who, image) for who in everyone] == [False, False, False] and rows() == []


def test_only_an_unsent_image_of_ones_own_is_removed(people: People, draft: tasks.Draft) -> None:
    image, sent = upload(people.alice), upload(people.alice)
    submit(people.alice, draft, sent)

    def remove(user: User, image: UUID) -> None:
        with db.transaction() as session:
            attachments.remove(session, user, image)

    for who, what, error in (
        (people.carol, image, NotFound),
        (people.carol, sent, NotFound),
        (people.alice, sent, Conflict),
        (people.alice, uuid4(), NotFound),
    ):
        with pytest.raises(error):
            remove(who, what)
    remove(people.alice, image)
    with pytest.raises(NotFound):
        remove(people.alice, image)
    assert [row.id for row in rows()] == [sent]


def test_what_was_uploaded_and_never_sent_goes_after_a_day(people: People, draft: tasks.Draft) -> None:
    sent, fresh = upload(people.alice), upload(people.alice)
    upload(people.alice)
    submit(people.alice, draft, sent)
    with db.transaction() as session:
        session.execute(
            text("UPDATE attachments SET created_at = now() - interval '25 h' WHERE id <> :id"), {"id": fresh}
        )
    schedule.tidy()
    assert waiting(CHORES) == 1
    jobs.tasks.remove_unsent_attachments()
    assert {row.id for row in rows()} == {sent, fresh}
    schedule.tidy()
    assert waiting(CHORES) == 1, "nothing is rung for while nothing is old"


def test_of_one_person_the_newest_twenty_unsent_images_are_kept(people: People) -> None:
    bobs = upload(people.bob)
    images = [upload(people.alice) for _ in range(attachments.MOST_UNSENT + 2)]
    assert {row.id for row in rows()} == {bobs, *images[2:]}


def test_what_a_draft_holds_is_offered_again_as_long_as_it_can_be_sent(people: People, draft: tasks.Draft) -> None:
    first, second, sent = (upload(people.alice, name=name) for name in ("a\u202egnp.exe", "", "c.png"))
    submit(people.alice, draft, sent)
    ids = [second, sent, uuid4(), first, upload(people.carol)]
    with db.transaction() as session:
        found = attachments.unsent(session, people.alice, ids)
    assert [(row.id, row.name) for row in found] == [(second, "image"), (first, "agnp.exe")]


def test_a_deleted_account_leaves_no_image(people: People, draft: tasks.Draft) -> None:
    submit(people.alice, draft, upload(people.alice))
    upload(people.alice)
    kept = upload(people.bob)
    with db.transaction() as session:
        account.delete_account(session, session.get_one(User, people.alice.id), "alice")
    assert [row.id for row in rows()] == [kept]


def test_a_follow_up_brings_images_to_the_next_run(people: People, draft: tasks.Draft) -> None:
    task_id = submit(people.alice, draft, upload(people.alice))
    end(task_id)
    image = upload(people.alice)
    message = follow_up(people.alice, task_id, image, key="m")
    assert follow_up(people.alice, task_id, image, key="m") == message
    with pytest.raises(Conflict):
        follow_up(people.alice, task_id, key="m")
    assert [len(entry["images"]) for entry in entries(task_id)] == [1, 1]
    with pytest.raises(InvalidInput, match="follow-ups"):
        follow_up(people.alice, task_id, *(upload(people.alice) for _ in range(4)))


def test_a_message_that_is_withdrawn_takes_its_images_along(people: People, draft: tasks.Draft) -> None:
    task_id = submit(people.alice, draft)
    message = follow_up(people.alice, task_id, upload(people.alice))
    with db.transaction() as session:
        tasks.withdraw(session, people.alice, message)
    assert rows() == []


def test_a_prompt_of_the_longest_length_has_room_for_five_images(people: People, draft: tasks.Draft) -> None:
    images = [upload(people.alice, png(8_000, 10)) for _ in range(5)]
    longest = replace(draft, prompt="漢" * 21_499)
    task_id = submit(people.alice, longest, *images)
    assert len(entries(task_id)[0]["images"]) == 5


def test_a_photograph_is_kept_without_its_place(people: People) -> None:
    upload(people.alice, jpeg(), "IMG_0001.JPG")
    [row] = rows()
    assert b"SECRET" not in row.content and (row.media_type, row.size) == ("image/jpeg", len(row.content))
