"""Model providers: one file each, a registry line each, imported only when a run needs them."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from backend.errors import Misconfigured
from backend.providers.base import Provider

REGISTRY = {
    "anthropic": "backend.providers.anthropic:AnthropicProvider",
    "openai": "backend.providers.openai:OpenAIProvider",
    "google": "backend.providers.google:GoogleProvider",
    "compatible": "backend.providers.compatible:CompatibleProvider",
    "demo": "backend.providers.demo:DemoProvider",
}


def open_provider(
    provider_id: str, *, api_key: str | None, base_url: str | None, seconds: float | None = None
) -> Provider:
    """The provider of that id with its key and address; `seconds` of silence end a call, the adapter's own without.

    Raises Misconfigured for an id that is not registered.
    """
    if provider_id not in REGISTRY:
        known = ", ".join(sorted(REGISTRY))
        raise Misconfigured(f"There is no model provider {provider_id!r}.", fix=f"Use one of: {known}.")
    patience = {} if seconds is None else {"seconds": seconds}
    provider: Provider = _adapter(provider_id)(provider_id, api_key=api_key, base_url=base_url, **patience)
    return provider


def preload(provider_ids: Iterable[str]) -> None:
    """Opens each of these providers once, so that a fork that follows imports and reads nothing more for them.

    Their SDKs take half a second each to import, and import more when the first client is made.
    """
    for provider_id in provider_ids:
        _adapter(provider_id)(provider_id, api_key=None, base_url=None)


def _adapter(provider_id: str) -> Any:
    module, name = REGISTRY[provider_id].split(":")
    return getattr(import_module(module), name)
