"""Sealing what must be read again, hashing what must only be recognised."""

import hashlib
import json
import secrets
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from backend.errors import Misconfigured
from backend.settings import Settings

KEY = "secret-key"  # the file in the data dir's `keys`


class Keyring:
    """The configured keys as they are now, the first of which seals."""

    def __init__(self, settings: Settings) -> None:
        self._keys = _fernets(settings)

    def __len__(self) -> int:
        return len(self._keys)

    def place(self, sealed: str) -> int | None:
        """Which key a secret is sealed with, the first being 0; None where no key opens it."""
        for place, key in enumerate(self._keys):
            try:
                key.decrypt(sealed.encode())
            except InvalidToken:
                continue
            return place
        return None

    def renewed(self, sealed: str) -> str:
        """The same secret of the same owner, sealed with the first key. Raises InvalidToken where no key opens it."""
        return MultiFernet(self._keys).rotate(sealed.encode()).decode()


def generated_keys(settings: Settings) -> list[str]:
    """The keys in the data dir, the newest first; one is made where there is none."""
    return settings.generated_key(KEY, lambda: Fernet.generate_key().decode()).split()


def put_keys(settings: Settings, keys: list[str]) -> None:
    """Puts these in place of the keys in the data dir, which `generated_keys` has made."""
    settings.replace_key(KEY, "\n".join(keys))


def _fernet(settings: Settings) -> MultiFernet:
    return MultiFernet(_fernets(settings))


def _fernets(settings: Settings) -> list[Fernet]:
    if settings.secret_keys:
        keys = settings.secret_keys.get_secret_value()
    else:
        keys = " ".join(generated_keys(settings))
    try:
        return [Fernet(key) for key in keys.replace(",", " ").split()]
    except ValueError as error:
        raise Misconfigured(
            "ASYNCCODER_SECRET_KEYS holds something that is not a Fernet key.",
            fix="Make one with: asynccoder keys make",
        ) from error


def seal(settings: Settings, owner: UUID, secret: str) -> str:
    """Encrypts a secret together with its owner's id, so that a row copied to another person does not open."""
    return _fernet(settings).encrypt(json.dumps([str(owner), secret]).encode()).decode()


def unseal(settings: Settings, owner: UUID, sealed: str) -> str:
    """The secret again. Raises Misconfigured when no key opens it or it belongs to someone else."""
    try:
        holder, secret = json.loads(_fernet(settings).decrypt(sealed.encode()))
    except InvalidToken as error:
        raise Misconfigured(
            "A stored secret cannot be opened with the configured keys.",
            fix="Put the key it was sealed with back into ASYNCCODER_SECRET_KEYS, after the newer one.",
        ) from error
    if holder != str(owner):
        raise Misconfigured("A sealed secret stands in another person's row.", fix="Have that person reconnect GitHub.")
    return str(secret)


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """SHA-256 in hex: enough for a token of 256 random bits, which cannot be guessed offline."""
    return hashlib.sha256(token.encode()).hexdigest()
