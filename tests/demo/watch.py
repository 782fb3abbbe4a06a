"""What became of each finding, read from what the module leaves behind: log, ledger and dead-letter queue."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.local_aws import LocalAws
from tocsin.alerts.problem import Problem
from tocsin.findings.event import UnreadableEvent, parse_event

Pair = tuple[str, str]
"""An event's id and one finding of it: its id, or `#n` for the nth that cannot be read."""

POLL_SECONDS = 0.2
BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class End:
    """How a pair ended: ALERT, SILENT or DEAD_LETTER, and the reason. `key` and `alert_id` name what was told."""

    decision: str
    reason: str
    key: str = ""
    alert_id: str = ""
    channels: tuple[str, ...] = ()


@dataclass
class Watch:
    """The installation under watch. `outputs` are the module's."""

    aws: LocalAws
    outputs: Mapping[str, Any]
    since: datetime = BEGINNING
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """The boto3 client of a service, made once."""
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    def empty(self) -> None:
        """Begin with nothing in Security Hub, in the ledger, in the queues and in the journals."""
        dynamodb, table = self.client("dynamodb"), self.outputs["ledger_table"]["name"]
        for page in dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="pk, sk"):
            for item in page["Items"]:
                dynamodb.delete_item(TableName=table, Key=item)
        for queue in ("queue", "dead_letter_queue"):
            self.client("sqs").purge_queue(QueueUrl=self.outputs[queue]["url"])
        self.aws.forget_findings()
        self.aws.clear_journals()
        self.since = datetime.now(UTC)

    def log(self, function: str, message: str) -> list[dict[str, Any]]:
        """The structured lines of a function's log that say this, since the beginning."""
        return [line for line in self.lines(function) if line.get("message") == message]

    def lines(self, function: str) -> list[dict[str, Any]]:
        """The structured lines of a function's log, since the beginning."""
        group = self.outputs["log_group_names"][function]
        start = round(self.since.timestamp() * 1000)
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start)
        return [_object(event["message"]) for page in pages for event in page["events"]]

    def dead_letters(self) -> list[tuple[dict[str, Any], str]]:
        """The events in the dead-letter queue, each with its reason. They stay there."""
        found: dict[str, tuple[dict[str, Any], str]] = {}
        for _ in range(100):
            answer = self.client("sqs").receive_message(
                QueueUrl=self.outputs["dead_letter_queue"]["url"],
                MaxNumberOfMessages=10,
                VisibilityTimeout=0,
                MessageAttributeNames=["All"],
            )
            fresh = [message for message in answer.get("Messages", ()) if message["MessageId"] not in found]
            if not fresh:
                break
            for message in fresh:
                attributes = message.get("MessageAttributes", {})
                reason = next(
                    (attributes[name]["StringValue"] for name in ("REASON", "ERROR_MESSAGE") if name in attributes), "?"
                )
                found[message["MessageId"]] = (_object(message["Body"]), reason)
        return list(found.values())

    def ends(self) -> dict[Pair, End]:
        """How every pair ended that has ended."""
        ends: dict[Pair, End] = {}
        for event in self.aws.events():
            if not event.rules:
                ends |= {pair: End("SILENT", "FILTERED") for pair in pairs_of(event.envelope)}
        for line in self.log("triage", "decided"):
            ends.setdefault(
                (line["event_id"], line["finding_id"]),
                End(
                    line["decision"],
                    line["reason"],
                    line["key"],
                    line.get("alert_id", ""),
                    tuple(line.get("channels", ())),
                ),
            )
        for envelope, reason in self.dead_letters():
            for pair in pairs_of(envelope):
                ends.setdefault(pair, End("DEAD_LETTER", reason))
        return ends

    def ledger(self) -> tuple[list[Problem], set[str]]:
        """The problems, and the ids of the alerts that are still in the outbox."""
        problems, due = [], set()
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["ledger_table"]["name"])
        for item in (item for page in pages for item in page["Items"]):
            if item["pk"]["S"].startswith("P#"):
                problems.append(Problem.from_item(item))
            elif item["pk"]["S"].startswith("DUE#"):
                due.add(item["sk"]["S"])
        return problems, due

    def tellings(self, ends: Iterable[End]) -> dict[str, dict[str, str]]:
        """For each alert among these ends, how far each channel is, by the alert's id."""
        sent = {(line["alert_id"], line["channel"]) for line in self.log("tell", "told")}
        problems, due = self.ledger()
        return tellings(ends, {problem.key: problem for problem in problems}, due, sent)

    def executions(self, status: str | None = None) -> list[dict[str, Any]]:
        """The executions of the alert machine since the beginning, all or those with a status."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        wanted = {"statusFilter": status} if status else {}
        machine = self.outputs["state_machine"]["arn"]
        rows = (row for page in pages.paginate(stateMachineArn=machine, **wanted) for row in page["executions"])
        return [row for row in rows if row["startDate"] >= self.since]

    def settle(self, pairs: Iterable[Pair], quiet_seconds: float = 90) -> None:
        """Wait until every pair has an end and every alert was tried everywhere, or until nothing moves for so long."""
        wanted = set(pairs)
        seen: tuple[int, int, int] | None = None
        deadline = time.monotonic() + quiet_seconds
        while time.monotonic() < deadline:
            state = (len(wanted - self.ends().keys()), len(self.executions("RUNNING")), self._untried())
            if state == (0, 0, 0):
                return
            if state != seen:
                seen, deadline = state, time.monotonic() + quiet_seconds
            time.sleep(POLL_SECONDS)

    def _untried(self) -> int:
        """How many channels in the outbox were never tried; one that was tried and failed is the sweeper's."""
        problems, due = self.ledger()
        return sum(
            telling.untold and telling.tries == 0 and telling.next is None
            for problem in problems
            if problem.alert_id in due
            for telling in problem.ch.values()
        )


def tellings(
    ends: Iterable[End], problems: Mapping[str, Problem], due: Collection[str], sent: Collection[tuple[str, str]]
) -> dict[str, dict[str, str]]:
    """How far each channel of each alert is: what the record says, and LOST for one that nobody would ever tell.

    `due` are the alerts in the outbox, `sent` the alerts and channels that were told. A newer alert takes over what an
    older one about the same problem had not told yet: that is SUPERSEDED.
    """
    found: dict[str, dict[str, str]] = {}
    for end in ends:
        problem = problems.get(end.key)
        if not end.alert_id or problem is None:
            continue
        if problem.alert_id == end.alert_id:
            found[end.alert_id] = {
                name: "LOST" if telling.untold and end.alert_id not in due else telling.st
                for name, telling in problem.ch.items()
            }
        else:
            found[end.alert_id] = {
                name: "SENT" if (end.alert_id, name) in sent else "SUPERSEDED" for name in end.channels
            }
    return found


def pairs_of(envelope: Mapping[str, Any]) -> list[Pair]:
    """The findings of an event, those that cannot be read as well; the event itself where nothing of it can."""
    try:
        event = parse_event(envelope)
    except UnreadableEvent:
        return [(str(envelope.get("id", "?")), "#0")]
    return [(event.event_id, finding.finding_id) for finding in event.findings] + [
        (event.event_id, f"#{bad.index}") for bad in event.unreadable
    ]


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
