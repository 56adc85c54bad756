"""The device authorization grant's two endpoints, in the RFC's own shapes (RFC 8628, sections 3.1 to 3.5)."""

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from backend import db, rate_limit
from backend.api import deps
from backend.errors import InvalidInput
from backend.services import device_grants
from backend.services.api_tokens import Scope
from backend.services.device_grants import Granted
from backend.settings import get_settings

router = APIRouter(prefix="/auth/device", include_in_schema=False)
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_MOST = 10_000  # bytes of a form
_UNSTORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def _form(request: Request) -> dict[str, str]:
    content = (await deps.bounded_body(request, _MOST)).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(content, max_num_fields=20))
    except ValueError as error:
        raise InvalidInput("There are too many fields.") from error


Form = Annotated[dict[str, str], Depends(_form)]


@router.post("/code")
def device_code(request: Request, form: Form) -> JSONResponse:
    """What a program shows to its person, and with what it then asks for its token; `client_name` says who it is."""
    address = deps.address(request)
    rate_limit.take(rate_limit.DEVICES, address)
    wanted = form.get("scope", Scope.WRITE)
    if wanted not in (Scope.READ, Scope.WRITE):
        return _error("invalid_scope")
    with db.transaction() as session:
        begun = device_grants.begin(session, form.get("client_name", ""), address, Scope(wanted))
    page = f"{get_settings().origin}/device"
    body = {
        "device_code": begun.device_code,
        "user_code": begun.user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?{urlencode({'code': begun.user_code})}",
        "expires_in": device_grants.SECONDS,
        "interval": device_grants.INTERVAL,
    }
    return JSONResponse(body, headers=_UNSTORED)


@router.post("/token")
def device_token(request: Request, form: Form) -> JSONResponse:
    """The token once the person has confirmed; before that, and otherwise, one of the RFC's errors."""
    if form.get("grant_type") != GRANT:
        return _error("unsupported_grant_type" if form.get("grant_type") else "invalid_request")
    with db.transaction() as session:
        answer = device_grants.poll(session, form.get("device_code", ""), address=deps.address(request))
    if isinstance(answer, Granted):
        told = {"access_token": answer.token, "token_type": "Bearer", "scope": answer.scope.value}
        return JSONResponse(told | {"expires_in": device_grants.TOKEN_DAYS * 86_400}, headers=_UNSTORED)
    if answer is device_grants.Refused.UNKNOWN:
        rate_limit.take(rate_limit.STRANGERS, deps.address(request))
    return _error(answer.value)


def _error(name: str) -> JSONResponse:
    return JSONResponse({"error": name}, status_code=400, headers=_UNSTORED)
