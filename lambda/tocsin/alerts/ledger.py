"""The ledger: every write is conditional, and a condition that fails says why (PROTOCOL of the records below).

    PROBLEM  pk P#key        sk P         see `problem.Problem`
    DUE      pk DUE#<hex>    sk alert_id  the outbox: an alert until it is told everywhere. Immutable, never expires
    FAILING  pk FAILING      sk channel   failures since the last notice about a channel

The sixteen DUE partitions are the first hex digit of the key, so that the outbox is read by sixteen queries and
never by a scan.
"""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.alerts import decide as deciding
from tocsin.alerts.alert import Alert, Reason
from tocsin.alerts.decide import Decision, Sighting
from tocsin.alerts.problem import (
    OPEN,
    PENDING,
    SENDING,
    SENT,
    Item,
    Problem,
    Telling,
    from_item,
    telling_record,
    to_item,
)
from tocsin.alerts.slim import slim
from tocsin.findings.model import Finding, Severity
from tocsin.log import logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Clock = Callable[[], int]
"""Milliseconds since the epoch."""

RESERVED_MS = 90_000
"""How long a reservation stands: longer than the task's time-out, so that its holder is surely gone when it lapses."""

READS = 6
"""How often a batch is asked for what DynamoDB left over; what is still missing then is swept in a minute."""

NOTICE_EVERY_MS = 60 * 60_000
OUTBOX_PARTITIONS = "0123456789abcdef"


class Conflict(Exception):
    """The record changed between reading and writing: decide again."""


@dataclass(frozen=True, slots=True)
class Due:
    """An outbox row without its finding: what the sweeper needs to choose. `claimed_at` in milliseconds."""

    alert_id: str
    key: str
    to_rank: int
    claimed_at: int


@dataclass(frozen=True, slots=True)
class Failing:
    """A channel's failures since the last notice: how many, how many gave up for good, and the last reason."""

    channel: str
    count: int
    dead: int
    why: str
    alert_id: str
    noticed_until: int


class Ledger:
    """The table `ledger`, with the clock it compares against."""

    def __init__(
        self, client: DynamoDBClient, table: str, clock: Clock, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._table = table
        self._pause = pause
        self.clock = clock

    # Triage

    def repeat(self, sighting: Sighting, window_ms: int) -> tuple[bool, Problem | None]:
        """Count a repeat with one write. True if it was one; else False and the record as it is (None: no record).

        A repeat is open, told inside the window at this severity or above, by a copy that was open and older, from
        actors already known.
        """
        now = self.clock()
        names = {"#state": "state", "#copy": sighting.copy, "#open": "open", "#time": "time", "#rank": "rank"}
        values = {
            ":now": now,
            ":expires": (now + deciding.KEPT_OPEN_MS) // 1000,
            ":seconds": now // 1000,
            ":stamp": sighting.stamp,
            ":time": sighting.time,
            ":one": 1,
            ":open": OPEN,
            ":true": True,
            ":window": now - window_ms,
            ":rank": int(sighting.finding.severity),
        }
        known = ""
        for number, actor in enumerate(sorted(sighting.actors)[: deciding.MOST_ACTORS]):
            values[f":actor{number}"] = actor
            known += f" AND contains(actors, :actor{number})"
        return self._update(
            _problem_key(sighting.key),
            "SET last_seen = :now, expires_at = :expires, "
            "src.#copy.stamp = :stamp, src.#copy.#time = :time, src.#copy.#rank = :rank "
            "ADD seen :one, rev :one",
            "#state = :open AND expires_at > :seconds AND told_at > :window AND told_rank >= :rank "
            "AND returned <> :true AND src.#copy.#open = :true AND src.#copy.stamp < :stamp" + known,
            values,
            names,
        )

    def read(self, key: str) -> Problem | None:
        item = self._get(_problem_key(key))
        return Problem.from_item(item) if item is not None else None

    def read_all(self, keys: Iterable[str]) -> dict[str, Problem | None]:
        """The records of these keys, a hundred to a request: None where there is none, no entry where none was read.

        DynamoDB leaves keys over when it is throttled, and asks for a pause before the next request:
        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
        """
        problems: dict[str, Problem | None] = {}
        for batch in _batched(dict.fromkeys(keys), 100):
            waiting = batch
            for attempt in range(READS):
                if attempt:
                    self._pause(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - spreads retries, guards nothing
                asked: Any = {self._table: {"Keys": [_problem_key(key) for key in waiting], "ConsistentRead": True}}
                answer = self._client.batch_get_item(RequestItems=asked)
                left = answer.get("UnprocessedKeys", {}).get(self._table, {"Keys": []})["Keys"]
                unprocessed = {key["pk"]["S"].removeprefix("P#") for key in left}
                problems |= {key: None for key in waiting if key not in unprocessed}
                self._note(answer["Responses"].get(self._table, ()), problems)
                waiting = [key for key in waiting if key in unprocessed]
                if not waiting:
                    break
            else:
                logger.warning("not every record could be read", extra={"keys": len(waiting)})
        return problems

    @staticmethod
    def _note(items: Iterable[Any], problems: dict[str, Problem | None]) -> None:
        """Add what these items say; one that cannot be understood loses its entry and must not hide the others."""
        for item in items:
            key = item["pk"]["S"].removeprefix("P#")
            try:
                problems[key] = Problem.from_item(item)
            except (KeyError, TypeError, ValueError, AttributeError):
                logger.exception("this record cannot be read", extra={"key": key})
                del problems[key]

    def store(self, old: Problem | None, sighting: Sighting, decision: Decision) -> None:
        """Record a silent decision. Raises Conflict when the record is no longer `old`."""
        problem = deciding.record(old, sighting, decision, self.clock(), alert_id=None)
        try:
            self._client.put_item(TableName=self._table, Item=problem.to_item(), **_unchanged(old))
        except (
            self._client.exceptions.ConditionalCheckFailedException,
            self._client.exceptions.TransactionConflictException,
        ) as error:
            raise Conflict from error

    def claim(self, old: Problem | None, sighting: Sighting, decision: Decision) -> Problem:
        """Take the right to tell the problem, with its outbox row, in one transaction. Raises Conflict as `store` does.

        botocore names the transaction (ClientRequestToken), so that its retry after a lost answer is the same one.
        A claim supersedes the one in flight: that one's row goes, and its execution fails its next reserve. What it
        had to say and nobody heard yet is told with the new one: its severity, if higher, and its actors.
        """
        now = self.clock()
        alert_id = f"{sighting.key}-{_base36(_claim_time(old, now))}"
        problem = deciding.record(old, sighting, decision, now, alert_id)
        writes: list[Any] = [{"Put": {"TableName": self._table, "Item": problem.to_item(), **_unchanged(old)}}]
        waiting = None
        if old is not None and old.alert_id is not None and old.untold:
            waiting = self.alert(old.key, old.alert_id)
            writes.append({"Delete": {"TableName": self._table, "Key": _due_key(old.key, old.alert_id)}})
        due = _due_item(old, problem, sighting, decision, now, waiting)
        writes.append({"Put": {"TableName": self._table, "Item": due}})
        try:
            self._client.transact_write_items(TransactItems=writes)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if reasons & {"ConditionalCheckFailed", "TransactionConflict"}:
                raise Conflict from error
            raise
        return problem

    # A channel

    def reserve(self, key: str, alert_id: str, attempt: int, channel: str) -> tuple[str, int]:
        """Take the right to send on one channel, until RESERVED_MS from now.

        Returns RESERVED and how often it was reserved, or why not: DONE (told, dropped or given up), SUPERSEDED
        (another claim or attempt), LATER (not due yet), BUSY (another holds it).
        """
        now = self.clock()
        names = {"#ch": channel, "#until": "until", "#next": "next"}
        values = {
            ":id": alert_id,
            ":attempt": attempt,
            ":sending": SENDING,
            ":pending": PENDING,
            ":until": now + RESERVED_MS,
            ":now": now,
            ":one": 1,
        }
        reserved, problem = self._update(
            _problem_key(key),
            "SET ch.#ch.st = :sending, ch.#ch.#until = :until, ch.#ch.tries = ch.#ch.tries + :one ADD rev :one",
            "alert_id = :id AND attempt = :attempt AND ((ch.#ch.st = :pending AND "
            "(attribute_not_exists(ch.#ch.#next) OR ch.#ch.#next <= :now)) "
            "OR (ch.#ch.st = :sending AND ch.#ch.#until < :now))",
            values,
            names,
            after=True,
        )
        if problem is None or problem.alert_id != alert_id or problem.attempt != attempt:
            return "SUPERSEDED", 0
        telling = problem.ch.get(channel)
        if telling is None or not telling.untold:
            return "DONE", 0
        if reserved:
            return "RESERVED", telling.tries
        return "BUSY" if telling.st == SENDING else "LATER", telling.tries

    def settle(self, key: str, alert_id: str, channel: str, message_id: str) -> Problem | None:
        """Record that a channel was told. The window counts from the first channel told. None if it was superseded
        or already recorded."""
        settled, problem = self._update(
            _problem_key(key),
            "SET ch.#ch = :sent, told_at = if_not_exists(told_at, :now), told_rank = alert_rank "
            "ADD heard :heard, rev :one",
            "alert_id = :id AND ch.#ch.st <> :SENT",
            {
                ":sent": {"st": SENT, "msg": message_id},
                ":SENT": SENT,
                ":now": self.clock(),
                ":heard": {channel},
                ":one": 1,
                ":id": alert_id,
            },
            {"#ch": channel},
            after=True,
        )
        return problem if settled else None

    def release(
        self, key: str, alert_id: str, attempt: int, channel: str, *, why: str, wait_ms: int, counted: bool
    ) -> None:
        """Give a reservation back: try again in `wait_ms`. `counted` is False for a channel that only asked to wait.

        It also ends the attempt's lease, so that the sweeper need not wait for it. A reservation that is no longer
        this attempt's is left alone.
        """
        now = self.clock()
        self._update(
            _problem_key(key),
            "SET ch.#ch.st = :pending, ch.#ch.#next = :next, ch.#ch.why = :why, lease_until = :now, "
            "ch.#ch.tries = ch.#ch.tries - :uncounted ADD rev :one REMOVE ch.#ch.#until",
            "alert_id = :id AND attempt = :attempt AND ch.#ch.st = :sending",
            {
                ":pending": PENDING,
                ":sending": SENDING,
                ":next": now + wait_ms,
                ":why": why[:80],
                ":now": now,
                ":uncounted": 0 if counted else 1,
                ":one": 1,
                ":id": alert_id,
                ":attempt": attempt,
            },
            {"#ch": channel, "#next": "next", "#until": "until"},
        )

    def hold(
        self, key: str, alert_id: str, attempt: int, channel: str, *, why: str, wait_ms: Callable[[int], int]
    ) -> None:
        """Let a reservation of unknown outcome stand for `wait_ms` of its tries, and end the attempt's lease.

        To release it could send twice at once; to let it lapse as usual would use up all tries within two hours. Where
        nothing was reserved, nothing was sent: that is a try that failed.
        """
        problem = self.read(key)
        telling = problem.ch.get(channel) if problem is not None else None
        if telling is None:
            return
        now = self.clock()
        wait = max(wait_ms(telling.tries), RESERVED_MS)
        update, state, name = "ch.#ch.#wait = :wait", SENDING, "until"
        condition = "alert_id = :id AND attempt = :attempt AND ch.#ch.st = :state"
        if telling.st == PENDING:
            wait = wait_ms(telling.tries + 1)
            update, state, name = f"{update}, ch.#ch.tries = ch.#ch.tries + :one", PENDING, "next"
            condition += " AND (attribute_not_exists(ch.#ch.#wait) OR ch.#ch.#wait <= :now)"
        self._update(
            _problem_key(key),
            f"SET {update}, ch.#ch.why = :why, lease_until = :now ADD rev :one",
            condition,
            {
                ":wait": now + wait,
                ":why": why[:80],
                ":now": now,
                ":one": 1,
                ":id": alert_id,
                ":attempt": attempt,
                ":state": state,
            },
            {"#ch": channel, "#wait": name},
        )

    def end(
        self, key: str, alert_id: str, channel: str, state: str, why: str, *, instead: Iterable[str] = ()
    ) -> Problem | None:
        """Give a channel up: DROPPED (no longer configured) or DEAD (tried for too long). None if it was told or
        superseded meanwhile.

        The channels `instead` of a dropped one are to be told, unless they are in the alert already: in the same write,
        so that the alert is never without a channel in between and its row leaves the outbox.
        """
        values = {":state": state, ":why": why[:80], ":one": 1, ":id": alert_id}
        names = {f"#new{number}": name for number, name in enumerate(instead) if name != channel}
        added = "".join(f", ch.{name} = if_not_exists(ch.{name}, :new)" for name in names)
        if names:
            added += ", lease_until = :now"
            values |= {":new": telling_record(Telling()), ":now": self.clock()}
        ended, problem = self._update(
            _problem_key(key),
            f"SET ch.#ch.st = :state, ch.#ch.why = :why{added} ADD rev :one",
            "alert_id = :id AND ch.#ch.st IN (:pending, :sending)",
            values | {":pending": PENDING, ":sending": SENDING},
            names | {"#ch": channel},
            after=True,
        )
        return problem if ended else None

    # The outbox

    def alert(self, key: str, alert_id: str) -> Alert | None:
        """The alert that waits in the outbox, None when it is done or superseded."""
        item = self._get(_due_key(key, alert_id))
        return _alert(item) if item is not None else None

    def outbox(self) -> Iterator[Due]:
        """Every row of the outbox, consistently read, without the findings."""
        pages = self._client.get_paginator("query")
        for digit in OUTBOX_PARTITIONS:
            for page in pages.paginate(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"DUE#{digit}"}},
                ProjectionExpression="sk, #key, to_rank, claimed_at",
                ExpressionAttributeNames={"#key": "key"},
            ):
                for item in page["Items"]:
                    row = from_item(item)
                    yield Due(row["sk"], row["key"], row["to_rank"], row["claimed_at"])

    def next_attempt(self, problem: Problem) -> Problem | None:
        """Take the right to start another execution, if the last one's lease is over. None if somebody else did."""
        now = self.clock()
        taken, after = self._update(
            _problem_key(problem.key),
            "SET attempt = :next, lease_until = :lease ADD rev :one",
            "alert_id = :id AND attempt = :attempt AND lease_until <= :now",
            {
                ":next": problem.attempt + 1,
                ":lease": now + deciding.LEASE_MS,
                ":one": 1,
                ":id": problem.alert_id,
                ":attempt": problem.attempt,
                ":now": now,
            },
            after=True,
        )
        return after if taken else None

    def end_lease(self, problem: Problem) -> None:
        """Let the sweeper start the next attempt at once, as this one did not start."""
        self._update(
            _problem_key(problem.key),
            "SET lease_until = :now ADD rev :one",
            "alert_id = :id AND attempt = :attempt",
            {":now": self.clock(), ":one": 1, ":id": problem.alert_id, ":attempt": problem.attempt},
        )

    def finish(self, key: str, alert_id: str) -> None:
        """Take a row out of the outbox. Rows are immutable, so that doing it twice does no harm."""
        self._client.delete_item(TableName=self._table, Key=_due_key(key, alert_id))

    # Failing channels

    def note_failure(self, channel: str, alert_id: str, why: str, *, dead: bool) -> None:
        """Count a failure for the next notice about this channel."""
        self._client.update_item(
            TableName=self._table,
            Key=to_item({"pk": "FAILING", "sk": channel}),
            UpdateExpression="SET why = :why, alert_id = :id ADD failures :one, dead :dead",
            ExpressionAttributeValues=to_item({":why": why[:300], ":id": alert_id, ":one": 1, ":dead": int(dead)}),
        )

    def failing(self) -> list[Failing]:
        """The channels with failures that nobody was told of, and whose last notice is over an hour old."""
        page = self._client.query(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "FAILING"}},
        )
        rows = (from_item(item) for item in page["Items"])
        failing = (
            Failing(row["sk"], row["failures"], row["dead"], row["why"], row["alert_id"], row.get("noticed_until", 0))
            for row in rows
        )
        return [row for row in failing if row.count > 0 and row.noticed_until <= self.clock()]

    def noticed(self, row: Failing) -> None:
        """Record that a notice went out; failures that came meanwhile stay counted for the next one."""
        self._client.update_item(
            TableName=self._table,
            Key=to_item({"pk": "FAILING", "sk": row.channel}),
            UpdateExpression="SET noticed_until = :until ADD failures :count, dead :dead",
            ExpressionAttributeValues=to_item(
                {":until": self.clock() + NOTICE_EVERY_MS, ":count": -row.count, ":dead": -row.dead}
            ),
        )

    def _get(self, key: Item) -> dict[str, Any] | None:
        return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")

    def _update(
        self,
        key: Item,
        update: str,
        condition: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
        *,
        after: bool = False,
    ) -> tuple[bool, Problem | None]:
        """One conditional update. True with the new record if `after`; False with the record that failed it."""
        optional: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_NEW" if after else "NONE",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **optional,
            )
        except ClientError as error:
            # An item that is too large to keep is refused with ValidationException; that and the rest must be heard.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            item: Any = error.response.get("Item")
            return False, Problem.from_item(item) if item else None
        return True, Problem.from_item(answer["Attributes"]) if after else None


def _batched(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    waiting = iter(keys)
    while batch := list(islice(waiting, size)):
        yield batch


def _problem_key(key: str) -> Item:
    return to_item({"pk": f"P#{key}", "sk": "P"})


def _due_key(key: str, alert_id: str) -> Item:
    return to_item({"pk": f"DUE#{key[0]}", "sk": alert_id})


def _unchanged(old: Problem | None) -> dict[str, Any]:
    """The condition that the record is still the one that was read."""
    if old is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {"ConditionExpression": "rev = :old", "ExpressionAttributeValues": to_item({":old": old.rev})}


def _due_item(
    old: Problem | None, problem: Problem, sighting: Sighting, decision: Decision, now: int, waiting: Alert | None
) -> Item:
    rose_from = deciding.from_severity(old, decision)
    unheard = waiting.finding.actors if waiting is not None else ()
    finding = replace(
        sighting.finding,
        severity=Severity(problem.alert_rank or 0),
        actors=tuple(dict.fromkeys((*sighting.finding.actors, *unheard))),
    )
    row = {
        "pk": f"DUE#{problem.key[0]}",
        "sk": problem.alert_id,
        "key": problem.key,
        "reason": decision.reason,
        "to_rank": problem.alert_rank,
        "seen": problem.seen,
        "first_seen": problem.first_seen,
        "last_seen": problem.last_seen,
        "claimed_at": now,
        "finding": gzip.compress(slim(finding).to_json().encode(), mtime=0),
    }
    if rose_from is not None:
        row["from_rank"] = int(rose_from)
    if problem.told_before is not None:
        row["told_before"] = problem.told_before
    return to_item(row)


def _alert(item: Item) -> Alert:
    row = from_item(item)
    return Alert(
        alert_id=row["sk"],
        key=row["key"],
        reason=Reason(row["reason"]),
        finding=Finding.from_json(gzip.decompress(bytes(row["finding"])).decode()),
        seen=row["seen"],
        first_seen=_datetime(row["first_seen"]),
        last_seen=_datetime(row["last_seen"]),
        claimed_at=_datetime(row["claimed_at"]),
        from_severity=Severity(row["from_rank"]) if "from_rank" in row else None,
        last_told_at=_datetime(row["told_before"]) if "told_before" in row else None,
    )


def claimed_at(alert_id: str) -> int:
    """When an alert was claimed, in milliseconds since the epoch: its id says so."""
    return int(alert_id.rsplit("-", 1)[1], 36)


def _claim_time(old: Problem | None, now: int) -> int:
    """Now, or a millisecond after the last claim, so that no two alerts of a problem have one name."""
    last = claimed_at(old.alert_id) if old is not None and old.alert_id else 0
    return max(now, last + 1)


def _datetime(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
