"""A task as one HTML page that needs nothing else: no script, no address, its looks and images within it."""

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sqlmodel import col, select

from backend.db import transaction
from backend.models import Attachment
from backend.services import access, tasks
from backend.services.credits import MICRO_PER_CREDIT
from backend.services.export import facts as reading
from backend.services.export.entries import entry, moment, patch, shown
from backend.services.export.facts import Facts
from backend.services.report import SAYS
from backend.settings import PROJECT_DIR
from backend.words import Verdict

_MICRO = 100 * MICRO_PER_CREDIT  # a dollar
_FONT = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def as_page(facts: Facts) -> Iterator[str]:
    """The page, piece by piece: one batch of the log, one file of the changes, one image at a time."""
    yield _head(facts)
    yield from _images(facts)
    yield _evidence(facts)
    yield _costs(facts)
    yield from _changes(facts)
    yield "<h2>Log</h2>"
    for one in reading.entries(facts, with_raw=False):
        if drawn := entry(one):
            yield drawn + "\n"
    yield "</main></body></html>\n"


@lru_cache(maxsize=1)
def _style() -> str:
    """The dashboard's tokens without its fonts, which would be asked for elsewhere, and the page's own rules."""
    sheets = ((PROJECT_DIR / "assets" / name).read_text(encoding="utf-8") for name in ("tokens.css", "export.css"))
    return _COMMENT.sub("", _FONT.sub("", "\n".join(sheets))).strip()


def _head(facts: Facts) -> str:
    task, style = facts.task, _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    how = str(task["outcome"] or task["failure"] or task["status"]).replace("_", " ")
    branches = f"{task['branch']} → {task['target_branch']}"
    pull = task.get("pull_request")
    about = [task["repository"], branches, task["model"]["display_name"], task["type"]]
    about += [f"pull request #{pull['number']} ({pull['status']})"] if pull else []
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy"'
        f' content="{policy}"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><title>{shown(task["title"])}</title><style>{style}</style>'
        f'</head><body><main><h1>{shown(task["title"])}</h1><p><span class="pill">{shown(how)}</span>'
        f' <span class="soft">{" · ".join(map(shown, about))}</span> {moment(task["created_at"])}</p>'
        f'<div class="card said"><p class="words">{shown(task["prompt"])}</p></div>'
    )


def _images(facts: Facts) -> Iterator[str]:
    mine = select(Attachment.id).where(Attachment.task_id == facts.task_id)
    with transaction() as session:
        access.readable(session, facts.user, facts.task_id)
        found = session.exec(mine.order_by(col(Attachment.created_at), col(Attachment.position))).all()
    for image_id in found:
        with transaction() as session:
            image = session.get(Attachment, image_id)
        if image is None or image.media_type not in _PICTURES:
            continue
        name = shown(facts.redaction.text(image.name))
        content = base64.b64encode(image.content).decode()
        yield (
            f'<details open><summary>{name}</summary><p><img alt="{name}" width="{image.width}"'
            f' src="data:{image.media_type};base64,{content}"></p></details>'
        )


def _evidence(facts: Facts) -> str:
    found = next((run["evidence"] for run in reversed(facts.runs) if (run["evidence"] or {}).get("verdict")), None)
    if found is None:
        return '<h2>Evidence</h2><p class="soft">Nothing was committed, so no tests were run.</p>'
    rows = [
        ("Result, seen by the worker", SAYS[Verdict(found["verdict"])]),
        ("Command", found.get("command")),
        ("Exit code", found.get("exit_code")),
        ("Duration", f"{found['duration_ms'] / 1000:.1f} s" if found.get("duration_ms") else None),
        ("Commit", found.get("sha")),
        ("SHA-256 of the log", found.get("log_sha256")),
        ("Reason", found.get("reason")),
        ("Tests removed or skipped", ", ".join(map(str, found.get("weakened") or ()))),
    ]
    told = "".join(
        f"<tr><th>{name}</th><td>{shown(value)}</td></tr>" for name, value in rows if value not in (None, "")
    )
    log = found.get("log_end")
    end = f"<details><summary>The end of the tests' log</summary><pre>{shown(log)}</pre></details>" if log else ""
    return f"<h2>Evidence</h2><table>{told}</table>{end}"


def _costs(facts: Facts) -> str:
    heads = ("Run", "Model", "Status", "Turns", "Tokens in", "cached", "out", "Cost", "Held", "Charged")
    rows = "".join(f"<tr>{''.join(map(_cell, _cost(run)))}</tr>" for run in facts.runs)
    names = "".join(f"<th{_side(head not in ('Model', 'Status'))}>{head}</th>" for head in heads)
    return f'<h2>Cost</h2><div class="wide"><table><tr>{names}</tr>{rows}</table></div>'


def _cost(run: dict[str, Any]) -> tuple[Any, ...]:
    charged = "own key" if run["own_key"] else "not settled" if run["charged"] is None else run["charged"]
    tokens = (run["tokens_input"], run["tokens_cached"], run["tokens_output"])
    how = str(run["outcome"] or run["failure"] or run["status"]).replace("_", " ")
    name = run["model"]["display_name"]
    return (run["number"], name, how, run["steps"], *tokens, run["cost_micro"] / _MICRO, run["held"], charged)


def _cell(value: Any) -> str:
    words = f"${value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else shown(value)
    return f"<td{_side(not isinstance(value, str))}>{words}</td>"


def _side(is_number: bool) -> str:
    return ' class="num"' if is_number else ""


def _changes(facts: Facts) -> Iterator[str]:
    with transaction() as session:
        found = tasks.diff(session, facts.user, facts.task_id)
    yield f"<h2>Changes</h2>{'' if found else '<p class=soft>No file was changed.</p>'}"
    hide = facts.redaction.text
    for one in found:
        weak = "".join(f'<p class="bad">{shown(hide(each))}</p>' for each in one.weakened)
        body = patch(hide(one.patch)) if one.patch else '<p class="soft">A binary file.</p>'
        name = f"{one.old_path} → {one.path}" if one.old_path not in ("", one.path) else one.path
        counts = f'<small class="ok">+{one.added}</small> <small class="bad">−{one.removed}</small>'
        yield f"<details><summary>{shown(hide(name))} {counts} {shown(one.status)}</summary>{weak}{body}</details>\n"
