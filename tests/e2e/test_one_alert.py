"""One problem, one alert: from EventBridge to the channels and back into silence."""

from __future__ import annotations

from datetime import timedelta

from tests.demo.watch import End
from tests.deployment import local_variables
from tests.e2e.conftest import Installation, stamp
from tests.e2e.events import asff, control, imported, native

EVERYWHERE = {"soc_mail": 1, "audit": 1, "soc_slack": 1}


def only(ends: dict[str, End]) -> End:
    (end,) = ends.values()
    return end


def times(number: int) -> dict[str, int]:
    return {channel: number * count for channel, count in EVERYWHERE.items()}


def test_a_first_alert_reaches_every_channel_once(tocsin: Installation) -> None:
    end = only(tocsin.publish(imported(asff("first", stamp()))))
    assert (end.decision, end.reason) == ("ALERT", "FIRST")
    assert tocsin.told() == EVERYWHERE
    assert tocsin.watch.tellings([end])[end.alert_id] == {"soc_mail": "SENT", "audit": "SENT", "soc_slack": "SENT"}
    assert tocsin.watch.ledger()[1] == set(), "the outbox is empty"
    (mail,) = tocsin.aws.mails()
    assert mail.to == ("soc@example.com",)
    for part in (mail.subject, mail.text, mail.html):
        assert "HIGH" in part


def test_the_same_problem_over_another_feed_and_standard_stays_silent(tocsin: Installation) -> None:
    assert only(tocsin.publish(imported(asff("feeds", stamp())))).decision == "ALERT"
    assert only(tocsin.publish(native("feeds", stamp(1)))).reason == "REPEAT"
    assert only(tocsin.publish(imported(control("one", stamp())))).decision == "ALERT"
    assert only(tocsin.publish(imported(control("two", stamp(1))))).reason == "REPEAT"
    assert tocsin.told() == times(2)


def test_a_repeat_costs_one_write_of_one_unit_and_no_state_transition(tocsin: Installation) -> None:
    tocsin.publish(imported(asff("repeat", stamp())))
    executions = len(tocsin.watch.executions())
    tocsin.aws.clear_journals()
    assert only(tocsin.publish(imported(asff("repeat", stamp(1))))).reason == "REPEAT"
    role = tocsin.watch.outputs["role_arns"]["triage"].rsplit("/", 1)[-1]
    writes = [call for call in tocsin.aws.calls("dynamodb") if call.role == role and call.operation != "GetItem"]
    assert [(call.operation, call.write_units) for call in writes] == [("UpdateItem", 1.0)]
    assert len(tocsin.watch.executions()) == executions
    assert not tocsin.aws.mails()


def test_when_the_window_is_over_one_reminder_is_told(tocsin: Installation) -> None:
    first = only(tocsin.publish(imported(asff("window", stamp()))))
    tocsin.let_time_pass(first.key, timedelta(days=7, seconds=1))
    assert only(tocsin.publish(imported(asff("window", stamp(1))))).reason == "REMINDER"
    assert only(tocsin.publish(imported(asff("window", stamp(2))))).reason == "REPEAT"
    assert tocsin.told() == times(2)


def test_a_rise_of_severity_is_told_inside_the_window(tocsin: Installation) -> None:
    tocsin.publish(imported(asff("rise", stamp())))
    assert only(tocsin.publish(imported(asff("rise", stamp(1), label="CRITICAL")))).reason == "SEVERITY_UP"
    assert tocsin.told() == times(2)
    assert tocsin.aws.mails()[-1].subject.startswith("[CRITICAL]")


def test_a_closing_is_recorded_and_a_return_is_reopened(tocsin: Installation) -> None:
    first = only(tocsin.publish(imported(asff("return", stamp()))))
    closing = asff("return", stamp(1), Workflow={"Status": "RESOLVED"})
    assert only(tocsin.publish(imported(closing))).reason == "CLOSED"
    assert tocsin.problem(first.key).state == "CLOSED"
    assert only(tocsin.publish(imported(asff("return", stamp(2))))).reason == "REOPENED"
    assert tocsin.told() == times(2)


def test_what_closes_gets_in_whatever_its_severity(tocsin: Installation) -> None:
    tocsin.publish(imported(control("one", stamp())))
    assert only(tocsin.publish(imported(control("one", stamp(1), status="PASSED")))).reason == "CLOSED"


def test_what_is_not_severe_enough_costs_nothing(tocsin: Installation) -> None:
    tocsin.aws.clear_journals()
    assert only(tocsin.publish(imported(asff("low", stamp(), label="MEDIUM")))).reason == "FILTERED"
    assert only(tocsin.publish(native("low", stamp(), severity=6.9))).reason == "FILTERED"
    assert not tocsin.aws.calls("sqs", "SendMessage")


def test_slack_down_leaves_mail_and_sns_alone_and_is_told_once_it_is_back(tocsin: Installation) -> None:
    tocsin.slack.down()
    end = only(tocsin.publish(imported(asff("slack", stamp()))))
    assert tocsin.told() == {"soc_mail": 1, "audit": 1, "soc_slack": 0}
    assert tocsin.problem(end.key).untold == ("soc_slack",)
    tocsin.sweep()
    alarms = tocsin.watch.outputs["alarm_topic_arn"]
    tocsin.until(lambda: any(message.topic_arn == alarms for message in tocsin.aws.sns_messages()))
    tocsin.slack.up()
    tocsin.let_time_pass(end.key, timedelta(minutes=10))
    tocsin.sweep()
    tocsin.until(lambda: tocsin.watch.ledger()[1] == set())
    assert tocsin.told() == EVERYWHERE
    notices = [message for message in tocsin.aws.sns_messages() if message.topic_arn == alarms]
    assert [notice.subject for notice in notices] == ["tocsin: channel soc_slack fails"], "once"


def test_poison_is_put_aside_and_the_good_beside_it_is_told(tocsin: Installation) -> None:
    bad = asff("bad", stamp())
    del bad["Id"]
    ends = tocsin.publish(imported(bad, asff("good", stamp())))
    assert ends[asff("good", stamp())["Id"]].decision == "ALERT"
    assert (ends["#0"].decision, ends["#0"].reason) == ("DEAD_LETTER", "finding 0: Id is missing")
    assert tocsin.told() == EVERYWHERE


def test_a_custom_action_is_told_although_it_was_told_before(tocsin: Installation) -> None:
    finding = asff("asked", stamp())
    tocsin.publish(imported(finding))
    asked = imported(finding, detail_type="Security Hub Findings - Custom Action")
    assert only(tocsin.publish(asked)).reason == "REQUESTED"
    assert tocsin.told() == times(2)


def test_the_alarms_watch_the_metrics_as_they_are_written(tocsin: Installation) -> None:
    """CloudWatch does not sum over dimensions: one more in the log, and the alarm never hears."""
    tocsin.sweep()
    tocsin.until(lambda: tocsin.metric("sweep", "OutboxAgeSeconds") is not None)
    written = tocsin.metric("sweep", "OutboxAgeSeconds") or {}
    alarms = tocsin.watch.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (alarm,) = (alarm for alarm in alarms if alarm.get("MetricName") == "OutboxAgeSeconds")
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == (alarm["Namespace"], [["name"]])
    assert alarm["Dimensions"] == [{"Name": "name", "Value": written["name"]}]


def test_a_second_plan_is_empty(tocsin: Installation) -> None:
    assert tocsin.terraform.plan_is_empty(*local_variables(tocsin.aws))
