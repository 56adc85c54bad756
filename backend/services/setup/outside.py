"""What lies outside: GitHub, and the providers of models with the deployment's own keys."""

from collections.abc import Iterator

import httpx

from backend.certificates import certificates
from backend.github.app import is_known
from backend.models import PartState
from backend.ports import answers
from backend.providers import reach
from backend.providers.base import ProviderError
from backend.services.provider_keys import NAMES, PROVIDERS
from backend.services.setup.finding import Finding, ok
from backend.settings import Settings
from backend.words import Failure

GITHUB, HUB = "GitHub", "demo's GitHub"
COMPATIBLE = "compatible server"
PROVIDER_NAMES = {**{one: NAMES[one] for one in PROVIDERS}, "compatible": COMPATIBLE}
_SETTINGS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY", "google": "GEMINI_API_KEY"}
_SECONDS = 8.0


def github(settings: Settings) -> Iterator[Finding]:
    """Whether its API answers, and takes the app's own key where there is one."""
    if settings.is_demo:
        fix = "For real repositories set GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GITHUB_WEBHOOK_SECRET."
        words = f"demo: the one on this machine, at {settings.github_url}"
        yield Finding(GITHUB, PartState.NOT_SET_UP, words, fix)
        return
    url = settings.github_api_url
    status = _status(url)
    if not isinstance(status, int) or status >= 500:
        fix = "Check the network, the proxy and GITHUB_API_URL; tasks wait and go on by themselves."
        yield Finding(GITHUB, PartState.BROKEN, f"{url} answers {status}", fix)
        return
    if settings.github_app is None:
        yield ok(GITHUB, f"OAuth app {settings.client_id}; {url} answers")
        return
    app_id, key = settings.github_app
    if is_known(url, app_id, key):
        yield ok(GITHUB, f"GitHub App {app_id}, whose key it takes; {url} answers")
        return
    fix = "Check GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY, and this machine's clock."
    yield Finding(GITHUB, PartState.BROKEN, f"it does not accept the key of the GitHub App {app_id}", fix)


def hub(settings: Settings) -> Iterator[Finding]:
    """Whether the demo's own GitHub answers."""
    if not settings.is_demo:
        return
    if answers("127.0.0.1", settings.hub_port, "/health"):
        yield ok(HUB, f"answers at {settings.github_url}")
        return
    fix = "`asynccoder up` starts it and keeps it running: look at what it says, and start it again."
    words = f"{settings.github_url} does not answer"
    yield Finding(HUB, PartState.BROKEN, words, fix, "asynccoder up")


def providers(settings: Settings) -> Iterator[Finding]:
    """Each provider that can be used with a key of the deployment's."""
    found = [_provider(settings, one) for one in PROVIDER_NAMES]
    if all(one.state is PartState.NOT_SET_UP for one in found):
        fix = f"Set {', '.join(_SETTINGS.values())}, or COMPATIBLE_BASE_URL and COMPATIBLE_MODELS."
        words = "only the scripted stand-in" if settings.is_demo else "none has a key"
        state = PartState.NOT_SET_UP if settings.is_demo else PartState.BROKEN
        yield Finding("models", state, words, fix)
    yield from found


def _provider(settings: Settings, provider: str) -> Finding:
    name, key = PROVIDER_NAMES[provider], settings.provider_key(provider)
    base_url = settings.provider_base_url(provider)
    if provider == "compatible" and not base_url:
        fix = "For Ollama, vLLM or llama.cpp set COMPATIBLE_BASE_URL and COMPATIBLE_MODELS."
        return Finding(name, PartState.NOT_SET_UP, "no address", fix)
    if provider == "compatible" and not settings.compatible_models.strip():
        return Finding(name, PartState.BROKEN, "no model of it is named", "Name them in COMPATIBLE_MODELS.")
    if provider != "compatible" and not key:
        fix = f"Set {_SETTINGS[provider]}, or let people add keys of their own in Settings."
        return Finding(name, PartState.NOT_SET_UP, "no key", fix)
    try:
        is_listed = reach.ask(provider, api_key=key, base_url=base_url)
    except ProviderError as error:
        return _refused(name, provider, error)
    return ok(name, "takes the key" if is_listed else "answers; it lists no models, so the key is not proven")


def _refused(name: str, provider: str, error: ProviderError) -> Finding:
    said = str(error).removeprefix(error.failure.sentence).strip() or error.failure.sentence
    words = said[:1].lower() + said[1:].rstrip(".")
    if error.failure is Failure.MODEL_AUTH:
        fix = f"Set another key in {_SETTINGS.get(provider, 'COMPATIBLE_API_KEY')}, and restart."
        return Finding(name, PartState.BROKEN, words, fix)
    return Finding(
        name, PartState.ATTENTION, words, "Check the network, the proxy and the address; runs wait and retry."
    )


def _status(url: str) -> int | str:
    """What is answered, or the name of why nothing is."""
    try:
        with httpx.stream("GET", url, timeout=_SECONDS, follow_redirects=True, verify=certificates(httpx)) as answer:
            return answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"nothing ({type(error).__name__})"
