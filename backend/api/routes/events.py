"""All that a person is told, in order: as a list, or as it happens."""

from typing import Annotated

from fastapi import Query, Request, Response

from backend import db
from backend.api import bearer, streams
from backend.api.bearer import Caller
from backend.api.pages import Page, Turn
from backend.api.schemas.tasks import NoticeShown
from backend.api.streams import Numbered, Stream
from backend.events import user_topic
from backend.services import news, notices

router = bearer.router("/events", "Events")


@router.get("", response_model=Page[NoticeShown], responses={200: {"content": {Stream.media_type: {}}}})
def list_notices(
    request: Request,
    caller: Caller,
    turn: Turn,
    after: Annotated[int | None, Query(ge=0, lt=2**31, description="The number of the last one that is known.")] = None,
) -> Response:
    """What happened to the person's tasks, pull requests and credits after that number, in order.

    With `Accept: text/event-stream` as it happens, from now on, or after `after` or `Last-Event-ID`.
    """
    if streams.wanted(request):
        with db.transaction() as session:
            newest = news.latest(session, caller.user)
        known = streams.last_known(request, newest if after is None else after)
        return streams.stream(request, caller, user_topic(caller.user.id), known, notices.since, _told)
    with db.transaction() as session:
        found = notices.since(session, caller.user, after or 0, turn.limit)
    more = {"after": str(found[-1].seq)} if len(found) == turn.limit else {}
    return turn.answer([NoticeShown.model_validate(row) for row in found], more)


def _told(row: Numbered) -> tuple[str, NoticeShown]:
    shown = NoticeShown.model_validate(row)
    return shown.kind, shown
