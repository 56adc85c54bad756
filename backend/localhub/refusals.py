"""How GitHub says no: a status, a message, and for 422 which field was wrong and how."""

from collections.abc import Sequence
from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


class Refused(Exception):
    """An answer of 400 or above."""

    def __init__(self, status: int, message: str, errors: Sequence[dict[str, Any] | str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = list(errors)

    @property
    def body(self) -> dict[str, Any]:
        """As the REST API writes it."""
        errors = {"errors": self.errors} if self.errors else {}
        return {"message": self.message, **errors, "documentation_url": DOCUMENTATION, "status": str(self.status)}

    @property
    def sentence(self) -> str:
        """As a page shows it."""
        return ". ".join([self.message, *map(_detail, self.errors)])


class Moved(Refused):
    """It has another name now. `full_name` leads on in the place of `before`; GitHub's own way there names the id.

    docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api: "Follow redirects".
    """

    def __init__(self, is_read: bool, before: str, full_name: str) -> None:
        super().__init__(301 if is_read else 307, "Moved Permanently" if is_read else "Temporary Redirect")
        self.before = before
        self.full_name = full_name


def _detail(error: dict[str, Any] | str) -> str:
    if isinstance(error, str):
        return error
    return str(error.get("message") or f"{error.get('field')}: {error['code']}")


def not_found() -> Refused:
    """It is not there, or not for the one who asks."""
    return Refused(404, "Not Found")


def invalid(resource: str, *, field: str = "", code: str = "invalid", message: str = "") -> Refused:
    """GitHub's "Validation Failed" with one error: by field and code, or with a message of its own (`custom`)."""
    error = {"resource": resource, "code": "custom" if message else code}
    if field:
        error["field"] = field
    if message:
        error["message"] = message
    return Refused(422, "Validation Failed", [error])
