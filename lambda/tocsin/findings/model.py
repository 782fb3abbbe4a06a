"""One model for every feed: what Tocsin knows of a finding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any


class Severity(IntEnum):
    """The five labels of the AWS Security Finding Format, in order; the number is the rank in the ledger.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Severity.html
    """

    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Feed(StrEnum):
    """Where a finding came from; the values are the keys of the variable `feeds`."""

    SECURITY_HUB = "security_hub"
    SECURITY_HUB_V2 = "security_hub_v2"
    GUARDDUTY = "guardduty"
    INSPECTOR = "inspector"

    @property
    def authoritative(self) -> bool:
        """Whether this feed carries the workflow: where it holds a copy, only it opens and closes a problem."""
        return self in (Feed.SECURITY_HUB, Feed.SECURITY_HUB_V2)


@dataclass(frozen=True, slots=True)
class Resource:
    """What a finding is about. `account_id` and `region` only where they differ from the finding's or are named."""

    type: str
    id: str
    region: str | None = None
    account_id: str | None = None
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of any feed. Only what ASFF requires is required here; the rest may be missing.

    `finding_id` is the product's own id; two feeds that carry the same finding agree on it.
    `closed_by` is why the finding is no longer open (ARCHIVED, SUPPRESSED, RESOLVED, PASSED, CLOSED), None while open.
    `actors` are the remote addresses that the finding names, as written, each once.
    """

    feed: Feed
    finding_id: str
    product: str
    product_arn: str
    partition: str
    account_id: str
    region: str
    title: str
    description: str
    severity: Severity
    updated_at: datetime
    created_at: datetime | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    closed_by: str | None = None
    sample: bool = False
    types: tuple[str, ...] = ()
    resources: tuple[Resource, ...] = ()
    control_id: str | None = None
    vulnerability_ids: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    count: int | None = None
    remediation: str | None = None
    remediation_url: str | None = None
    source_url: str | None = None

    @property
    def open(self) -> bool:
        return self.closed_by is None

    def to_json(self) -> str:
        """The finding as a compact JSON document, without what is empty."""
        record = {
            key: value for key, value in asdict(self).items() if value not in (None, (), "") and value is not False
        }
        record["severity"] = self.severity.name
        return json.dumps(record, default=_jsonable, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Finding:
        """The finding that `to_json` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        record: dict[str, Any] = json.loads(text)
        record["feed"] = Feed(record["feed"])
        record["severity"] = Severity[record["severity"]]
        for key in ("updated_at", "created_at", "first_seen", "last_seen"):
            if key in record:
                record[key] = datetime.fromisoformat(record[key])
        record["resources"] = tuple(Resource(**resource) for resource in record.get("resources", ()))
        for key in ("types", "vulnerability_ids", "actors"):
            record[key] = tuple(record.get(key, ()))
        for key in ("title", "description", "product", "product_arn"):
            record.setdefault(key, "")
        return cls(**record)


def _jsonable(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form in a finding")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A finding of an event that could not be read, and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Event:
    """What EventBridge delivered: an envelope with the findings that could be read and those that could not.

    `requested` is True for a custom action: a person asked for it.
    """

    event_id: str
    time: datetime
    feed: Feed
    requested: bool
    findings: tuple[Finding, ...]
    unreadable: tuple[Unreadable, ...] = ()
