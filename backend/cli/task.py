"""`asynccoder task`: tasks from a terminal, over the REST API."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from backend.cli import client
from backend.cli.client import Client, ClientError
from backend.words import Priority, Status, TaskType

app = typer.Typer(help="Tasks: started, listed, watched, stopped; their changes brought here.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="The API's own JSON on stdout.")]
Id = Annotated[str, typer.Argument(metavar="TASK", help="A task's id, or the first characters of it.")]
_SECONDS_OF_SILENCE = 45.0  # the server says every 15 s that it lives
_TRIES = 8
_NO_TERMINAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ORIGIN = re.compile(r"[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


@app.command()
def new(
    prompt: Annotated[str, typer.Argument(help="What is to be done; - reads it from stdin.")],
    repo: Annotated[str, typer.Option(help="owner/name; otherwise where this folder's origin leads.")] = "",
    branch: Annotated[str | None, typer.Option(help="Where it starts from.")] = None,
    task_type: Annotated[TaskType | None, typer.Option("--type", help="What kind of work.")] = None,
    model: Annotated[str, typer.Option(help="A model by its name, as `--model demo-scripted`.")] = "",
    priority: Annotated[Priority | None, typer.Option(help="How urgent it is.")] = None,
    pull: Annotated[int | None, typer.Option(help="The pull request that a review looks at.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="It plans first, and waits until you approve.")] = False,
    watch_it: Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")] = False,
    as_json: Json = False,
) -> None:
    """Starts a task and prints its id."""
    server = Client.signed_in()
    given = {
        "repository_id": _repository(server, repo or _here()),
        "prompt": sys.stdin.read() if prompt == "-" else prompt,
        "branch": branch,
        "type": task_type.value if task_type else None,
        "priority": priority.value if priority else None,
        "model_id": _model(server, model) if model else None,
        "pull_number": pull,
        "plan_first": plan or None,
    }
    task = _created(server, {name: value for name, value in given.items() if value is not None})
    if watch_it:
        print(task["url"], file=sys.stderr)
        _follow(server, task, as_json=as_json)
    elif as_json:
        print(json.dumps(task))
    else:
        print(task["id"])
        print(task["url"], file=sys.stderr)


@app.command("list")
def list_tasks(
    status: Annotated[Status | None, typer.Option(help="Only those of this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Prints your tasks, newest first."""
    found = Client.signed_in().get("/api/tasks", limit=limit, status=status.value if status else None)["items"]
    if as_json:
        print(json.dumps(found))
        return
    if not found:
        print("No such tasks." if status else "No tasks yet.", file=sys.stderr)
    for one in found:
        state = one["outcome"] or one["failure"] or one["phase"]
        print(f"{one['short_id']}  {one['status']:<9}  {state:<16}  {one['repository']}  {_plain(one['title'])}")


@app.command()
def watch(task: Id, as_json: Json = False) -> None:
    """Prints a task's log as it is written, until its run ends; with 1 where that did not end well."""
    server = Client.signed_in()
    _follow(server, find(server, task), as_json=as_json)


@app.command()
def stop(task: Id, as_json: Json = False) -> None:
    """Stops a task's run; what it did is kept as a patch."""
    server = Client.signed_in()
    found = server.ask("PUT", f"/api/tasks/{find(server, task)['id']}/cancel")
    print(json.dumps(found) if as_json else f"{found['short_id']}  {found['status']}")


@app.command()
def diff(task: Id, as_json: Json = False) -> None:
    """Prints what a task changed: into a file or a pipe byte for byte, as `git apply` takes it."""
    server = Client.signed_in()
    task_id = find(server, task)["id"]
    if as_json:
        print(json.dumps(server.get(f"/api/tasks/{task_id}/diff")))
        return
    patch = _patch(server, task_id)
    if sys.stdout.isatty():
        print(_plain(patch.decode("utf-8", "replace")), end="")
    else:
        sys.stdout.buffer.write(patch)


@app.command()
def apply(task: Id) -> None:
    """Applies what a task changed to the files of this folder's repository; all of it or nothing."""
    server = Client.signed_in()
    root = _git("rev-parse", "--show-toplevel")
    if root is None:
        raise ClientError("This folder is in no git repository.", client.REFUSED)
    patch = _patch(server, find(server, task)["id"])
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"], cwd=root, input=patch, capture_output=True, check=False
    )
    if done.returncode:
        words = _plain(done.stderr.decode("utf-8", "replace").strip().split("\n")[0])
        raise ClientError(f"The changes do not fit what is here, so nothing was changed: {words}", client.REFUSED)
    print(f"Applied to {root}. See: git diff", file=sys.stderr)


def _created(server: Client, wish: dict[str, Any]) -> dict[str, Any]:
    """The new task; where the answer was lost, asked for once more under the same key, which creates nothing more."""
    key = {"Idempotency-Key": str(uuid4())}
    found: dict[str, Any]
    try:
        found = server.ask("POST", "/api/tasks", json=wish, headers=key)
    except ClientError as error:
        if error.exit_code != client.UNREACHED:
            raise
        time.sleep(1)
        found = server.ask("POST", "/api/tasks", json=wish, headers=key)
    return found


def _follow(server: Client, task: dict[str, Any], *, as_json: bool) -> None:
    """Prints the log up to the end of the run that is alive now, else up to what is there."""
    is_over, known = Status(task["status"]).is_end, task["event_seq"]
    for event in _events(server, task["id"]):
        if as_json:
            print(json.dumps(event), flush=True)
        elif words := _line(event):
            print(_plain(words), flush=True)
        if event["seq"] >= known if is_over else event["kind"] == "ended" and event["seq"] > known:
            break
    found = server.get(f"/api/tasks/{task['id']}")
    if not as_json:
        pull = f"  {found['pull_request']['url']}" if found["pull_request"] else ""
        print(f"{found['status']}  {found['outcome'] or found['failure'] or ''}{pull}", file=sys.stderr)
    if found["status"] in (Status.FAILED, Status.CANCELLED):
        raise typer.Exit(client.NOT_WELL)


def _events(server: Client, task_id: str) -> Iterator[dict[str, Any]]:
    """The log's entries, each once, over as many connections as it takes. Raises ClientError."""
    import httpx

    last, failed = 0, 0
    while True:
        try:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": str(last)}
            with server.stream(f"/api/tasks/{task_id}/events", _SECONDS_OF_SILENCE, **headers) as answer:
                for name, data in _messages(answer.iter_lines()):
                    failed = 0
                    if name == "refused":
                        raise ClientError(data["detail"], client.SIGNED_OUT)
                    if name == "task:event":
                        last = data["seq"]
                        yield data
        except httpx.TransportError as error:
            failed += 1
            if failed >= _TRIES:
                raise ClientError(f"{server.url} cannot be reached any more.", client.UNREACHED) from error
            time.sleep(min(0.25 * 2**failed, 15))


def _messages(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Events with their data (WHATWG HTML, section 9.2.6; ours have one line of data each)."""
    name = data = ""
    for line in lines:
        if not line:
            if data:
                yield name, json.loads(data)
            name = data = ""
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data = line[5:].strip()


def _line(event: dict[str, Any]) -> str:
    payload = event["payload"]
    match event["kind"]:
        case "model_turn":
            return "\n".join(part["text"] for part in payload.get("parts", ()) if part.get("type") == "text")
        case "tool_result":
            return f"  · {payload.get('summary') or payload.get('name')}"
        case "note" | "wait" | "commit":
            return f"  … {payload.get('text') or payload.get('reason') or payload.get('title')}"
        case "phase" if payload.get("phase") == "parked":
            return f"  … waits: {payload.get('reason')}"
        case "plan":
            return f"\nPlan {payload['number']}: {payload['title']}\n\n{payload['text']}\n"
        case "plan_decided":
            return f"  … plan {payload['number']}: {payload['decision']} {payload['text']}".rstrip()
        case "evidence":
            return f"  = {payload['verdict']}: {payload.get('command') or payload.get('reason')}"
        case "ended":
            return f"\n{payload.get('text') or ''}"
    return ""


def find(server: Client, task: str) -> dict[str, Any]:
    """A task by its id, or by the beginning of it among the newest hundred."""
    if not re.fullmatch(r"[0-9a-fA-F-]{4,36}", task):
        raise ClientError(f"{task!r} is no task's id.", client.NOT_THERE)
    found: dict[str, Any]
    if len(task) >= 32:
        found = server.get(f"/api/tasks/{task}")
        return found
    fitting = [one for one in server.get("/api/tasks", limit=100)["items"] if one["id"].startswith(task.lower())]
    if len(fitting) != 1:
        said = "no task's id begins" if not fitting else f"{len(fitting)} tasks' ids begin"
        raise ClientError(f"Among your newest hundred, {said} with {task}.", client.NOT_THERE)
    found = fitting[0]
    return found


def _repository(server: Client, name: str) -> str:
    if not name:
        raise ClientError("Say which repository: --repo owner/name.", client.REFUSED)
    listed = server.get("/api/repositories", q=name.rsplit("/", 1)[-1], limit=100)["items"]
    found = next((one for one in listed if one["full_name"].lower() == name.lower()), None)
    if found is None:
        raise ClientError(f"There is no repository {name}, or you cannot see it.", client.NOT_THERE)
    return str(found["id"])


def _model(server: Client, name: str) -> str:
    listed = server.get("/api/models")["items"]
    for one in listed:
        known = (one["name"], one["display_name"], f"{one['provider']}/{one['name']}")
        if name.lower() in (each.lower() for each in known):
            return str(one["id"])
    names = ", ".join(one["name"] for one in listed)
    raise ClientError(f"There is no model {name}. There are: {names}.", client.NOT_THERE)


def _here() -> str:
    found = _ORIGIN.search(_git("remote", "get-url", "origin") or "")
    return found[1] if found else ""


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=Path.cwd())
    except FileNotFoundError as error:
        raise ClientError("git is not installed.", client.REFUSED) from error
    return done.stdout.strip() if done.returncode == 0 else None


def _patch(server: Client, task_id: str) -> bytes:
    with server.reached(), server.stream(f"/api/tasks/{task_id}/patch", client.SECONDS) as answer:
        return answer.read()


def _plain(text: str) -> str:
    """Words of others for a terminal: nothing in them moves the cursor or turns text round."""
    return _NO_TERMINAL.sub("", text)
