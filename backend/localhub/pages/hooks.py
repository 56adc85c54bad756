"""What was told to whom: the webhooks' deliveries, each of which can be sent again."""

import json

from starlette.responses import Response

from backend.localhub import deliveries
from backend.localhub.pages.door import place, to
from backend.localhub.pages.frame import repository_page
from backend.localhub.pages.html import Html, button_form, markup, moment, pill
from backend.localhub.refusals import not_found
from backend.localhub.store import Delivery, Hook, every, one
from backend.localhub.web import Call

MOST = 50  # on the page
_TONES = {"delivered": "ok", "failed": "bad", "waiting": "warn"}


def deliveries_page(call: Call) -> Response:
    """GET /{owner}/{name}/settings/hooks: for those who may write (GitHub asks for more; here it helps to see it)."""
    with call.hub.store.read() as db:
        where = place(call, db, "write")
        query = "SELECT * FROM hook WHERE repository_id IS NULL OR repository_id = ? ORDER BY id"
        hooks = {hook.id: hook for hook in every(db, Hook, query, where.repository.id)}
        query = "SELECT * FROM delivery WHERE repository_id = ? ORDER BY id DESC LIMIT ?"
        rows = [_row(call, where.full_name, one) for one in every(db, Delivery, query, where.repository.id, MOST)]
        listing = markup('<ul class="card">{rows}</ul>', rows=rows)
        content = markup(
            '<h2>Webhooks</h2><ul class="card">{hooks}</ul><h2>Deliveries</h2>{listing}',
            hooks=[_hook(hook) for hook in hooks.values()],
            listing=listing if rows else Html('<p class="empty">Nothing was delivered yet.</p>'),
        )
        return repository_page(call, db, where, "Webhooks", "Webhooks", content)


def redeliver(call: Call) -> Response:
    """POST /{owner}/{name}/settings/hooks/{delivery_id}/redeliver."""
    with call.hub.store.write() as db:
        where = place(call, db, "write")
        query = "SELECT * FROM delivery WHERE id = ? AND repository_id = ?"
        delivery = one(db, Delivery, query, call.path["delivery_id"], where.repository.id)
        if delivery is None:
            raise not_found()
        deliveries.redeliver(db, delivery)
    call.hub.courier.ring()
    return to(f"/{where.full_name}/settings/hooks")


def _hook(hook: Hook) -> Html:
    return markup(
        '<li><span class="row"><span class="grow mono">{url}</span><span class="aside">{events}</span></span></li>',
        url=hook.url,
        events=hook.events.replace(",", ", "),
    )


def _row(call: Call, full_name: str, delivery: Delivery) -> Html:
    what = f"{delivery.event}.{delivery.action}" if delivery.action else delivery.event
    status = delivery.status_code or "no answer"
    said = f"{delivery.attempts} {'try' if delivery.attempts == 1 else 'tries'}, {status}" if delivery.attempts else ""
    return markup(
        '<li><div class="row delivery">{pill}<span class="grow"><b class="mono">{what}</b><br>'
        '<span class="aside mono">{guid}</span></span><span class="aside">{said}<br>{date}</span>{again}</div>'
        "<details><summary>What was sent and answered</summary><pre>{payload}</pre><pre>{answer}</pre></details></li>",
        pill=pill(delivery.state, delivery.state, _TONES[delivery.state]),
        what=what,
        guid=delivery.guid,
        said=said,
        date=moment(delivery.created_at),
        again=button_form(call, f"/{full_name}/settings/hooks/{delivery.id}/redeliver", "Send again", "small"),
        payload=json.dumps(json.loads(delivery.payload), indent=2, ensure_ascii=False)[:20_000],
        answer=delivery.answer or "no answer",
    )
