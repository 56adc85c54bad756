"""Checks of commits: listed and shown. At GitHub only an app may make them, so nobody makes them here."""

from backend.localhub import checks
from backend.localhub.refusals import Refused
from backend.localhub.rest.door import Answer, page
from backend.localhub.rest.repositories import place
from backend.localhub.shapes.check import check_run
from backend.localhub.web import Call


def index(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/commits/{ref}/check-runs: the newest of each name; `ref` is a commit or a branch."""
    with call.hub.store.read() as db:
        where = place(call, db)
        ref, bare = call.path["ref"], call.hub.repositories.of(where.repository.id)
        sha = bare.branch(ref) or ref
        if not bare.has_commit(sha):
            raise Refused(422, f"No commit found for SHA: {ref}")
        found = checks.at(db, where.repository.id, sha)
        wanted, headers = page(call, found)
        runs = [check_run(call.hub.config, db, where, one) for one in wanted]
        return Answer({"total_count": len(found), "check_runs": runs}, headers=headers)


def show(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/check-runs/{id}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        found = checks.find(db, where.repository.id, call.path["check_id"])
        return Answer(check_run(call.hub.config, db, where, found))
