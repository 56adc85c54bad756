"""Where the local hub listens, whom it knows as its one app, and where it keeps its things."""

from dataclasses import dataclass
from pathlib import Path

from backend.settings import Settings

ADDRESS = "127.0.0.1"  # never anything else: the hub signs in whoever asks
CALLBACK = "/auth/callback"
WEBHOOKS = "/api/webhooks/github"


@dataclass(frozen=True)
class Config:
    """What the hub is told once, at its start. URLs carry no trailing slash."""

    port: int
    data_dir: Path
    base_url: str
    app_origin: str
    client_id: str
    client_secret: str
    webhook_secret: str
    app_id: str
    app_key: str

    @property
    def api_url(self) -> str:
        """The root of the REST API, as on a GitHub Enterprise Server."""
        return f"{self.base_url}/api/v3"

    @property
    def redirect_uri(self) -> str:
        """The one address that a sign-in may return to."""
        return f"{self.app_origin}{CALLBACK}"

    @property
    def webhook_url(self) -> str:
        """Where the app listens for webhooks."""
        return f"{self.app_origin}{WEBHOOKS}"

    @property
    def hosts(self) -> frozenset[str]:
        """The Host headers it answers to: another name that leads here is a page's trick (DNS rebinding)."""
        return frozenset(f"{name}:{self.port}" for name in (ADDRESS, "localhost"))

    @classmethod
    def of(cls, settings: Settings) -> "Config":
        """The hub's part of the settings."""
        assert settings.github_app is not None  # demo mode makes one
        app_id, app_key = settings.github_app
        return cls(
            port=settings.hub_port,
            data_dir=settings.data_dir.resolve() / "hub",
            base_url=settings.github_url,
            app_origin=settings.origin,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            webhook_secret=settings.webhook_secret,
            app_id=app_id,
            app_key=app_key,
        )
