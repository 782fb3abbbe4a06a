"""A problem as the ledger keeps it, and how it turns into a DynamoDB item and back.

Times are milliseconds since the epoch, except `expires_at`, which DynamoDB's TTL wants in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

OPEN, CLOSED = "OPEN", "CLOSED"
PENDING, SENDING, SENT, DROPPED, DEAD = "PENDING", "SENDING", "SENT", "DROPPED", "DEAD"
UNTOLD = (PENDING, SENDING)

Item = dict[str, Any]
"""An item in DynamoDB's own notation: {"name": {"S": "value"}}."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True, slots=True)
class Copy:
    """One feed's finding about the problem: its newest stamp, that event's time, whether it is open, its severity."""

    stamp: int
    time: int
    open: bool
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Telling:
    """How far one channel is: PENDING and SENDING are untold; SENT, DROPPED and DEAD are final.

    `until` ends a reservation, `next` is when to try again, `tries` counts reservations, `msg` is the provider's id,
    `why` the last failure.
    """

    st: str = PENDING
    until: int | None = None
    next: int | None = None
    tries: int = 0
    msg: str | None = None
    why: str | None = None

    @property
    def untold(self) -> bool:
        return self.st in UNTOLD

    def due(self, now: int) -> bool:
        """Whether it may be tried now: pending and its time has come, or a reservation whose holder is gone."""
        if self.st == SENDING:
            return (self.until or 0) < now
        return self.st == PENDING and (self.next or 0) <= now


@dataclass(frozen=True, slots=True)
class Problem:
    """The record of a problem. `rev` grows with every write; `rank` is the highest severity seen since it opened.

    `told_at` and `told_rank` say when the present telling reached its first channel, `told_before` when the one before
    it did. `returned` says that it was closed and is open again, and that nobody was told of that yet. `heard` are the
    channels that ever told it, `asked` is when a person last requested it. `alert_id`, `event`, `reason`, `alert_rank`,
    `attempt`, `lease_until` and `ch` belong to the last claim.
    """

    key: str
    rev: int
    state: str
    src: Mapping[str, Copy]
    rank: int
    seen: int
    first_seen: int
    last_seen: int
    expires_at: int
    actors: frozenset[str] = frozenset()
    heard: frozenset[str] = frozenset()
    told_at: int | None = None
    told_rank: int | None = None
    told_before: int | None = None
    observed_at: int | None = None
    observed_rank: int | None = None
    alert_id: str | None = None
    event: str | None = None
    reason: str | None = None
    alert_rank: int | None = None
    attempt: int = 0
    lease_until: int = 0
    returned: bool = False
    asked: int | None = None
    ch: Mapping[str, Telling] = field(default_factory=dict)

    @property
    def untold(self) -> tuple[str, ...]:
        """The channels that are still to be told, in order of name."""
        return tuple(sorted(name for name, telling in self.ch.items() if telling.untold))

    def to_item(self) -> Item:
        record = {
            f.name: value
            for f in fields(self)
            if (value := getattr(self, f.name)) is not None
            and value != frozenset()
            and f.name not in ("key", "src", "ch")
        }
        record |= {"pk": f"P#{self.key}", "sk": "P"}
        record["src"] = {name: asdict(copy) for name, copy in self.src.items()}
        record["ch"] = {name: telling_record(telling) for name, telling in self.ch.items()}
        return to_item(record)

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Problem:
        record = from_item(item)
        record["key"] = record.pop("pk").removeprefix("P#")
        del record["sk"]
        record["src"] = {name: Copy(**_known(Copy, copy)) for name, copy in record["src"].items()}
        record["ch"] = {name: Telling(**_known(Telling, telling)) for name, telling in record["ch"].items()}
        for name in ("actors", "heard"):
            record[name] = frozenset(record.get(name, ()))
        return cls(**_known(cls, record))


def _known(kind: type[Copy | Telling | Problem], record: Mapping[str, Any]) -> dict[str, Any]:
    """Only what this version knows: a newer one may have written more before it was rolled back."""
    return {f.name: record[f.name] for f in fields(kind) if f.name in record}


def telling_record(telling: Telling) -> dict[str, Any]:
    """A channel's state as the ledger keeps it: without what is empty, so that the item stays small."""
    return {f.name: value for f in fields(telling) if (value := getattr(telling, f.name)) is not None}


def to_item(record: Mapping[str, Any]) -> Item:
    """Plain values in DynamoDB's notation."""
    return {name: _serialize(set(value) if isinstance(value, frozenset) else value) for name, value in record.items()}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as plain values: integers, strings, sets, maps and bytes."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    """DynamoDB's numbers come as Decimal and binary values as Binary; ours are integers and bytes."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value
