"""`asynccoder run`: the engine on a local checkout, without web, queue or account."""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from backend.errors import InvalidInput, Misconfigured
from backend.settings import Settings, get_settings
from backend.words import EventKind, TaskType

MICRO_PER_DOLLAR = 1_000_000
CONTEXT_WINDOW = 128_000  # tokens; what every model that is worth asking takes
MAX_OUTPUT = 8_192
KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY", "google": "GEMINI_API_KEY"}


class Printer:
    """The log of this one run: a line an entry on stderr, or JSON lines on stdout."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def emit(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        """Shows one entry."""
        if self._as_json:
            print(json.dumps({"kind": kind.value, "payload": payload}, ensure_ascii=False), flush=True)
            return
        words = _words(kind, payload)
        if words:
            print(words, file=sys.stderr, flush=True)

    def delta(self, text: str, kind: str) -> None:
        """Streamed text comes again, whole, in its entry."""


def run(
    prompt: Annotated[str, typer.Argument(help="What is to be done.")],
    repo: Annotated[Path, typer.Option(help="A local git repository; its last commit is worked on, in a copy.")],
    model: Annotated[
        str, typer.Option(help="PROVIDER/NAME, such as anthropic/claude-sonnet-4-6 or demo/demo-scripted.")
    ],
    task_type: Annotated[TaskType, typer.Option("--type", help="What kind of work.")] = TaskType.DEBUG,
    budget: Annotated[float, typer.Option(help="US dollars that it may cost.")] = 1.0,
    price: Annotated[
        str, typer.Option(help="IN,OUT in dollars per million tokens, for a model that the price list does not know.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout: the log, then the ending.")] = False,
) -> None:
    """Runs the engine on a local repository and prints the diff; the repository itself is not changed."""
    from backend.sandbox.choose import choose
    from backend.workspace.checkout import remove, workspaces_root

    provider_id, _, name = model.partition("/")
    if not name:
        raise InvalidInput(f"--model {model!r} is not PROVIDER/NAME.")
    settings = get_settings()
    if provider_id in KEYS and not settings.provider_key(provider_id):
        raise Misconfigured(f"There is no key for {provider_id}.", fix=f"Set {KEYS[provider_id]}.")
    sandbox = choose(settings.sandbox, settings.extra_sandbox_paths)
    folder = workspaces_root(settings.data_dir, sandbox.owner) / f"run-{uuid4().hex[:12]}"
    try:
        with tempfile.TemporaryDirectory(prefix="asynccoder-") as mirrors:
            checkout = _copy(repo, Path(mirrors), folder, sandbox.owner)
            ending = _work(settings, checkout, sandbox, (provider_id, name), task_type, prompt, price, budget, as_json)
            _show(checkout, ending, as_json=as_json)
    finally:
        remove(folder)


def _prices(provider_id: str, name: str, given: str) -> Any:
    """What was given, else what the list says: without either nobody could say when the budget is used up."""
    from backend.providers.base import Prices
    from backend.services import dollars, known_models

    if given:
        asked = [dollars.micro(part, "--price") for part in given.split(",")]
        if len(asked) != 2:
            raise InvalidInput("--price is two prices with a comma between them, such as 0.5,1.5.")
        return Prices(input=asked[0], output=asked[1], cache_read=asked[0], cache_write=asked[0])
    listed = known_models.list_price(provider_id, name)
    if listed is None:
        raise Misconfigured(f"No price is known for {provider_id}/{name}.", fix="Give it: --price 0.5,1.5")
    return listed


def _copy(repo: Path, mirrors: Path, folder: Path, owner: Any) -> Any:
    from backend.workspace.checkout import Checkout
    from backend.workspace.git import run_git, text
    from backend.workspace.mirror import Mirror

    source = repo.expanduser().resolve()
    git_dir = source / ".git" if (source / ".git").exists() else source
    if not (git_dir / "HEAD").exists() and not git_dir.is_file():
        raise InvalidInput(f"{repo} is not a git repository.")
    head = text(run_git(["-C", str(source), "rev-parse", "--verify", "HEAD"]))
    mirror = Mirror(mirrors, 0)
    mirror.refresh(source.as_uri(), None, "file")
    return Checkout.create(folder, mirror, head, owner)


def _work(
    settings: Settings, checkout: Any, sandbox: Any, model: tuple[str, str], task_type: TaskType, prompt: str,
    price: str, budget: float, as_json: bool,
) -> Any:  # fmt: skip
    from backend.engine import agent, guidance
    from backend.engine.tools import Toolbox
    from backend.providers import open_provider

    provider_id, name = model
    assignment = agent.Assignment(
        task_type=task_type,
        prompt=prompt,
        model=name,
        prices=_prices(provider_id, name, price),
        context_window=CONTEXT_WINDOW,
        max_output=MAX_OUTPUT,
        hold_micro=int(budget * MICRO_PER_DOLLAR),
        run_key=uuid4().hex,
        guidance=guidance.read(checkout.work_tree),
    )
    provider = open_provider(
        provider_id, api_key=settings.provider_key(provider_id), base_url=settings.provider_base_url(provider_id)
    )
    toolbox = Toolbox(checkout.work_tree, sandbox, task_type)
    log: Sequence[agent.LogEntry] = ()
    return agent.run(assignment, provider, toolbox, log, Printer(as_json=as_json), _NoOrders(assignment.hold_micro))


class _NoOrders:
    """Nobody gives orders here but Ctrl-C."""

    def __init__(self, hold_micro: int) -> None:
        self._hold_micro = hold_micro

    def poll(self) -> Any:
        """The same every time."""
        from backend.engine.assignment import Orders

        return Orders(cancelled=False, finish_now=False, hold_micro=self._hold_micro)


def _show(checkout: Any, ending: Any, *, as_json: bool) -> None:
    from backend.workspace import checkpoint, diff

    with diff.patch(checkout, checkout.base_sha, checkpoint.write(checkout)) as file:
        patch = file.read().decode(errors="replace")
    dollars = ending.cost_micro / MICRO_PER_DOLLAR
    if as_json:
        facts = {"kind": ending.kind, "title": ending.title, "text": ending.text, "steps": ending.steps}
        print(json.dumps({**facts, "cost_dollars": dollars, "patch": patch}, ensure_ascii=False))
        return
    print(f"\n{ending.title}\n\n{ending.text}\n\n{ending.steps} steps, ${dollars:.4f}\n", file=sys.stderr)
    print(patch, end="")


def _words(kind: EventKind, payload: dict[str, Any]) -> str:
    match kind:
        case EventKind.MODEL_TURN:
            return "\n".join(part["text"] for part in payload["parts"] if part.get("type") == "text")
        case EventKind.TOOL_RESULT:
            return f"  · {payload.get('summary') or payload['name']}"
        case EventKind.NOTE | EventKind.WAIT:
            return f"  … {payload.get('text') or payload.get('reason', '')}"
        case _:
            return ""
