"""Sealing what must be read again, hashing what must only be recognised."""

import hashlib
import json
import secrets
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from backend.errors import Misconfigured
from backend.settings import Settings


def _fernet(settings: Settings) -> MultiFernet:
    if settings.secret_keys:
        keys = settings.secret_keys.get_secret_value()
    else:
        keys = settings.generated_key("secret-key", lambda: Fernet.generate_key().decode())
    try:
        return MultiFernet([Fernet(key) for key in keys.replace(",", " ").split()])
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
