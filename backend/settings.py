"""One settings class, the only reader of the environment.

Read once from the environment, from `.env`, or from `NAME_FILE` (systemd credentials, mounted secrets).
"""

import json
import os
import re
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from backend import rsa_keys
from backend.errors import Misconfigured
from backend.loopback import is_loopback_host, is_loopback_url
from backend.package_hosts import Indexes, PackageHost, configured, parse
from backend.setting_files import FileSource
from backend.words import Tier

DEMO_CLIENT_ID, DEMO_APP_ID = "async-coder-demo", "1"
PROJECT_DIR = Path(__file__).resolve().parent.parent


def _named(name: str, default: Any = None) -> Any:
    return Field(default=default, validation_alias=name)


class Settings(BaseSettings):
    """Every setting, by the name the README's table gives it."""

    model_config = SettingsConfigDict(
        env_file=PROJECT_DIR / ".env", extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    public_url: str = _named("ASYNCCODER_PUBLIC_URL", "")
    host: str = _named("ASYNCCODER_HOST", "127.0.0.1")
    port: int = _named("ASYNCCODER_PORT", 3000)
    data_dir: Path = _named("ASYNCCODER_DATA_DIR", Path(".data"))

    database_url: str | None = _named("DATABASE_URL")
    redis_url: str | None = _named("REDIS_URL")
    test_database_url: str | None = _named("TEST_DATABASE_URL")
    test_redis_url: str | None = _named("TEST_REDIS_URL")

    secret_keys: SecretStr | None = _named("ASYNCCODER_SECRET_KEYS")

    github_client_id: str | None = _named("GITHUB_CLIENT_ID")
    github_client_secret: SecretStr | None = _named("GITHUB_CLIENT_SECRET")
    github_webhook_secret: SecretStr | None = _named("GITHUB_WEBHOOK_SECRET")
    github_app_id: str | None = _named("GITHUB_APP_ID")
    github_app_private_key: SecretStr | None = _named("GITHUB_APP_PRIVATE_KEY")
    github_url_setting: str = _named("GITHUB_URL", "https://github.com")
    github_api_url_setting: str = _named("GITHUB_API_URL", "https://api.github.com")

    mention: str = _named("ASYNCCODER_MENTION", "asynccoder")

    admins: str = _named("ASYNCCODER_ADMINS", "")
    allowed_users: str = _named("ASYNCCODER_ALLOWED_USERS", "")
    allowed_orgs_setting: str = _named("ASYNCCODER_ALLOWED_ORGS", "")

    anthropic_api_key: SecretStr | None = _named("ANTHROPIC_API_KEY")
    anthropic_base_url: str | None = _named("ANTHROPIC_BASE_URL")
    openai_api_key: SecretStr | None = _named("OPENAI_API_KEY")
    openai_base_url: str | None = _named("OPENAI_BASE_URL")
    google_api_key: SecretStr | None = _named("GEMINI_API_KEY")
    google_base_url: str | None = _named("GEMINI_BASE_URL")
    compatible_base_url: str | None = _named("COMPATIBLE_BASE_URL")
    compatible_api_key: SecretStr | None = _named("COMPATIBLE_API_KEY")
    compatible_models: str = _named("COMPATIBLE_MODELS", "")
    compatible_image_models: str = _named("COMPATIBLE_IMAGE_MODELS", "")

    sandbox: Literal["auto", "bubblewrap", "sandlock", "none"] = _named("ASYNCCODER_SANDBOX", "auto")
    sandbox_paths: str = _named("ASYNCCODER_SANDBOX_PATHS", "")
    package_hosts_setting: str = _named("ASYNCCODER_PACKAGE_HOSTS", "")
    pip_index_url: str | None = _named("PIP_INDEX_URL")
    pip_extra_index_url: str | None = _named("PIP_EXTRA_INDEX_URL")
    pip_config_file: str | None = _named("PIP_CONFIG_FILE")
    npm_config_registry: str | None = _named("NPM_CONFIG_REGISTRY")
    workers: int = _named("ASYNCCODER_WORKERS", 2)
    daily_credits_setting: str = _named("ASYNCCODER_DAILY_CREDITS", "500 5000 none")
    monthly_credits_setting: str = _named("ASYNCCODER_MONTHLY_CREDITS", "none 1000 5000")
    api_requests: int = _named("ASYNCCODER_API_REQUESTS", 600)
    least_free_gb: float = _named("ASYNCCODER_LEAST_FREE_GB", 4.0)
    client_url: str = _named("ASYNCCODER_URL", "")
    client_token: SecretStr | None = _named("ASYNCCODER_TOKEN")
    config_home: str = _named("XDG_CONFIG_HOME", "")

    @field_validator("mention")
    @classmethod
    def _name(cls, mention: str) -> str:
        name = mention.removeprefix("@")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", name):
            raise ValueError("a name as GitHub's logins are: letters, digits and hyphens")
        return name

    @field_validator("least_free_gb")
    @classmethod
    def _not_negative(cls, gigabytes: float) -> float:
        if not 0 <= gigabytes < 2**20:  # neither infinite nor no number
            raise ValueError("a number of gigabytes, 0 for no care")
        return gigabytes

    @field_validator("data_dir")
    @classmethod
    def _in_project(cls, path: Path) -> Path:
        return PROJECT_DIR / path.expanduser()  # the same folder, wherever a command is typed

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then files, then `.env`."""
        return init_settings, env_settings, FileSource(settings_cls), dotenv_settings

    @property
    def is_demo(self) -> bool:
        """Whether the local hub stands in for GitHub: no GitHub app is configured."""
        return not self.github_client_id

    @property
    def origin(self) -> str:
        """The one public origin, without a trailing slash."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def is_https(self) -> bool:
        """Whether cookies must be Secure and carry the `__Host-` prefix."""
        return self.origin.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """The name of the dashboard's session cookie."""
        return "__Host-asynccoder" if self.is_https else "asynccoder"

    @property
    def hub_port(self) -> int:
        """The local hub's port: the one after the web's."""
        return self.port + 1

    @property
    def github_url(self) -> str:
        """Where people and git go: github.com, an Enterprise Server, or the local hub."""
        return f"http://127.0.0.1:{self.hub_port}" if self.is_demo else self.github_url_setting.rstrip("/")

    @property
    def github_api_url(self) -> str:
        """Where the REST API lives."""
        return f"{self.github_url}/api/v3" if self.is_demo else self.github_api_url_setting.rstrip("/")

    @property
    def client_id(self) -> str:
        """The OAuth client id at GitHub or at the local hub."""
        return self.github_client_id or DEMO_CLIENT_ID

    @property
    def client_secret(self) -> str:
        """The OAuth client secret; in demo mode one made in the data dir."""
        if self.is_demo:
            return self.generated_key("hub-client-secret")
        return self.github_client_secret.get_secret_value() if self.github_client_secret else ""

    @property
    def webhook_secret(self) -> str:
        """What webhooks are signed with; in demo mode one made in the data dir."""
        if self.is_demo:
            return self.generated_key("hub-webhook-secret")
        return self.github_webhook_secret.get_secret_value() if self.github_webhook_secret else ""

    @property
    def github_app(self) -> tuple[str, str] | None:
        """Id and private key (PEM) of the GitHub App, in demo mode made in the data dir; None without a key."""
        if self.is_demo:
            return DEMO_APP_ID, self.generated_key("hub-app-key", rsa_keys.new)
        key = self.github_app_private_key
        return (self.github_app_id, key.get_secret_value()) if self.github_app_id and key else None

    @property
    def admin_logins(self) -> frozenset[str]:
        """GitHub logins of admins, lower case; Alice in demo mode."""
        return _words(self.admins) or (frozenset({"alice"}) if self.is_demo else frozenset())

    @property
    def allowed_logins(self) -> frozenset[str]:
        """GitHub logins that may sign in, lower case; empty here and in `allowed_orgs` means everyone."""
        return _words(self.allowed_users)

    @property
    def allowed_orgs(self) -> frozenset[str]:
        """Organisations, by their lower-case logins, whose members may sign in."""
        return _words(self.allowed_orgs_setting)

    @property
    def extra_sandbox_paths(self) -> tuple[Path, ...]:
        """Folders outside /usr that the jail may read."""
        return tuple(Path(part) for part in self.sandbox_paths.split(":") if part)

    @property
    def least_free(self) -> int:
        """Bytes that the data dir's disk shall have free: below that, caches are let go."""
        return int(self.least_free_gb * 1024**3)

    @property
    def package_indexes(self) -> Indexes:
        """Where pip and npm get packages from on this machine."""
        return configured(
            tuple(
                (name, value)
                for name, value in (
                    ("PIP_INDEX_URL", self.pip_index_url),
                    ("PIP_EXTRA_INDEX_URL", self.pip_extra_index_url),
                    ("PIP_CONFIG_FILE", self.pip_config_file),
                    ("NPM_CONFIG_REGISTRY", self.npm_config_registry),
                )
                if value
            )
        )

    @property
    def package_hosts(self) -> tuple[PackageHost, ...]:
        """The hosts that a set-up script may reach; none where it has no network. Raises Misconfigured."""
        named = self._named_package_hosts
        return self.package_indexes.hosts if named is None else named

    @property
    def _named_package_hosts(self) -> tuple[PackageHost, ...] | None:
        return parse(self.package_hosts_setting) if self.package_hosts_setting.strip() else None

    def daily_credits(self, tier: Tier) -> int | None:
        """What such a person may use or hold in a day (UTC), in whole credits; None: as much as they have.

        Raises Misconfigured.
        """
        return self._by_tier("ASYNCCODER_DAILY_CREDITS", self.daily_credits_setting)[tier]

    def monthly_credits(self, tier: Tier) -> int:
        """What such a person is given each month (UTC), in whole credits. Raises Misconfigured."""
        return self._by_tier("ASYNCCODER_MONTHLY_CREDITS", self.monthly_credits_setting)[tier] or 0

    @staticmethod
    def _by_tier(name: str, said: str) -> dict[Tier, int | None]:
        words = said.replace(",", " ").split()
        if len(words) != len(Tier) or not all(re.fullmatch(r"none|\d{1,9}", word) for word in words):
            raise Misconfigured(
                f"{name} is {said!r}: one number or `none` for each of {', '.join(Tier)}, in this order.",
                fix=f"Set {name} to three such words, for example: 500 5000 none",
            )
        return {tier: None if word == "none" else int(word) for tier, word in zip(Tier, words, strict=True)}

    @property
    def connections(self) -> int:
        """How many connections all processes of `up` may want of the database at once.

        A run has one for its work and now and then one for its lease; web, chores and scheduler share the rest.
        """
        return 60 + 2 * self.workers

    @property
    def git_protocols(self) -> str:
        """GIT_ALLOW_PROTOCOL: https, and http where the configured GitHub itself is on loopback."""
        return "https:http" if is_loopback_url(self.github_url) else "https"

    @property
    def resolved_database_url(self) -> str:
        """DATABASE_URL in SQLAlchemy's spelling, or that of the embedded server that `up` started."""
        url = self.database_url or self._embedded("database_url")
        for prefix in ("postgresql://", "postgres://"):
            if url.startswith(prefix):
                return "postgresql+psycopg://" + url.removeprefix(prefix)
        return url

    @property
    def resolved_redis_url(self) -> str:
        """REDIS_URL, or that of the embedded server that `up` started."""
        return self.redis_url or self._embedded("redis_url")

    @property
    def servers_file(self) -> Path:
        """Where `up` writes the embedded servers' URLs, mode 0600."""
        return self.data_dir.resolve() / "run" / "servers.json"

    def _embedded(self, name: str) -> str:
        try:
            return str(json.loads(self.servers_file.read_text(encoding="utf-8"))[name])
        except (OSError, ValueError, KeyError) as error:
            variable = name.upper()
            raise Misconfigured(
                f"{variable} is not set and no `asynccoder up` runs on {self.data_dir}.",
                fix=f"Start `make up` first, or set {variable}.",
            ) from error

    def generated_key(self, name: str, make: Any = None) -> str:
        """The contents of `<data dir>/keys/<name>`, made at the first call (mode 0600, written beside and linked: two
        processes that make it at once get the same one). `make()` gives the text; a random one by default."""
        folder = self.data_dir.resolve() / "keys"
        path = folder / name
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = folder / f".{name}.{secrets.token_hex(6)}"
        beside.touch(mode=0o600)
        beside.write_text((make or (lambda: secrets.token_urlsafe(32)))(), encoding="utf-8")
        try:
            os.link(beside, path)
        except FileExistsError:
            pass  # another process was first: its key is the one
        finally:
            beside.unlink()
        return path.read_text(encoding="utf-8").strip()

    def replace_key(self, name: str, text: str) -> None:
        """Puts `text` into `<data dir>/keys/<name>`, which `generated_key` has made, whole or not at all."""
        path = self.data_dir.resolve() / "keys" / name
        beside = path.with_name(f".{name}.{secrets.token_hex(6)}")
        beside.touch(mode=0o600)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)

    def provider_key(self, provider: str) -> str | None:
        """The deployment's key for a provider, None where it has none."""
        key: SecretStr | None = getattr(self, f"{provider}_api_key", None)
        return key.get_secret_value() if key else None

    def provider_base_url(self, provider: str) -> str | None:
        """The provider's address where the operator set one."""
        return getattr(self, f"{provider}_base_url", None)

    def check(self) -> None:
        """Raises Misconfigured for what must not start: demo mode in public, or real mode half configured."""
        if not self.origin.startswith(("http://", "https://")) or urlsplit(self.origin).path:
            raise Misconfigured(
                f"ASYNCCODER_PUBLIC_URL is {self.origin!r}, which is not an origin.",
                fix="Set it to scheme, host and port only, such as https://coder.example.org",
            )
        _ = self._named_package_hosts  # says what is wrong with them
        for tier in Tier:
            _ = self.daily_credits(tier), self.monthly_credits(tier)
        if self.is_demo:
            if not is_loopback_url(self.origin) or not is_loopback_host(self.host):
                raise Misconfigured(
                    "Demo mode signs anyone in, so it only runs on this machine's own address.",
                    fix="Unset ASYNCCODER_PUBLIC_URL and ASYNCCODER_HOST, or set GITHUB_CLIENT_ID and its secrets.",
                )
            return
        for name, value in (
            ("GITHUB_CLIENT_SECRET", self.client_secret),
            ("GITHUB_WEBHOOK_SECRET", self.webhook_secret),
            ("ASYNCCODER_ADMINS", self.admins),
        ):
            if not value:
                raise Misconfigured(f"GITHUB_CLIENT_ID is set, but {name} is not.", fix=f"Set {name} as well.")
        if self.github_app_private_key and not self.github_app_id:
            raise Misconfigured(
                "GITHUB_APP_PRIVATE_KEY is set, but GITHUB_APP_ID is not.", fix="Set GITHUB_APP_ID as well."
            )
        if self.github_app and not rsa_keys.is_private(self.github_app[1]):
            raise Misconfigured(
                "GITHUB_APP_PRIVATE_KEY is not an RSA key in PEM.",
                fix="Let GITHUB_APP_PRIVATE_KEY_FILE name the .pem file that GitHub made for the app.",
            )


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in text.replace(",", " ").split())


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process. Raises Misconfigured with the name of what is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise Misconfigured(f"{name}: {first['msg']}.", fix=f"Correct {name} in the environment or in .env.") from error
