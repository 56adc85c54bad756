"""Images in the composer and in a follow-up: sent with the form, weighed, kept in a draft, refused with a sentence."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from asynccoder_ui import facts
from asynccoder_ui.composer import Composer
from asynccoder_ui.drafts import Drafts
from asynccoder_ui.task_view import TaskView
from backend import db
from backend.models import AiModel, Attachment, TaskMessage, User
from backend.services import attachments, tasks
from backend.services.tasks import Draft
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.pictures import png
from tests.ui.conftest import opened
from tests.ui.test_composer import FORM, composed, tasks_of
from tests.ui.test_drafts import drafted, open_draft

pytestmark = pytest.mark.usefixtures("branches")


def upload(user: User, name: str = "shot.png") -> UUID:
    with db.transaction() as session:
        return attachments.store(session, user, name, png()).id


def sent_with(task_id: UUID) -> list[UUID]:
    with db.transaction() as session:
        found = select(Attachment.id).where(Attachment.task_id == task_id).order_by(text("position"))
        return list(session.exec(found))


def form(*images: UUID, nonce: str = "n-1") -> dict[str, Any]:
    return {**FORM, "nonce": nonce, "images": " ".join(map(str, images))}


def without_images(*models: str) -> None:
    with db.transaction() as session:
        for model in session.exec(select(AiModel).where(AiModel.provider.in_(models))):  # type: ignore[attr-defined]  # a column
            model.capabilities = {}
            session.add(model)


def test_the_forms_images_go_with_the_task_once(people: People):
    images = [upload(people.alice) for _ in range(2)]
    composed(people, (Composer.send, form(*images)), (Composer.send, form(*images)))
    [task] = tasks_of(people)
    assert sent_with(task.id) == images


@pytest.mark.parametrize("given", ["nonsense", "../../etc", 7, ["x"], " ".join(str(uuid4()) for _ in range(6))])
def test_what_names_no_image_of_ones_own_is_refused_with_a_sentence(people: People, given: Any):
    composer, _ = composed(people, (Composer.send, {**FORM, "images": given}))
    assert composer.error.endswith(".") and tasks_of(people) == []
    composer, _ = composed(people, (Composer.send, form(upload(people.carol))))
    assert composer.error == "An image is no longer there. Remove it and add it again." and tasks_of(people) == []


def test_images_make_the_estimate_larger_however_many_are_claimed(people: People):
    plain, _ = composed(people, (Composer.weigh, 100, 0))
    five, _ = composed(people, (Composer.weigh, 100, 5))
    endless, _ = composed(people, (Composer.weigh, 100, 10**9))
    assert plain.price.hold < five.price.hold == endless.price.hold


def test_a_model_without_images_says_so_in_the_picker_and_to_the_box(people: People):
    image = upload(people.alice)
    composer, _ = composed(people)
    assert composer.choice.no_images == ""
    without_images("demo")
    composer, _ = composed(people, (Composer.send, form(image)))
    assert composer.choice.no_images == "Demo (scripted, no AI) does not take images."
    assert "takes no images" in composer.model_options[0].detail
    assert "does not take images" in composer.error and tasks_of(people) == []


def test_a_draft_keeps_its_images_and_says_when_they_are_gone(people: People):
    kept, gone = upload(people.alice, "kept.png"), upload(people.alice, "gone.png")
    _, _, tab = drafted(people, (Drafts.save, "Like this", "n-1", f"{kept} {gone}"))
    with db.transaction() as session:
        attachments.remove(session, people.alice, gone)
    composer, _, tab = drafted(people, open_draft("Like this"))
    told = str(tab.got)
    assert str(kept) in told and "kept.png" in told and str(gone) not in told
    assert "Images of this draft are gone" in told
    assert composer.price.is_known


def test_a_follow_up_brings_its_images(people: People):
    draft = Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        task = tasks.submit(session, people.alice, draft).id
    image, carols = upload(people.alice), upload(people.carol)

    async def road() -> str:
        async with opened(people.cookies["alice"], f"/tasks/{task}") as tab:
            await tab.fire(TaskView.show, "log")  # a tab has to be there before it can be told anything
            await tab.fire(TaskView.send, form(carols, nonce="1"))
            refused = (await tab.state(TaskView)).error
            await tab.fire(TaskView.send, form(image, nonce="2"))
            await tab.fire(TaskView.send, form(image, nonce="2"))
            return refused

    assert asyncio.run(road()) == "An image is no longer there. Remove it and add it again."
    assert sent_with(task) == [image]
    with db.transaction() as session:
        [message] = session.exec(select(TaskMessage))
        page = tasks.page(session, people.alice, task)
    assert message.text == FORM["prompt"]
    assert [one["id"] for one in page.queued_messages[0].images] == [str(image)]
    assert (facts.task_facts(page).no_images, facts.task_facts(page).most_images) == ("", 4)


def test_a_task_with_all_its_images_or_a_model_without_any_takes_no_more(people: People):
    draft = Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        user = session.get_one(User, people.alice.id)
        images = tuple(attachments.store(session, user, "a.png", png()).id for _ in range(attachments.MOST))
        task = tasks.submit(session, user, Draft(**{**vars(draft), "attachments": images})).id
        said = facts.task_facts(tasks.page(session, user, task))
    assert (said.no_images, said.most_images) == ("This task has its 5 images already.", 0)
    without_images("demo")
    with db.transaction() as session:
        said = facts.task_facts(tasks.page(session, people.alice, task))
    assert said.no_images == "Demo (scripted, no AI) does not take images."
