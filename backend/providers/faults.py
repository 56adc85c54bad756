"""What a provider's refusals mean to us: the same words for all of them."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

from backend import clock
from backend.log import redact
from backend.providers.base import ProviderError
from backend.words import Failure

_TOO_LONG = re.compile(
    r"context_length_exceeded|context.{0,20}(?:length|window|size)|prompt is too long|too many (?:input )?tokens|"
    r"maximum.{0,20}tokens",
    re.IGNORECASE,
)
# Errors that come inside a stream have no status of their own. Anthropic's documentation, "Errors"; OpenAI's codes.
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_UNPAID = ("insufficient_quota", "billing_hard_limit_reached", "billing_error")


def refused(error: Any) -> ProviderError:
    """The meaning of an SDK's exception that carries `body` and perhaps `status_code` and `response`."""
    body = _mapping(getattr(error, "body", None))
    inner = _mapping(body.get("error")) or body
    response = getattr(error, "response", None)
    headers = response.headers if response is not None else {}
    whole = {**inner, "message": inner.get("message") or str(error)}
    return told(whole, getattr(error, "status_code", None) or 0, headers)


def told(error: Mapping[str, Any], status: int = 0, headers: Mapping[str, str] = MappingProxyType({})) -> ProviderError:
    """The meaning of an error object with `message`, `type` and `code`; one inside a stream has no status."""
    kinds = {str(error.get(name)) for name in ("type", "code") if error.get(name)}
    if status < 400:
        status = next((_STATUS_OF_TYPE[kind] for kind in sorted(kinds) if kind in _STATUS_OF_TYPE), 500)
    return by_status(status, redact(str(error.get("message") or "(nothing)"))[:500], kinds, headers)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def by_status(status: int, said: str, kinds: set[str], headers: Mapping[str, str]) -> ProviderError:
    """A refusal with that HTTP status, in the provider's words and by the provider's names for it."""
    if kinds & set(_UNPAID) or status in (401, 402, 403):
        return ProviderError(Failure.MODEL_AUTH, f"{Failure.MODEL_AUTH.sentence} It says: {said}", may_retry=False)
    if status == 413 or (status in (400, 422) and _TOO_LONG.search(f"{said} {' '.join(kinds)}")):
        sentence = f"{Failure.CONTEXT_EXCEEDED.sentence} The provider says: {said}"
        return ProviderError(Failure.CONTEXT_EXCEEDED, sentence, may_retry=False)
    if status == 429:
        return ProviderError(Failure.MODEL_RATE_LIMITED, said, may_retry=True, retry_after=retry_after(headers))
    if status in (408, 409) or status >= 500:
        return ProviderError(Failure.MODEL_OVERLOADED, said, may_retry=True, retry_after=retry_after(headers))
    # An unknown model or a parameter that the provider does not take: an admin's business, no retry helps.
    return ProviderError(Failure.MODEL_AUTH, f"The provider refused the request ({status}): {said}", may_retry=False)


def broke(error: BaseException) -> ProviderError:
    """A connection or a stream that broke, in whatever way the SDK says so; asking again may help."""
    said = redact(f"The answer broke off ({type(error).__name__}: {error})")[:500]
    return ProviderError(Failure.MODEL_OVERLOADED, said, may_retry=True)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks us to wait: RFC 9110 10.2.3 in both forms, and the SDKs' `retry-after-ms`."""
    milliseconds, value = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds is not None:
            return max(0.0, float(milliseconds) / 1000)
        if value is None:
            return None
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        when = parsedate_to_datetime(value)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (when - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return None  # nonsense in a header is no reason to give up; our own back-off takes over
