"""A second opinion on a run's changes, where the repository's admins want one: asked once, before the pull request.

It is paid as the run is, out of what the run may cost; what does not fit is not asked. It keeps nothing from being
handed over, whatever it says and wherever it fails.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlmodel import Session

from backend.db import patiently
from backend.engine import limits, opinion
from backend.engine.patience import Cancelled, LongWait, Patience
from backend.errors import InvalidInput, RunFailed
from backend.models import AiModel, RepositorySettings, TaskRun, User
from backend.providers import open_provider
from backend.providers.base import Final, Prices, Provider, ProviderError, Request
from backend.services import catalog, credits, provider_keys
from backend.services.provider_keys import OwnKeyProvider
from backend.services.workplace import Workplace
from backend.settings import get_settings
from backend.words import EventKind
from backend.workspace.diff import FileChange

_TRIES = 3  # it is worth a short wait, and no long one


@dataclass(frozen=True)
class Opinion:
    """What another model said of the changes: findings as a review's, or `why` there are none to be had.

    `left_out` of the changed files it could not be shown; `cost_micro` are micro-dollars.
    """

    model: str
    findings: list[dict[str, Any]] = field(default_factory=list)
    why: str = ""
    left_out: int = 0
    cost_micro: int = 0


@dataclass(frozen=True)
class _Reader:
    """The model that is asked, what its tokens cost, and what is left of the run's money, in micro-dollars."""

    provider: str
    name: str
    display_name: str
    prices: Prices
    window: int
    output: int
    left_micro: int


def ask(place: Workplace, sha: str, files: Sequence[FileChange]) -> Opinion | None:
    """The second opinion on that commit; an earlier attempt's stands. None where nobody wants one, or said stop."""
    name = f"opinion:{sha}"
    if known := place.recorder.found(name):
        return Opinion(**known["opinion"])
    reader = patiently(lambda session: _reader(session, place))
    if reader is None:
        return None
    if isinstance(reader, Opinion):
        return _noted(place, reader, name)
    wanted = min(opinion.OUTPUT, reader.output)
    request, left_out = opinion.request(
        reader.name,
        place.facts.prompt,
        [file.patch for file in files if not file.is_binary],
        window=reader.window,
        output=wanted,
        run_key=f"{place.facts.claim.run_id}-opinion",
    )
    if not _is_payable(reader, request, wanted):
        why = "The rest of what the run may cost does not pay for it."
        return _noted(place, Opinion(reader.display_name, why=why), name)
    try:
        final = _patience(place).answer(_provider(place, reader), request)
    except Cancelled:
        return None
    except (ProviderError, RunFailed, LongWait) as error:
        return _noted(place, Opinion(reader.display_name, why=f"It could not be had. {error}"), name)
    return _kept(place, reader, final, left_out, name)


def _reader(session: Session, place: Workplace) -> _Reader | Opinion | None:
    """Who is asked; an Opinion that says why nobody can be."""
    facts = place.facts
    chosen = session.get(RepositorySettings, facts.repository_id)
    if chosen is None or chosen.opinion_model_id is None:
        return None
    model = session.get_one(AiModel, chosen.opinion_model_id)
    run, user = session.get_one(TaskRun, facts.claim.run_id), session.get_one(User, facts.user_id)
    try:
        catalog.usable(session, model.id, user)
    except InvalidInput as error:
        return Opinion(model.display_name, why=str(error))
    if run.own_key and not provider_keys.pays_for(session, user.id, model.id):
        return Opinion(model.display_name, why="The run is on its person's own key, and they have none for this model.")
    if not run.own_key and not _is_configured(model.provider):
        return Opinion(model.display_name, why="The deployment has no key for this model.")
    price = credits.prices(model)
    assert price is not None, "a usable model has a price"
    left = credits.buys(run.limit, run.margin) - run.cost_micro
    return _Reader(model.provider, model.name, model.display_name, price, model.context_window, model.max_tokens, left)


def _is_configured(provider: str) -> bool:
    return provider not in provider_keys.PROVIDERS or bool(get_settings().provider_key(provider))


def _is_payable(reader: _Reader, request: Request, wanted: int) -> bool:
    """Whether all of the answer would surely be paid by what is left."""
    tokens = limits.overhead_tokens(request.system, list(request.tools))
    tokens += sum(limits.message_tokens(message) for message in request.messages)
    most = limits.affordable_output(
        reader.prices, left_micro=reader.left_micro, input_tokens=tokens, wanted=wanted, is_last=True
    )
    return most == wanted


def _patience(place: Workplace) -> Patience:
    def wait(reason: str, until: Any, attempt: int) -> None:
        told = {"reason": reason, "until": until.isoformat(), "attempt": attempt}
        place.recorder.emit(EventKind.WAIT, told)

    return Patience(lambda text, kind: None, wait, place.lease.cancelled, tries=_TRIES)


def _provider(place: Workplace, reader: _Reader) -> Provider:
    settings = get_settings()
    if place.facts.own_key:
        return OwnKeyProvider(reader.provider, place.facts.user_id)
    return open_provider(
        reader.provider,
        api_key=settings.provider_key(reader.provider),
        base_url=settings.provider_base_url(reader.provider),
    )


def _kept(place: Workplace, reader: _Reader, final: Final, left_out: int, name: str) -> Opinion:
    """The answer, stored with its cost: it is paid for, whatever it holds."""
    found = opinion.findings(final)
    cost = reader.prices.cost_micro(final.usage)
    why = "" if found is not None else "Its answer could not be read."
    said = Opinion(reader.display_name, found or [], why, left_out, cost)
    told = {"text": _told(said), "code": "opinion", "opinion": asdict(said)}
    place.recorder.paid_once(EventKind.NOTE, told | {"usage": asdict(final.usage), "cost_micro": cost}, name)
    return said


def _noted(place: Workplace, said: Opinion, name: str) -> Opinion:
    place.recorder.once(EventKind.NOTE, {"text": _told(said), "code": "opinion", "opinion": asdict(said)}, name)
    return said


def _told(said: Opinion) -> str:
    """The log's sentence."""
    if said.why:
        return f"No second opinion of {said.model}: {said.why}"
    count = len(said.findings)
    counted = "nothing to remark" if not count else "1 remark" if count == 1 else f"{count} remarks"
    more = f" {said.left_out} changed files did not fit into its window." if said.left_out else ""
    return f"Second opinion of {said.model}: {counted}.{more}"
