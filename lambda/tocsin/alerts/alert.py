"""An alert: a problem that is to be told, and why. What the outbox keeps and messages are composed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.findings.model import Finding, Severity


class Reason(StrEnum):
    """Why a problem is told, or stays silent."""

    FIRST = "FIRST"
    REMINDER = "REMINDER"
    SEVERITY_UP = "SEVERITY_UP"
    REOPENED = "REOPENED"
    NEW_ACTOR = "NEW_ACTOR"
    REQUESTED = "REQUESTED"

    REPEAT = "REPEAT"
    OLDER = "OLDER"
    BELOW_SEVERITY = "BELOW_SEVERITY"
    CLOSED = "CLOSED"
    BACKLOG = "BACKLOG"
    SAMPLE = "SAMPLE"
    FILTERED = "FILTERED"
    NO_ROUTE = "NO_ROUTE"
    OBSERVED = "OBSERVED"


@dataclass(frozen=True, slots=True)
class Alert:
    """`key` names the problem, `alert_id` this telling of it.

    `seen` is how often the problem was seen so far, over all feeds; `first_seen` since when. `from_severity` is what
    was told before, where `reason` is SEVERITY_UP. `last_told_at` is when it was told before, None for never.
    """

    alert_id: str
    key: str
    reason: Reason
    finding: Finding
    seen: int
    first_seen: datetime
    last_seen: datetime
    claimed_at: datetime
    from_severity: Severity | None = None
    last_told_at: datetime | None = None
