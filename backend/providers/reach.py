"""Whether a provider takes a key, without paying for it: its list of models is asked for and thrown away."""

import httpx

from backend.certificates import certificates
from backend.providers.base import ProviderError
from backend.words import Failure

SECONDS = 8.0
_PATHS = {
    "anthropic": ("https://api.anthropic.com", "/v1/models?limit=1"),
    "openai": ("https://api.openai.com/v1", "/models"),
    "google": ("https://generativelanguage.googleapis.com", "/v1beta/models?pageSize=1"),
    "compatible": ("", "/models"),
}
_KEY_HEADERS = {"anthropic": "x-api-key", "google": "x-goog-api-key"}


def ask(provider_id: str, *, api_key: str | None, base_url: str | None, seconds: float = SECONDS) -> bool:
    """True where the provider lists its models for this key, False where it answers but has no such list.

    Raises ProviderError(model_auth) for a refusal, (model_overloaded) where it does not answer as it should, with no
    word of the provider's in it.
    """
    usual, path = _PATHS[provider_id]
    url = f"{(base_url or usual).rstrip('/')}{path}"
    headers = {"anthropic-version": "2023-06-01"} if provider_id == "anthropic" else {}
    if api_key and provider_id in _KEY_HEADERS:
        headers[_KEY_HEADERS[provider_id]] = api_key
    elif api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    try:
        with httpx.stream("GET", url, headers=headers, timeout=seconds, verify=certificates(httpx)) as answer:
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as error:
        words = f"It does not answer ({type(error).__name__})."
        raise ProviderError(Failure.MODEL_OVERLOADED, words, may_retry=True) from None
    if status in (401, 403) or (provider_id == "google" and status == 400):  # as Gemini answers to what is no key
        raise ProviderError(Failure.MODEL_AUTH, f"It refuses the key ({status}).", may_retry=False)
    if status == 429 or status >= 500:
        raise ProviderError(Failure.MODEL_OVERLOADED, f"It answers {status}.", may_retry=True)
    return status == 200
