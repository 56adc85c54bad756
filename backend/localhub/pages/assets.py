"""Style, fonts and round pictures. The colours and fonts are the product's own, from its `assets` folder."""

from html import escape
from pathlib import Path

from starlette.responses import FileResponse, Response

from backend.localhub import access
from backend.localhub.refusals import not_found
from backend.localhub.web import Call
from backend.settings import PROJECT_DIR

_SHARED = PROJECT_DIR / "assets"
_FILES = {
    "style.css": Path(__file__).with_name("style.css"),
    "tokens.css": _SHARED / "tokens.css",
    "favicon.svg": _SHARED / "favicon.svg",
}
_FONTS = {name: _SHARED / "fonts" / name for name in ("geist.woff2", "geist-ext.woff2", "geist-mono.woff2")}
_HUES = (45, 150, 264, 300, 20, 200)


def asset(call: Call) -> Response:
    """GET /_assets/{file}."""
    return _file(_FILES, call.path["file"], "no-cache")


def font(call: Call) -> Response:
    """GET /fonts/{file}: where tokens.css looks for them."""
    return _file(_FONTS, call.path["file"], "max-age=86400")


def avatar(call: Call) -> Response:
    """GET /avatars/{id}: the first letter on a colour of its own."""
    with call.hub.store.read() as db:
        try:
            account = access.account(db, call.path["account_id"])
        except LookupError:
            raise not_found() from None
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 56 56"><rect width="56" height="56" '
        f'fill="oklch(.56 .11 {_HUES[account.id % len(_HUES)]})"/><text x="28" y="38" text-anchor="middle" fill="#fff" '
        f'font-family="Geist,system-ui,sans-serif" font-size="28" font-weight="600">{escape(account.login[0].upper())}'
        "</text></svg>"
    )
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


def _file(known: dict[str, Path], name: str, caching: str) -> Response:
    path = known.get(name)
    if path is None:
        raise not_found()
    return FileResponse(path, headers={"Cache-Control": caching, "X-Content-Type-Options": "nosniff"})
