"""Faults, one at a time: one message per channel, plus at most one for each unknown outcome, and nothing is lost.

Leaves a table in build/faults/table.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import Installation, envelope_of, stamp
from tests.e2e.events import asff, imported
from tests.e2e.trial import Trial, write_table
from tocsin.alerts.channel_errors import READ_TIMEOUT_SECONDS
from tocsin.alerts.problem import PENDING, SENDING, SENT
from tocsin.clock import now_ms

ONCE = {"soc_mail": 1, "audit": 1, "soc_slack": 1}
SDK_TRIES = 3
"""How often a function's client makes a call before the function hears of the error."""

Inject = Callable[[Installation], None]


@dataclass(frozen=True)
class Fault:
    """`unknown` are the channels whose outcome nobody knows, `noticed` those that people hear of as failing.

    `meanwhile` happens after the delivery. What `inject` does ends by itself, or lasts until everything rests and
    `repair` ends it.
    """

    name: str
    inject: Inject
    unknown: tuple[str, ...] = ()
    noticed: tuple[str, ...] = ()
    meanwhile: Inject | None = None
    repair: Inject | None = None


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    rows: list[str] = []
    yield rows
    write_table(rows)


@pytest.fixture(autouse=True)
def _short_pauses(tocsin: Installation) -> Iterator[None]:
    tocsin.aws.wait_scale(0.01)
    yield
    tocsin.aws.heal()
    tocsin.aws.wait_scale(1)
    repair_webhook(tocsin)


def finding(name: str) -> dict[str, Any]:
    return imported(asff(name, stamp()))


def crash(function: str, service: str, operation: str, **options: Any) -> Inject:
    return lambda tocsin: tocsin.aws.crash(service, operation, role=tocsin.role(function), **options)


def refuse(function: str, service: str, operation: str, code: str, status: int = 400, **options: Any) -> Inject:
    return lambda tocsin: tocsin.aws.fail(service, operation, code, status, role=tocsin.role(function), **options)


def throttle(function: str, *operations: str, runs: int = 1, **options: Any) -> Inject:
    """DynamoDB refuses each of these calls until so many runs of the function have failed by it."""
    times = runs * SDK_TRIES
    return each(
        *(refuse(function, "dynamodb", name, "ThrottlingException", times=times, **options) for name in operations)
    )


def lose_answer(function: str, operation: str, **options: Any) -> Inject:
    return refuse(function, "dynamodb", operation, "InternalServerError", 500, after_effect=True, **options)


def invoke(function: str, error: str, **options: Any) -> Inject:
    """The state machine's call of a function ends in this error."""
    return lambda tocsin: tocsin.aws.fail(
        "lambda", "Invoke", error, resource=tocsin.watch.outputs["function_names"][function], **options
    )


def each(*faults: Inject) -> Inject:
    def inject(tocsin: Installation) -> None:
        for fault in faults:
            fault(tocsin)

    return inject


def stop_executions(tocsin: Installation, told: Mapping[str, int] | None = None) -> None:
    """Stop every execution, once so much was told."""
    tocsin.until(lambda: bool(tocsin.watch.executions("RUNNING")) and told in (None, tocsin.told()))
    for execution in tocsin.watch.executions("RUNNING"):
        tocsin.watch.client("stepfunctions").stop_execution(executionArn=execution["executionArn"])


def slack_answers(status: int, body: str = "", **options: Any) -> Inject:
    return lambda tocsin: tocsin.slack.answer_next(status, body, **options)


def secret(value: str) -> Inject:
    """What the secret of the webhook holds; the functions read it because Slack refuses the address they know."""

    def inject(tocsin: Installation) -> None:
        store_webhook(tocsin, value)
        tocsin.slack.answer_next(404, "no_team")

    return inject


def store_webhook(tocsin: Installation, value: str) -> None:
    channel = json.loads(tocsin.watch.outputs["settings"])["channels"]["soc_slack"]["slack"]
    tocsin.watch.client("secretsmanager").put_secret_value(SecretId=channel["webhook_secret_arn"], SecretString=value)


def repair_webhook(tocsin: Installation) -> None:
    store_webhook(tocsin, tocsin.slack.webhook_url())


START = ("stepfunctions", "StartExecution")
NOT_STARTED = refuse("triage", *START, "ThrottlingException", times=SDK_TRIES)

CRASHES = [
    Fault("triage dies before the claim", crash("triage", "dynamodb", "TransactWriteItems")),
    Fault(
        "triage dies between the claim and the start",
        crash("triage", "dynamodb", "TransactWriteItems", after_effect=True),
    ),
    Fault("triage dies after the start", crash("triage", *START, after_effect=True)),
    Fault(
        "tell dies before it reserves",
        crash("tell", "dynamodb", "UpdateItem", containing='"soc_mail"'),
        noticed=("soc_mail",),
    ),
    Fault(
        "tell dies between reserving and sending",
        crash("tell", "dynamodb", "UpdateItem", after_effect=True, containing='"soc_mail"'),
        noticed=("soc_mail",),
    ),
    Fault("tell dies before SES has the mail", crash("tell", "sesv2", "SendEmail"), noticed=("soc_mail",)),
    Fault(
        "tell dies after SES took the mail",
        crash("tell", "sesv2", "SendEmail", after_effect=True),
        unknown=("soc_mail",),
        noticed=("soc_mail",),
    ),
    Fault(
        "tell dies after SNS took the message",
        crash("tell", "sns", "Publish", after_effect=True),
        unknown=("audit",),
        noticed=("audit",),
    ),
    Fault(
        "tell dies after Slack took the post",
        invoke("tell", "Runtime.ExitError", after_effect=True, containing='"soc_slack"'),
        unknown=("soc_slack",),
        noticed=("soc_slack",),
    ),
    Fault(
        "tell ends too late, by Lambda's clock",
        invoke("tell", "Sandbox.Timedout", after_effect=True, containing='"audit"'),
        unknown=("audit",),
        noticed=("audit",),
    ),
    Fault(
        "tell ends too late, by the machine's clock",
        invoke("tell", "States.Timeout", after_effect=True, containing='"audit"'),
        unknown=("audit",),
        noticed=("audit",),
    ),
    Fault(
        "tell's answer is lost",
        invoke("tell", "ServiceException", after_effect=True, containing='"soc_mail"'),
        unknown=("soc_mail",),
    ),
    Fault("settle dies before its write", crash("settle", "dynamodb", "UpdateItem")),
    Fault("settle dies after its write", crash("settle", "dynamodb", "UpdateItem", after_effect=True)),
    Fault("settle dies before the outbox row goes", crash("settle", "dynamodb", "DeleteItem")),
    Fault("settle dies after the outbox row went", crash("settle", "dynamodb", "DeleteItem", after_effect=True)),
    Fault(
        "sweep dies between taking the attempt and the start",
        each(NOT_STARTED, crash("sweep", "dynamodb", "UpdateItem", after_effect=True)),
    ),
    Fault("sweep dies after the start", each(NOT_STARTED, crash("sweep", *START, after_effect=True))),
]

REFUSALS = [
    Fault("StartExecution is refused", NOT_STARTED),
    Fault(
        "StartExecution is refused to the sweeper, too",
        each(NOT_STARTED, refuse("sweep", *START, "ThrottlingException", times=SDK_TRIES)),
    ),
    Fault(
        "the machine cannot read the ledger",
        refuse("alert", "dynamodb", "GetItem", "ThrottlingException", times=9),
        noticed=("alert",),
    ),
    Fault(
        "the execution is stopped before it tells",
        lambda tocsin: tocsin.aws.slow("dynamodb", "GetItem", 0.5, role=tocsin.role("alert")),
        noticed=("alert",),
        meanwhile=lambda tocsin: stop_executions(tocsin),
    ),
    Fault(
        "the execution is stopped between telling and settling",
        lambda tocsin: tocsin.aws.slow(
            "lambda", "Invoke", 1, times=len(ONCE), resource=tocsin.watch.outputs["function_names"]["settle"]
        ),
        unknown=tuple(ONCE),
        noticed=("alert",),
        meanwhile=lambda tocsin: stop_executions(tocsin, told=ONCE),
    ),
    Fault("Lambda has no room for tell", invoke("tell", "TooManyRequestsException", times=6)),
    Fault("Lambda has no room for settle", invoke("settle", "TooManyRequestsException", times=6)),
    Fault("Lambda fails before tell runs", invoke("tell", "ServiceException", times=3)),
    Fault("DynamoDB throttles triage", throttle("triage", "UpdateItem", "TransactWriteItems")),
    Fault("DynamoDB throttles tell's read", throttle("tell", "GetItem", runs=len(ONCE))),
    Fault("DynamoDB throttles tell's reservation", throttle("tell", "UpdateItem", containing='"soc_mail"')),
    Fault("DynamoDB throttles settle", throttle("settle", "UpdateItem", "DeleteItem")),
    Fault(
        "DynamoDB throttles the sweeper",
        each(NOT_STARTED, throttle("sweep", "Query", "BatchGetItem", "UpdateItem")),
    ),
]

LOST_ANSWERS = [
    Fault("the claim's answer is lost", lose_answer("triage", "TransactWriteItems")),
    Fault("the reservation's answer is lost", lose_answer("tell", "UpdateItem")),
    Fault("settle's answer is lost", lose_answer("settle", "UpdateItem")),
    Fault("the sweeper's answer is lost", each(NOT_STARTED, lose_answer("sweep", "UpdateItem"))),
    Fault(
        "the queue does not hear that triage is done",
        lambda tocsin: tocsin.aws.fail(
            "lambda",
            "Invoke",
            "ServiceException",
            500,
            after_effect=True,
            resource=tocsin.watch.outputs["function_names"]["triage"],
        ),
    ),
]

CHANNEL_FAULTS = [
    Fault(
        "SES fails (500), and did not send",
        refuse("tell", "sesv2", "SendEmail", "InternalFailure", 500),
        noticed=("soc_mail",),
    ),
    Fault(
        "SES fails (500), and sent",
        refuse("tell", "sesv2", "SendEmail", "InternalFailure", 500, after_effect=True),
        unknown=("soc_mail",),
        noticed=("soc_mail",),
    ),
    Fault(
        "SNS fails (500), and sent",
        refuse("tell", "sns", "Publish", "InternalError", 500, after_effect=True),
        unknown=("audit",),
        noticed=("audit",),
    ),
    Fault(
        "the SES identity is not verified",
        lambda tocsin: tocsin.aws.unverify("example.com"),
        noticed=("soc_mail",),
        repair=lambda tocsin: tocsin.aws.heal(),
    ),
    Fault(
        "the topic is gone",
        lambda tocsin: tocsin.aws.remove_topic(tocsin.watch.outputs["topic_arns"]["audit"]),
        noticed=("audit",),
        repair=lambda tocsin: tocsin.aws.heal(),
    ),
    Fault("Slack knows no such webhook (404 no_team)", slack_answers(404, "no_team"), noticed=("soc_slack",)),
    Fault("Slack fails (500), and did not post", slack_answers(500), noticed=("soc_slack",)),
    Fault(
        "Slack fails (500), and posted",
        slack_answers(500, accepted=True),
        unknown=("soc_slack",),
        noticed=("soc_slack",),
    ),
    Fault(
        "Slack is down",
        lambda tocsin: tocsin.slack.down(),
        noticed=("soc_slack",),
        repair=lambda tocsin: tocsin.slack.up(),
    ),
    Fault(
        "the secret is missing",
        each(
            slack_answers(404, "no_team"),
            refuse("tell", "secretsmanager", "GetSecretValue", "ResourceNotFoundException"),
        ),
        noticed=("soc_slack",),
    ),
    Fault("the secret holds no URL", secret("xoxb-not-a-url"), noticed=("soc_slack",), repair=repair_webhook),
    Fault(
        "the secret holds another host",
        secret("https://hooks.example.com/services/T/B/x"),
        noticed=("soc_slack",),
        repair=repair_webhook,
    ),
]


@pytest.mark.parametrize(
    "fault", [*CRASHES, *REFUSALS, *LOST_ANSWERS, *CHANNEL_FAULTS], ids=lambda fault: fault.name.replace(" ", "-")
)
def test_one_message_per_channel_and_nothing_lost(tocsin: Installation, table: list[str], fault: Fault) -> None:
    trial = Trial(tocsin, "faulty")
    fault.inject(tocsin)
    trial.publish(finding("faulty"))
    if fault.meanwhile:
        fault.meanwhile(tocsin)
    if fault.unknown:
        trial.rest()
        held = {name for name, telling in trial.alert().ch.items() if telling.st == SENDING}
        assert held == set(fault.unknown), "what may have been sent is not tried again before its reservation lapses"
    if fault.repair:
        trial.rest()
        fault.repair(tocsin)
    trial.to_the_end()
    table.append(trial.row(fault.name))
    assert trial.lost() == []
    assert {name: telling.st for name, telling in trial.alert().ch.items()} == dict.fromkeys(ONCE, SENT)
    assert trial.messages() == ONCE | dict.fromkeys(fault.unknown, 2)
    assert tocsin.notices() == sorted(fault.noticed)


@pytest.mark.parametrize("same_event", [False, True], ids=["ten-events", "one-event-ten-times"])
def test_ten_deliveries_at_once_give_one_alert(tocsin: Installation, table: list[str], same_event: bool) -> None:
    trial = Trial(tocsin, "tenfold")
    event = finding("tenfold")
    envelopes = [envelope_of(event)] * 10 if same_event else [envelope_of(event) for _ in range(10)]
    # The first claim waits, so that it comes last.
    tocsin.aws.slow("dynamodb", "TransactWriteItems", 0.5)
    with ThreadPoolExecutor(len(envelopes)) as threads:
        list(threads.map(trial.deliver, envelopes))
    trial.to_the_end()
    table.append(trial.row("one event is delivered ten times at once" if same_event else "ten events come at once"))
    assert trial.lost() == []
    assert trial.messages() == ONCE
    decided = tocsin.watch.log("triage", "decided")
    assert len(decided) == 10
    assert {line["alert_id"] for line in decided if "alert_id" in line} == {trial.alert().alert_id}
    reasons = {"FIRST"} if same_event else {"FIRST", "REPEAT"}
    assert {line["reason"] for line in decided} == reasons


def test_a_channel_that_asks_to_wait_is_told_when_it_said_and_not_blamed(
    tocsin: Installation, table: list[str]
) -> None:
    trial = Trial(tocsin, "waiting")
    refuse("tell", "sesv2", "SendEmail", "TooManyRequestsException", 429)(tocsin)
    refuse("tell", "sns", "Publish", "Throttled", 429)(tocsin)
    tocsin.slack.rate_limit_next(120)
    begun = now_ms()
    trial.publish(finding("waiting"))
    trial.rest()
    asked_seconds = {"soc_mail": 5, "audit": 5, "soc_slack": 120}
    for name, telling in trial.alert().ch.items():
        assert (telling.st, telling.tries) == (PENDING, 0), "a wait that was asked for is no try that failed"
        assert telling.next is not None
        assert begun + asked_seconds[name] * 1000 <= telling.next <= now_ms() + asked_seconds[name] * 1100
    tocsin.run("sweep")
    trial.rest()
    assert trial.messages() == dict.fromkeys(ONCE, 0), "not before its time"
    trial.to_the_end()
    table.append(trial.row("SES and SNS throttle, Slack says 429 with Retry-After 120"))
    assert trial.lost() == []
    assert trial.messages() == ONCE
    assert tocsin.notices() == []


def test_the_sweeper_alone_brings_everything_to_its_end(tocsin: Installation, table: list[str]) -> None:
    """Nothing is started by triage, and what the sweeper starts first is stopped."""
    trials = [Trial(tocsin, f"alone-{letter}") for letter in "abc"]
    refuse("triage", *START, "ThrottlingException", times=len(trials) * SDK_TRIES)(tocsin)
    for trial in trials:
        trial.publish(finding(trial.finding))
    trials[0].rest()
    assert not tocsin.watch.executions()
    tocsin.aws.slow("dynamodb", "GetItem", 1, times=len(trials), role=tocsin.role("alert"))
    trials[0].let_time_pass(trials[0].waiting())
    trials[0].sweeps += 1
    tocsin.run("sweep")
    stop_executions(tocsin)
    trials[0].to_the_end()  # and the others'
    table.append(trials[0].row("nothing is started but by the sweeper, and first stopped again"))
    for trial in trials:
        assert trial.lost() == []
        assert trial.messages() == ONCE
        assert trial.alert().attempt == 3
    assert tocsin.notices() == ["alert"] * len(trials)


def test_time_outs(tocsin: Installation, table: list[str]) -> None:
    """Two findings at once, because time-outs are real time: what was accepted is told twice, what was not once."""
    seconds = READ_TIMEOUT_SECONDS + 1
    one, other = Trial(tocsin, "timely"), Trial(tocsin, "tardy")
    tocsin.slack.time_out_next(seconds, accepted=True)
    tocsin.slack.time_out_next(seconds)
    lost: dict[str, Any] = {"status": 500, "delay_seconds": seconds, "containing": one.finding}
    refuse("tell", "sesv2", "SendEmail", "InternalFailure", after_effect=True, **lost)(tocsin)
    refuse("tell", "sns", "Publish", "InternalError", **lost)(tocsin)
    for trial in (one, other):
        trial.publish(finding(trial.finding))
    one.to_the_end()  # and the other's
    other.sweeps, other.waited_seconds = one.sweeps, one.waited_seconds
    told = one.messages(), other.messages()
    table.append(one.row("SES times out and sent, SNS times out and did not, Slack times out"))
    table.append(other.row("Slack times out"))
    assert one.lost() + other.lost() == []
    assert {**told[0], "soc_slack": 0} == {"soc_mail": 2, "audit": 1, "soc_slack": 0}
    assert {**told[1], "soc_slack": 0} == {"soc_mail": 1, "audit": 1, "soc_slack": 0}
    assert sorted(messages["soc_slack"] for messages in told) == [1, 2]
    assert tocsin.notices() == sorted(ONCE)
