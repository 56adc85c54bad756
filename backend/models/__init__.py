"""The tables. Importing this package registers every one of them."""

from sqlmodel import SQLModel

from backend.models.ai_model import AiModel
from backend.models.credit import CreditTransaction, Deployment, Notice
from backend.models.pull_request import PullRequest, WebhookDelivery
from backend.models.repository import Repository, RepositorySettings, UserRepositoryAccess
from backend.models.task import Artifact, Task, TaskAnalytics, TaskEvent, TaskMessage, TaskResult, TaskRun
from backend.models.user import User, WebSession

metadata = SQLModel.metadata

__all__ = [
    "AiModel",
    "Artifact",
    "CreditTransaction",
    "Deployment",
    "Notice",
    "PullRequest",
    "Repository",
    "RepositorySettings",
    "Task",
    "TaskAnalytics",
    "TaskEvent",
    "TaskMessage",
    "TaskResult",
    "TaskRun",
    "User",
    "UserRepositoryAccess",
    "WebSession",
    "WebhookDelivery",
    "metadata",
]
