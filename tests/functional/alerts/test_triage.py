"""From a queue message to its end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.alerts import settings
from tests.functional.alerts.conftest import World
from tocsin.alerts.triage import triage


class DeadLetters:
    def __init__(self) -> None:
        self.letters: list[tuple[str, str]] = []

    def put(self, body: str, reason: str) -> None:
        self.letters.append((body, reason))


def asff(**changes: Any) -> dict[str, Any]:
    finding = {
        "SchemaVersion": "2018-10-08",
        "Id": "arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding/f0",
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
        "ProductName": "GuardDuty",
        "GeneratorId": "d0",
        "AwsAccountId": "111122223333",
        "Region": "eu-west-1",
        "CreatedAt": "2026-02-28T12:00:00Z",
        "UpdatedAt": "2026-03-01T12:00:00Z",
        "Title": "An instance talks to a known command-and-control server",
        "Description": "It does.",
        "Severity": {"Label": "HIGH"},
        "Resources": [{"Type": "AwsEc2Instance", "Id": "i-0123456789abcdef0"}],
    }
    return finding | changes


def message(*findings: Any, event_id: str = "e1", detail_type: str = "Security Hub Findings - Imported") -> str:
    envelope = {
        "version": "0",
        "id": event_id,
        "detail-type": detail_type,
        "source": "aws.securityhub",
        "account": "111122223333",
        "time": "2026-03-01T12:00:10Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {"findings": list(findings)},
    }
    return json.dumps(envelope)


def run(world: World, body: str) -> list[tuple[str, str]]:
    letters: Any = DeadLetters()
    triage(body, world.desk(), letters)
    return list(letters.letters)


def decided(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.getMessage() == "decided"]


def errors(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.levelname == "ERROR"]


def metric(name: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (found,) = (line for line in map(json.loads, capsys.readouterr().out.splitlines()) if name in line)
    return dict(found)


def test_a_first_finding_is_claimed_and_started(world: World, caplog: pytest.LogCaptureFixture) -> None:
    assert run(world, message(asff())) == []
    assert [problem.attempt for problem in world.started] == [1]
    (line,) = decided(caplog)
    assert (line["decision"], line["reason"], line["channels"]) == ("ALERT", "FIRST", ["audit", "mail", "slack"])
    assert line["finding_id"] == asff()["Id"]


def test_a_redelivery_says_the_same_and_claims_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    run(world, message(asff()))
    run(world, message(asff()))
    first, again = decided(caplog)
    assert (again["decision"], again["reason"], again["alert_id"]) == ("ALERT", "FIRST", first["alert_id"])
    assert len(list(world.ledger.outbox())) == 1


def test_a_start_lost_to_a_crash_is_made_up_by_the_redelivery(world: World) -> None:
    run(world, message(asff()))
    world.started.clear()
    run(world, message(asff()))
    assert len(world.started) == 1, "StartExecution is idempotent, so starting again does no harm"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not json", "Expecting value"),
        ("[]", "an event is an object"),
        (json.dumps({"id": "e", "detail-type": "AWS Health Event", "detail": {}}), "AWS Health Event"),
        (message(), "detail.findings is empty"),
        ("[" * 100_000, ""),
    ],
)
def test_what_cannot_be_read_goes_to_the_dead_letter_queue_with_its_reason(
    world: World,
    body: str,
    reason: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ((kept, why),) = run(world, body)
    assert kept == body
    assert reason in why
    assert [line["reason"] for line in errors(caplog)] == [why], "one clear line"
    assert metric("Unreadable", capsys)["Unreadable"] == [1.0]


def test_a_bad_finding_goes_alone_and_the_good_ones_of_its_event_are_told(world: World) -> None:
    other = asff(Id="arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding/f1")
    bad = asff()
    del bad["Id"]
    ((_, why),) = run(world, message(asff(), bad, other))
    assert why.startswith("finding 1: Id")
    assert len(world.started) == 2


def test_a_custom_action_asks_for_each_of_its_findings(world: World, caplog: pytest.LogCaptureFixture) -> None:
    other = asff(Id="arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding/f1", Severity={"Label": "LOW"})
    run(world, message(asff()))
    caplog.clear()
    run(world, message(asff(), other, event_id="e2", detail_type="Security Hub Findings - Custom Action"))
    assert [line["reason"] for line in decided(caplog)] == ["REQUESTED", "REQUESTED"]


def test_nobody_to_tell_is_said_aloud(
    world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    letters: Any = DeadLetters()
    triage(message(asff()), world.desk(settings(routes=(), channels={})), letters)
    assert [line["reason"] for line in errors(caplog)] == ["NO_ROUTE"]
    counted = metric("NoRoute", capsys)["_aws"]["CloudWatchMetrics"][0]
    assert counted["Dimensions"] == [["name"]], "the alarm asks for just this dimension"


def test_a_lone_surrogate_in_an_id_does_not_poison_the_queue(world: World) -> None:
    """JSON can carry half a character; DynamoDB and UTF-8 cannot."""
    body = message(asff(Id="half \ud800", Title="t \udfff", Description="\ud800"))
    assert run(world, body) == []
    assert len(world.started) == 1


def test_a_finding_that_cannot_be_recorded_does_not_stop_those_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = asff(Id="arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding/f1")
    real = world.ledger.claim

    def refuse(old: Any, sighting: Any, decision: Any) -> Any:
        if sighting.finding.finding_id.endswith("f0"):
            raise RuntimeError("refused")
        return real(old, sighting, decision)

    monkeypatch.setattr(world.ledger, "claim", refuse)
    letters: Any = DeadLetters()
    with pytest.raises(ExceptionGroup, match="1 findings of event e1"):
        triage(message(asff(), {}, other), world.desk(), letters)
    assert len(world.started) == 1
    assert letters.letters == [], "the unreadable one goes there once, when the others are recorded"
