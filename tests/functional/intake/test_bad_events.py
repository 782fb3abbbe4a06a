"""A batch through the real triage handler: what cannot be read goes aside alone, and says why; the rest is alerted."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests import alerts
from tests.functional.alerts.conftest import TABLE, create_ledger
from tests.functional.alerts.test_triage import asff, message
from tocsin.alerts.ledger import Ledger
from tocsin.alerts.problem import Problem
from tocsin.alerts.triage import DeadLetters, Desk
from tocsin.handlers import triage as handler
from tocsin.log import logger

DETECTOR = "arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding"


class Intake:
    """The handler with a ledger and a dead-letter queue on moto, and its log as CloudWatch would have it."""

    def __init__(self, log: io.StringIO) -> None:
        self.queue = boto3.client("sqs")
        self.url = self.queue.create_queue(QueueName="dead-letters")["QueueUrl"]
        self.client = boto3.client("dynamodb")
        create_ledger(self.client)
        self.started: list[Problem] = []
        self.desk = Desk(
            Ledger(self.client, TABLE, lambda: alerts.NOW),
            alerts.settings(),
            alerts.INSTALLED_AT,
            self.started.append,
            lambda _: None,
        )
        self.dead_letters = DeadLetters(self.queue, self.url)
        self._log = log

    def batch(self, *bodies: str) -> list[str]:
        """Hand messages m0, m1 ... to the handler; those that it wants again."""
        records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]
        answer = handler.handler({"Records": records}, None)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def put_aside(self) -> dict[str, str]:
        """The bodies in the dead-letter queue, with their reasons."""
        found: dict[str, str] = {}
        while letters := self.queue.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            found |= {letter["Body"]: letter["MessageAttributes"]["REASON"]["StringValue"] for letter in letters}
        return found

    def lines(self, level: str) -> list[dict[str, Any]]:
        logged = [json.loads(line) for line in self._log.getvalue().splitlines()]
        return [line for line in logged if line["level"] == level]

    def told(self) -> set[str]:
        """The ids of the findings that were alerted."""
        return {line["finding_id"] for line in self.lines("INFO") if line.get("decision") == "ALERT"}


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    log = io.StringIO()
    stream = logging.StreamHandler(log)
    stream.setFormatter(logger.registered_formatter)
    logger.addHandler(stream)
    with mock_aws():
        made = Intake(log)
        monkeypatch.setattr(handler, "_desk", lambda: made.desk)
        monkeypatch.setattr(handler, "_dead_letters", lambda: made.dead_letters)
        yield made
    logging.getLogger(logger.service).removeHandler(stream)


def good(name: str, **changes: Any) -> dict[str, Any]:
    return asff(Id=f"{DETECTOR}/{name}", **changes)


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in good("bad").items() if key != field}


BAD: dict[str, tuple[str, str]] = {
    "not JSON": ("{", "Expecting property name"),
    "no object": ("[]", "an event is an object, not a list"),
    "another service": (message(detail_type="AWS Health Event", event_id="e-health"), '"AWS Health Event"'),
    "no findings": (message(event_id="e-empty"), "detail.findings is empty"),
    "no Id": (message(without("Id"), event_id="e-id"), "finding 0: Id is missing"),
    "no times": (
        message(good("bad", CreatedAt="soon", UpdatedAt={}), event_id="e-times"),
        "finding 0: UpdatedAt and CreatedAt are missing or not times",
    ),
    "nested too deep": ("[" * 100_000, "recursion"),
}


def test_of_ten_messages_the_seven_bad_ones_go_aside_alone(intake: Intake) -> None:
    goods = [message(good(name), event_id=f"e-{name}") for name in ("one", "two", "three")]
    bad = [body for body, _ in BAD.values()]
    bodies = [*bad[:3], goods[0], *bad[3:5], goods[1], *bad[5:], goods[2]]
    assert intake.batch(*bodies) == [], "what cannot be read never comes again"

    assert intake.told() == {f"{DETECTOR}/{name}" for name in ("one", "two", "three")}
    assert len(intake.started) == 3

    aside = intake.put_aside()
    assert sorted(aside) == sorted(bad), "as they came"
    for body, reason in BAD.values():
        assert reason in aside[body]

    errors = {line["message_id"]: line for line in intake.lines("ERROR")}
    assert len(intake.lines("ERROR")) == len(BAD), "one line each"
    assert {number: line["reason"] for number, line in errors.items()} == {
        f"m{bodies.index(body)}": aside[body] for body in bad
    }
    events = {line.get("event_id") for line in errors.values()}
    assert events == {None, "e-health", "e-empty", "e-id", "e-times"}


ODD: list[dict[str, Any]] = [
    {"Severity": "HIGH"},
    {"Severity": {"Label": 4, "Normalized": "90"}},
    {"Types": "TTPs/Discovery"},
    {"Types": [None, 5, ["x"]]},
    {"Title": 404},
    {"Description": ["a", "b"]},
    {"Description": "x" * 240_000},
    {"ProductFields": ["aws/guardduty/service/count"]},
    {"ProductFields": {"aws/guardduty/service/count": {"n": 1}}},
    {"ProductName": None, "GeneratorId": 7, "SchemaVersion": []},
    {"Resources": "i-0123456789abcdef0"},
    {"Resources": [None, 5, {}, {"Id": 5}, {"Type": [], "Id": "i-1", "Tags": ["a"], "Region": 5}]},
    {"Resources": [{"Type": "AwsEc2Instance", "Id": f"i-{number:017x}"} for number in range(32)]},
    {"Workflow": [], "RecordState": {}, "Compliance": "FAILED"},
    {"Vulnerabilities": {"Id": "CVE-2026-1"}},
    {"Remediation": {"Recommendation": {"Text": 5, "Url": ["https://example.com"]}}, "SourceUrl": {}},
    {"Action": {"NetworkConnectionAction": {"RemoteIpDetails": "198.51.100.7"}}},
    {"FirstObservedAt": True, "LastObservedAt": "yesterday", "Sample": "no"},
    {"CreatedAt": [], "UpdatedAt": 1772366400000},
    {"CreatedAt": "Sun Mar 01 12:00:00.000 UTC 2026", "UpdatedAt": "Mar 1, 2026, 12:00:00 PM"},
    {"CreatedAt": "2026-03-01 13:00:00.000000+01:00", "UpdatedAt": "2026-03-01T12:00:00.123456789Z"},
]
"""Optional fields with values that no feed sends, and times as feeds do write them."""


def test_a_finding_with_a_wrong_optional_field_is_told_without_it(intake: Intake) -> None:
    odd = {f"{DETECTOR}/{number}": message(good(f"{number}", **changes)) for number, changes in enumerate(ODD)}
    assert intake.batch(*odd.values()) == []
    assert intake.told() == set(odd)
    assert intake.lines("ERROR") == []
    assert intake.put_aside() == {}
    ledger = intake.desk.ledger
    alerts_kept = [ledger.alert(row.key, row.alert_id) for row in ledger.outbox()]
    assert {alert.finding.finding_id for alert in alerts_kept if alert is not None} == set(odd)


def test_a_message_that_fails_comes_again_alone_and_its_log_line_says_which(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(body: str, reason: str) -> None:
        raise ConnectionError("the dead-letter queue is away")

    monkeypatch.setattr(intake.dead_letters, "put", refuse)
    assert intake.batch(message(good("one")), "{", message(good("two"), event_id="e2")) == ["m1"]
    assert intake.told() == {f"{DETECTOR}/one", f"{DETECTOR}/two"}
    (line,) = intake.lines("ERROR")
    assert line["message_id"] == "m1"
    assert "the dead-letter queue is away" in line["exception"]
