"""Routes that create: with an `Idempotency-Key`, the same request again gets the first answer again."""

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from sqlmodel import Session

from backend import db
from backend.api.bearer import Caller, Taken
from backend.api.schemas.base import Shown
from backend.errors import InvalidInput
from backend.services import idempotency
from backend.services.idempotency import Answer, Claim

_MOST = 255


class Creation:
    """A request that creates something: once for each key of its caller's, each time without one."""

    def __init__(self, claim: Claim | None) -> None:
        self._claim = claim

    def answered(self) -> Response | None:
        """The first answer again, for routes that ask others before they create. Raises as `make` does."""
        if self._claim is None:
            return None
        with db.transaction() as session:
            known = idempotency.begin(session, self._claim)
        return _again(known) if known else None

    def make(self, work: Callable[[Session], tuple[Shown, str | None]]) -> Response:
        """Does `work` and keeps its answer, in one transaction: what to show of the new thing, and where it is.

        Raises StillRunning while the same request is at it, Conflict where its key came with another body.
        """
        with db.transaction() as session:
            known = idempotency.begin(session, self._claim) if self._claim else None
            if known is not None:
                return _again(known)
            shown, location = work(session)
            answer = Answer(201, shown.model_dump_json(), location)
            if self._claim is not None:
                idempotency.keep(session, self._claim, answer)
        return _response(answer)


async def _creation(
    request: Request,
    caller: Caller,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=_MOST,
            pattern=r"^[!-~]+$",
            description="Any text of your own, such as a UUID. The same request with the same key within 24 hours "
            "creates nothing more and gets the first answer; another body is refused.",
        ),
    ] = None,
) -> Creation:
    if idempotency_key is None:
        return Creation(None)
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise InvalidInput("There is more than one Idempotency-Key.", field="Idempotency-Key")
    assert isinstance(request, Taken)  # what creates takes a body, or says that it is empty
    digest = hashlib.sha256(request.said() + request.url.query.encode()).hexdigest()
    return Creation(Claim(caller.user.id, f"{request.method} {request.url.path}", idempotency_key, digest))


Once = Annotated[Creation, Depends(_creation)]


def _response(answer: Answer, **headers: str) -> Response:
    if answer.location:
        headers["Location"] = answer.location
    return Response(answer.body, answer.status, headers=headers, media_type="application/json")


def _again(answer: Answer) -> Response:
    return _response(answer, **{"Idempotency-Replayed": "true"})
