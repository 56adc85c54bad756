"""Webhooks: their description, and what they carry."""

from backend.localhub.access import Place
from backend.localhub.config import Config
from backend.localhub.shapes.people import Json, organization_of, simple_user
from backend.localhub.shapes.repository import api_url
from backend.localhub.store import Account, Delivery, Hook


def hook(config: Config, place: Place, row: Hook, last: Delivery | None) -> Json:
    """`hook`; `last` is its newest finished delivery."""
    own = f"{api_url(config, place)}/hooks/{row.id}"
    if last is None:
        response: Json = {"code": None, "status": "unused", "message": None}
    else:
        status = "active" if last.state == "delivered" else "misconfigured"
        response = {"code": last.status_code, "status": status, "message": "OK" if status == "active" else last.answer}
    return {
        **_described(row),
        "url": own,
        "test_url": f"{own}/test",
        "ping_url": f"{own}/pings",
        "deliveries_url": f"{own}/deliveries",
        "last_response": response,
    }


def ping(config: Config, row: Hook, repository: Json, sender: Account) -> Json:
    """The payload of `ping`: GitHub's first word to a new hook."""
    return {
        "zen": "Design for failure.",
        "hook_id": row.id,
        "hook": _described(row),
        "repository": repository,
        "sender": simple_user(config, sender),
    }


def repository_event(config: Config, action: str, repository: Json, sender: Account) -> Json:
    """The payload of `repository`: renamed, transferred, archived, deleted and so on."""
    payload = {"action": action, "repository": repository}
    return payload | _organization(config, repository) | {"sender": simple_user(config, sender)}


def member(config: Config, action: str, who: Account, repository: Json, *, sender: Account) -> Json:
    """The payload of `member`: somebody was let in, or is out."""
    payload = {"action": action, "member": simple_user(config, who), "repository": repository}
    return payload | _organization(config, repository) | {"sender": simple_user(config, sender)}


def pull_request(config: Config, action: str, pull: Json, repository: Json, sender: Account, more: Json) -> Json:
    """The payload of `pull_request`; `more` is what this action adds (`changes`, or `before` and `after`)."""
    payload = {"action": action, "number": pull["number"], "pull_request": pull, "repository": repository}
    return payload | _organization(config, repository) | more | {"sender": simple_user(config, sender)}


def pull_request_review(config: Config, review: Json, pull: Json, repository: Json, sender: Account) -> Json:
    """The payload of `pull_request_review` when one is submitted."""
    payload = {"action": "submitted", "review": review, "pull_request": pull, "repository": repository}
    return payload | _organization(config, repository) | {"sender": simple_user(config, sender)}


def pull_request_review_comment(config: Config, comment: Json, pull: Json, repository: Json, sender: Account) -> Json:
    """The payload of `pull_request_review_comment` when a line is commented on."""
    payload = {"action": "created", "comment": comment, "pull_request": pull, "repository": repository}
    return payload | _organization(config, repository) | {"sender": simple_user(config, sender)}


def check_run(config: Config, check: Json, repository: Json, sender: Account) -> Json:
    """The payload of `check_run`."""
    action = "completed" if check["status"] == "completed" else "created"
    payload = {"action": action, "check_run": check, "repository": repository}
    return payload | _organization(config, repository) | {"sender": simple_user(config, sender)}


def issue(config: Config, action: str, issue: Json, repository: Json, sender: Account, more: Json) -> Json:
    """The payload of `issues`; `more` is what this action adds (`label`)."""
    payload = {"action": action, "issue": issue, "repository": repository}
    return payload | _organization(config, repository) | more | {"sender": simple_user(config, sender)}


def issue_comment(
    config: Config, action: str, comment: Json, issue: Json, repository: Json, sender: Account, more: Json
) -> Json:
    """The payload of `issue_comment`, below an issue or a pull request; `more` has an edit's `changes`."""
    payload = {"action": action, "issue": issue, "comment": comment, "repository": repository}
    return payload | _organization(config, repository) | more | {"sender": simple_user(config, sender)}


def push(config: Config, ref: str, before: str, after: str, repository: Json, sender: Account) -> Json:
    """The payload of `push`; its commits are left out, as GitHub does past 2,048 of them."""
    moment = repository["pushed_at"]
    payload: Json = {
        "ref": ref,
        "before": before,
        "after": after,
        "base_ref": None,
        "created": not before.strip("0"),
        "deleted": not after.strip("0"),
        "forced": False,
        "compare": f"{repository['html_url']}/compare/{before[:12]}...{after[:12]}",
        "commits": [],
        "head_commit": None,
        "pusher": {"name": sender.login, "email": sender.email, "date": moment},
        "repository": repository | {"master_branch": repository["default_branch"], "stargazers": 0},
    }
    return payload | _organization(config, repository) | {"sender": simple_user(config, sender)}


def _organization(config: Config, repository: Json) -> Json:
    owner = repository["owner"]
    return {"organization": organization_of(config, owner)} if owner["type"] == "Organization" else {}


def _described(row: Hook) -> Json:
    return {
        "type": "Repository",
        "id": row.id,
        "name": "web",
        "active": row.active,
        "events": row.events.split(","),
        "config": _settings(row),
        "updated_at": row.updated_at,
        "created_at": row.created_at,
    }


def _settings(row: Hook) -> Json:
    secret = {"secret": "********"} if row.secret else {}  # GitHub never tells it again
    return {"url": row.url, "content_type": row.content_type, "insecure_ssl": row.insecure_ssl, **secret}
