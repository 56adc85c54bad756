"""Webhooks on their way: kept as rows with the change they tell of, signed and sent by one thread in the background.

GitHub itself never tries again. The hub does, three times: a demo's app restarts a lot.
"""

import hashlib
import hmac
import json
import sqlite3
import threading
import time
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx

from backend import log
from backend.localhub.faults import LATE, Faults
from backend.localhub.store import Delivery, Hook, Store, every, flag, one, stamp

TIMEOUT = 10  # seconds; GitHub's own limit for a receiver
WAITS = (1.0, 4.0, 15.0)  # seconds before each new try
SWITCH = "webhooks"
_log = log.get(__name__)


def sign(secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256. GitHub's documentation: "Validating webhook deliveries"."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def enqueue(
    db: sqlite3.Connection, repository_id: int, event: str, payload: dict[str, Any], *, hook_id: int | None = None
) -> None:
    """One delivery for each hook that listens, or for one hook alone; none while webhooks are switched off."""
    if flag(db, SWITCH, "on") == "off":
        return
    query = "SELECT * FROM hook WHERE active AND (repository_id IS NULL OR repository_id = ?)"
    for hook in every(db, Hook, query, repository_id):
        wanted = hook.id == hook_id if hook_id else bool({event, "*"} & set(hook.events.split(",")))
        if wanted:
            text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
            _insert(db, str(uuid4()), hook.id, repository_id, event, payload.get("action"), text)


def redeliver(db: sqlite3.Connection, delivery: Delivery) -> None:
    """The same message under the same X-GitHub-Delivery, as GitHub's button does."""
    _insert(
        db,
        delivery.guid,
        delivery.hook_id,
        delivery.repository_id,
        delivery.event,
        delivery.action,
        delivery.payload,
    )


def _insert(db: sqlite3.Connection, guid: str, *values: Any) -> None:
    db.execute(
        "INSERT INTO delivery (guid, hook_id, repository_id, event, action, payload, state, attempts, next_at,"
        " created_at) VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0, ?, ?)",
        (guid, *values, time.time(), stamp()),
    )


class Courier:
    """The thread that delivers, in order. What waited when the hub ended is delivered when it is back."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store, self._faults = store, faults
        self._bell = threading.Event()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def ring(self) -> None:
        """There is something to deliver."""
        self._bell.set()

    def stop(self) -> None:
        """Ends it; a receiver that is slow to answer is not waited for."""
        self._is_stopped = True
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1)

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as http:
            while not self._is_stopped:
                self._bell.clear()
                try:
                    wait = self._deliver_due(http)
                except sqlite3.Error:
                    _log.exception("deliveries cannot be read")
                    wait = 1.0
                self._bell.wait(wait)

    def _deliver_due(self, http: httpx.Client) -> float | None:
        """Delivers what is due; the seconds until the next, None without one."""
        while not self._is_stopped:
            with self._store.read() as db:
                delivery = one(
                    db, Delivery, "SELECT * FROM delivery WHERE state = 'waiting' ORDER BY next_at, id LIMIT 1"
                )
                hook = one(db, Hook, "SELECT * FROM hook WHERE id = ?", delivery.hook_id) if delivery else None
            if delivery is None or hook is None:
                return None
            wait = delivery.next_at - time.time()
            if wait > 0:
                return wait
            self._deliver(http, delivery, hook)
        return None

    def _deliver(self, http: httpx.Client, delivery: Delivery, hook: Hook) -> None:
        if delivery.attempts == 0 and self._faults.take("hook_late"):
            self._put_off(delivery)
            return
        is_lost = self._faults.take("hook_lost")
        status, answer = (200, "Lost, as a test ordered") if is_lost else _post(http, delivery, hook)
        if not is_lost and self._faults.take("hook_twice"):
            _post(http, delivery, hook)
        is_done = status is not None and 200 <= status < 300
        tries = delivery.attempts + 1
        state = "delivered" if is_done else "waiting" if tries <= len(WAITS) else "failed"
        next_at = time.time() + WAITS[tries - 1] if state == "waiting" else delivery.next_at
        finished = None if state == "waiting" else stamp()
        _log.info(
            "webhook", delivery=delivery.guid, delivered=delivery.event, state=state, status_code=status, tries=tries
        )
        with self._store.write() as db:
            db.execute(
                "UPDATE delivery SET state = ?, attempts = ?, next_at = ?, status_code = ?, answer = ?, finished_at = ?"
                " WHERE id = ?",
                (state, tries, next_at, status, answer, finished, delivery.id),
            )

    def _put_off(self, delivery: Delivery) -> None:
        with self._store.write() as db:
            late = "UPDATE delivery SET next_at = ? WHERE id = ?"
            db.execute(late, (time.time() + LATE, delivery.id))


def _post(http: httpx.Client, delivery: Delivery, hook: Hook) -> tuple[int | None, str]:
    is_form = hook.content_type == "form"
    body = urlencode({"payload": delivery.payload}).encode() if is_form else delivery.payload.encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded" if is_form else "application/json",
        "User-Agent": "GitHub-Hookshot/localhub",
        "Accept": "*/*",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration" if hook.repository_id is None else "repository",
        "X-GitHub-Hook-Installation-Target-ID": str(hook.repository_id or 1),
    }
    if hook.secret:
        headers["X-Hub-Signature-256"] = sign(hook.secret, body)
    try:
        answer = http.post(hook.url, content=body, headers=headers)
        return answer.status_code, answer.text[:2000]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return None, f"{type(error).__name__}: {error}"
