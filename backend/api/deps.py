"""What routes need: the person behind the cookie, the exact origin, a body of bounded size."""

from fastapi import Request
from sqlmodel import Session
from starlette.requests import ClientDisconnect

from backend import rate_limit
from backend.errors import Forbidden, InvalidInput, SignedOut, TooLarge
from backend.models import User
from backend.services import auth
from backend.settings import get_settings


def session_cookie(request: Request) -> str:
    """The session's token. Raises SignedOut where the browser sends none."""
    token = request.cookies.get(get_settings().session_cookie)
    if not token:
        raise SignedOut("You are signed out.")
    return token


def person(request: Request, session: Session) -> User:
    """The signed-in person. Raises SignedOut."""
    return auth.user_of_session(session, session_cookie(request))


def attached(name: str) -> dict[str, str]:
    """The headers of a download of that name, which no browser shows as a page of ours."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}


def address(request: Request) -> str:
    """From where the request comes, as limits count it."""
    return rate_limit.address(request.client.host if request.client else None, request.headers.get("x-forwarded-for"))


def require_own_origin(request: Request) -> None:
    """Raises Forbidden unless the browser says that our own page sent this."""
    if request.headers.get("origin") != get_settings().origin:
        raise Forbidden("This request did not come from our own page.")


async def bounded_body(request: Request, most: int) -> bytes:
    """The raw body, read no further than `most` bytes. Raises TooLarge, and InvalidInput where it breaks off."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(f"The body is larger than {most} bytes.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise TooLarge(f"The body is larger than {most} bytes.")
    except ClientDisconnect as error:
        raise InvalidInput("The body breaks off.", field="body") from error
    return bytes(body)
