"""The tables. Importing this package registers every one of them."""

from sqlmodel import SQLModel

from backend.models.ai_model import AiModel, ProviderTest
from backend.models.analytics import AnalyticsDaily, AnalyticsEveryone, AnalyticsStale
from backend.models.announcement import Announcement, AnnouncementDismissal, Tone
from backend.models.audit import AuditEntry, AuditHead
from backend.models.credit import CreditRequest, CreditTransaction, Deployment, Notice
from backend.models.pull_request import PullRequest, WebhookDelivery
from backend.models.repository import (
    LostAccess,
    Repository,
    RepositoryPage,
    RepositorySettings,
    RepositorySync,
    SyncState,
    UserRepositoryAccess,
)
from backend.models.request import IdempotencyKey
from backend.models.setup import CacheClearing, CacheKind, ClearingState, Machine, PartState, SetupPart
from backend.models.task import (
    Artifact,
    Attachment,
    Draft,
    Task,
    TaskAnalytics,
    TaskEvent,
    TaskMessage,
    TaskRead,
    TaskResult,
    TaskRun,
)
from backend.models.trigger import Trigger, TriggerState
from backend.models.user import ApiToken, DeviceGrant, ProviderKey, User, WebSession

metadata = SQLModel.metadata

__all__ = [
    "AiModel",
    "AnalyticsDaily",
    "AnalyticsEveryone",
    "AnalyticsStale",
    "Announcement",
    "AnnouncementDismissal",
    "ApiToken",
    "Artifact",
    "Attachment",
    "AuditEntry",
    "AuditHead",
    "CacheClearing",
    "CacheKind",
    "ClearingState",
    "CreditRequest",
    "CreditTransaction",
    "Deployment",
    "DeviceGrant",
    "Draft",
    "IdempotencyKey",
    "LostAccess",
    "Machine",
    "Notice",
    "PartState",
    "ProviderKey",
    "ProviderTest",
    "PullRequest",
    "Repository",
    "RepositoryPage",
    "RepositorySettings",
    "RepositorySync",
    "SetupPart",
    "SyncState",
    "Task",
    "TaskAnalytics",
    "TaskEvent",
    "TaskMessage",
    "TaskRead",
    "TaskResult",
    "TaskRun",
    "Tone",
    "Trigger",
    "TriggerState",
    "User",
    "UserRepositoryAccess",
    "WebSession",
    "WebhookDelivery",
    "metadata",
]
