"""Webhooks: whether GitHub sent it, and what it says."""

import hashlib
import hmac
from typing import Any

from pydantic import BaseModel

from backend.github.types import PullDocument, PullRequestChanged, parse_document


class _Repository(BaseModel):
    id: int


class _PullRequestEvent(BaseModel):
    action: str
    repository: _Repository
    pull_request: PullDocument


def verify(secret: str, body: bytes, signature_header: str | None) -> bool:
    """Whether `X-Hub-Signature-256` signs exactly these raw bytes, compared in constant time. Never raises.

    GitHub's documentation: "Validating webhook deliveries". Without a secret nothing is ever valid.
    """
    if not secret or not signature_header:
        return False
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # As bytes: compare_digest raises for text outside ASCII.
    return hmac.compare_digest(expected.encode(), signature_header.encode(errors="replace"))


def parse(event: str, payload: Any) -> PullRequestChanged | None:
    """What a delivery means to us, None for events we do not follow. Raises InvalidInput for a malformed one we do."""
    if event != "pull_request":
        return None
    told = parse_document(_PullRequestEvent, payload)
    return PullRequestChanged(told.action, told.repository.id, told.pull_request.as_pull())
