"""The pull request's body: evidence, cost and a link, then what the model says, which can hide nothing before it."""

import re
from typing import Any

from backend.engine.assignment import Ending
from backend.jsonb import clean_text, without_direction
from backend.services.brief import Brief
from backend.services.credits import in_dollars, to_credits
from backend.services.second_opinion import Opinion
from backend.settings import get_settings
from backend.words import Verdict

SAYS = {
    Verdict.VERIFIED: "verified: the worker ran the tests on this commit and they passed",
    Verdict.FAILED: "failed: the worker ran the tests on this commit and they did not pass",
    Verdict.NOT_RUN: "not run",
    Verdict.CANNOT_RUN: "cannot run here",
}
_GAP = "\u200b"
_CLOSING = re.compile(
    r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?::?\s+)"
    r"(?=(?:(?:[\w.-]+/[\w.-]+)?#|GH-|https?://[^\s/]+/[\w.-]+/[\w.-]+/(?:issues|pull)/)\d)"
)
MAX_BODY = 60_000  # GitHub refuses bodies over 65,536 characters


def pull_request_body(facts: Brief, ending: Ending, evidence: dict[str, Any], opinion: Opinion | None = None) -> str:
    """The body as the worker writes it; the model's text is `quiet` already.

    It comes last, so that an open comment or fence in it swallows nothing of ours.
    """
    link = f"{get_settings().origin}/tasks/{facts.task_id}"
    lines = [f"For {', '.join(facts.issues)}", ""] if facts.issues else []  # no keyword: a merge closes no issue
    lines += [
        "### Evidence",
        "",
        "| Check | Seen by the worker |",
        "|---|---|",
    ]
    lines.append(f"| Result | **{SAYS[Verdict(evidence['verdict'])]}** |")
    if evidence.get("command"):
        lines.append(f"| Command | `{_cell(evidence['command'])}` |")
        lines.append(f"| Exit code | {evidence['exit_code']} |")
        lines.append(f"| Duration | {evidence['duration_ms'] / 1000:.1f} s |")
        lines.append(f"| SHA-256 of the log | `{evidence['log_sha256']}` |")
    lines.append(f"| Commit | `{evidence['sha']}` |")
    if evidence.get("reason"):
        lines.append(f"| Reason | {_cell(quiet(evidence['reason']))} |")
    if evidence.get("weakened"):
        lines.append(f"| Tests removed or skipped | {_cell(quiet(', '.join(evidence['weakened'])))} |")
    lines += [
        "",
        f"By {facts.model_name}, {cost(to_credits(ending.cost_micro, facts.margin), own_key=facts.own_key)}. "
        f"The evidence is the worker's. [The task's log]({link})",
        "",
        *(_opinion(opinion, facts) if opinion else []),
        "### What the model says",
        "",
        ending.text,
    ]
    return "\n".join(lines)[:MAX_BODY]


def _opinion(opinion: Opinion, facts: Brief) -> list[str]:
    """Another model's findings, a line each, so that nothing in one swallows what follows."""
    spent = cost(to_credits(opinion.cost_micro, facts.margin), own_key=facts.own_key)
    price = f", {spent}" if opinion.cost_micro else ""
    lines = [f"### Second opinion of {_cell(opinion.model)}{price}", ""]
    if opinion.why:
        return [*lines, _line(opinion.why), ""]
    seen = "It read what was asked for and the diff, nothing else."
    if opinion.left_out:
        seen += f" {opinion.left_out} changed files did not fit."
    found = [
        f"- **{_cell(one['severity'])}** `{_cell(one['path'])}:{one['line']}` {_line(one['text'])}"
        for one in opinion.findings
    ]
    if not found:
        return [*lines, f"{seen} It remarks on nothing.", ""]
    return [*lines, seen, "", *found, ""]


def _line(text: str) -> str:
    return " ".join(quiet(clean_text(text)).replace("<", "&lt;").split())


def _cell(text: str) -> str:
    return re.sub(r"[|`\r\n<>]", " ", without_direction(text))


def quiet(text: str) -> str:
    """What the model writes notifies nobody and closes no issue: a zero-width space stands after @ and before an issue.

    Nor does any of it change the order in which the rest is shown.

    GitHub's documentation: "Linking a pull request to an issue using a keyword".
    """
    text = re.sub(r"@(?=[A-Za-z0-9])", f"@{_GAP}", without_direction(text))
    return _CLOSING.sub(lambda found: f"{found[0]}{_GAP}", text)


def harmless(text: str, most: int) -> str:
    """A model's words in a comment: they notify nobody, close no issue, and hide nothing, a marker least of all."""
    return quiet(clean_text(text)).replace("<!--", f"<{_GAP}!--")[:most]


def cost(count: int, *, own_key: bool) -> str:
    """What a run cost, in words: credits, or dollars on somebody's own key."""
    if own_key:
        return f"about {in_dollars(count)} on the author's own key"
    return "1 credit" if count == 1 else f"{count} credits"
