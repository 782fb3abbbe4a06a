"""Events reach their targets, or the targets' dead-letter queues."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.local_aws.kit import Kit, eventually
from tests.local_aws import LocalAwsError

EVENT = {"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {"severity": 8}}


def rule(kit: Kit, target_arn: str, **target: Any) -> str:
    """The ARN of a new rule that matches the tests' events of its own detail-type."""
    name = kit.name("rule")
    events = kit.client("events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps({"detail-type": [name]}))["RuleArn"]
    answer = events.put_targets(Rule=name, Targets=[{"Id": "one", "Arn": target_arn, **target}])
    assert answer["FailedEntryCount"] == 0
    return str(arn)


def send(kit: Kit, rule_arn: str, **fields: Any) -> str:
    return kit.aws.publish({**EVENT, "detail-type": rule_arn.rpartition("/")[2], **fields})


def allow(kit: Kit, queue_url: str, queue_arn: str, rule_arn: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    kit.client("sqs").set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})


def test_client_may_not_send_as_a_service(kit: Kit) -> None:
    entry = {"Source": "aws.guardduty", "DetailType": "x", "Detail": "{}"}
    answer = kit.client("events").put_events(Entries=[entry])
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
    assert kit.aws.events() == []


def test_service_event_arrives_as_it_was(kit: Kit) -> None:
    url, arn = kit.queue()
    rule_arn = rule(kit, arn)
    allow(kit, url, arn, rule_arn)
    given = {"id": "6f1", "time": "2026-01-02T03:04:05Z", "account": "444455556666", "region": "us-east-1"}
    assert send(kit, rule_arn, **given) == "6f1"
    assert send(kit, rule_arn, **given) == "6f1"
    bodies: list[dict[str, Any]] = []
    while len(bodies) < 2:
        bodies += [json.loads(message["Body"]) for message in kit.received(url)]
    assert bodies[0] == bodies[1]
    assert {key: bodies[0][key] for key in given} == given
    assert bodies[0]["detail"] == {"severity": 8}


def test_journal_names_the_rules_that_matched(kit: Kit) -> None:
    _, arn = kit.queue()
    rule_arn = rule(kit, arn)
    event_id = send(kit, rule_arn)
    kit.aws.publish(EVENT)
    heard, unheard = kit.aws.events()
    assert (heard.id, heard.rules, heard.bus) == (event_id, (rule_arn.rpartition("/")[2],), "default")
    assert unheard.rules == ()


def test_own_bus(kit: Kit) -> None:
    name = kit.name("bus")
    kit.client("events").create_event_bus(Name=name)
    kit.aws.publish(EVENT, bus=name)
    assert [event.bus for event in kit.aws.events()] == [name]
    with pytest.raises(LocalAwsError, match="no event bus 'absent'"):
        kit.aws.publish(EVENT, bus="absent")


def test_long_pattern_is_refused(kit: Kit) -> None:
    pattern = json.dumps({"account": [f"{number:012}" for number in range(200)]})
    with pytest.raises(ClientError, match="longer than 2048 characters"):
        kit.client("events").put_rule(Name=kit.name("rule"), EventPattern=pattern)


class TestUnreachable:
    def dead_letter(self, kit: Kit, target_arn: str, **target: Any) -> dict[str, Any]:
        """The attributes of what a target that cannot be reached leaves in its dead-letter queue, and the body."""
        url, arn = kit.queue()
        rule_arn = rule(kit, target_arn, DeadLetterConfig={"Arn": arn}, **target)
        allow(kit, url, arn, rule_arn)
        event_id = send(kit, rule_arn)
        (message,) = kit.received(url)
        assert json.loads(message["Body"])["id"] == event_id
        attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        assert attributes["RULE_ARN"] == rule_arn
        assert attributes["TARGET_ARN"] == target_arn
        return attributes

    def test_queue_without_permission(self, kit: Kit) -> None:
        attributes = self.dead_letter(kit, kit.queue()[1])
        assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == ("NO_PERMISSIONS", "0")

    def test_queue_that_is_gone(self, kit: Kit) -> None:
        assert self.dead_letter(kit, f"arn:aws:sqs:{kit.scope}:absent")["ERROR_CODE"] == "NO_RESOURCE"

    def test_function_without_permission(self, kit: Kit) -> None:
        function = kit.function("def handler(event, context): pass")
        assert self.dead_letter(kit, kit.function_arn(function))["ERROR_CODE"] == "NO_PERMISSIONS"

    def test_machine_whose_role_may_not_start_it(self, kit: Kit) -> None:
        machine = kit.machine({"done": {"Type": "Succeed"}})
        attributes = self.dead_letter(kit, machine, RoleArn=kit.role("events.amazonaws.com"))
        assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"

    def test_retries_are_counted(self, kit: Kit) -> None:
        _, arn = kit.queue()
        kit.aws.fail("events", "InvokeTarget", "INTERNAL_ERROR", times=9, resource=arn)
        attributes = self.dead_letter(kit, arn, RetryPolicy={"MaximumRetryAttempts": 2})
        assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == ("INTERNAL_ERROR", "2")
        assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"

    def test_retry_succeeds(self, kit: Kit) -> None:
        url, arn = kit.queue()
        rule_arn = rule(kit, arn)
        allow(kit, url, arn, rule_arn)
        kit.aws.fail("events", "InvokeTarget", "INTERNAL_ERROR", times=2, resource=arn)
        send(kit, rule_arn)
        assert len(kit.received(url)) == 1


def test_queue_to_function_is_fast(kit: Kit) -> None:
    url, arn = kit.queue()
    rule_arn = rule(kit, arn)
    allow(kit, url, arn, rule_arn)
    actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    function = kit.function("def handler(event, context): pass", *((action, arn) for action in actions))
    kit.client("lambda").create_event_source_mapping(FunctionName=function, EventSourceArn=arn)
    kit.invoke(function)
    started = time.time()
    send(kit, rule_arn)
    eventually(lambda: kit.aws.calls("lambda", "Invoke")[1:])
    assert kit.aws.calls("lambda", "Invoke")[-1].at - started < 0.5


class TestSchedule:
    def schedule(self, kit: Kit, target_arn: str, role: str, **options: Any) -> str:
        name = kit.name("schedule")
        target = {"Arn": target_arn, "RoleArn": role, "Input": '{"from": "schedule"}', **options.pop("target", {})}
        kit.client("scheduler").create_schedule(
            Name=name,
            ScheduleExpression="rate(1 hours)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
            **options,
        )
        return name

    def test_fires_on_demand(self, kit: Kit) -> None:
        url, arn = kit.queue()
        name = self.schedule(kit, arn, kit.role("scheduler.amazonaws.com", ("sqs:SendMessage", arn)))
        kit.aws.fire(name)
        assert [message["Body"] for message in kit.received(url)] == ['{"from": "schedule"}']

    def test_failing_function_is_tried_again(self, kit: Kit) -> None:
        code = "import boto3\ndef handler(event, context): boto3.client('sqs').get_queue_url(QueueName='absent')"
        function = kit.function(code)
        arn = kit.function_arn(function)
        kit.aws.fire(self.schedule(kit, arn, kit.role("scheduler.amazonaws.com", ("lambda:InvokeFunction", arn))))
        assert eventually(lambda: kit.aws.calls("sqs", "GetQueueUrl")[1:])
        assert [call.resource for call in kit.aws.calls("lambda", "Invoke")] == [function]

    def test_role_without_permission(self, kit: Kit) -> None:
        _, arn = kit.queue()
        dead_url, dead_arn = kit.queue()
        role = kit.role("scheduler.amazonaws.com", ("sqs:SendMessage", dead_arn))
        kit.aws.fire(self.schedule(kit, arn, role, target={"DeadLetterConfig": {"Arn": dead_arn}}))
        (message,) = kit.received(dead_url)
        assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
        assert message["Body"] == '{"from": "schedule"}'

    def test_role_must_be_assumable(self, kit: Kit) -> None:
        with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
            self.schedule(kit, kit.queue()[1], kit.role("events.amazonaws.com"))

    def test_role_stays_assumable(self, kit: Kit) -> None:
        _, arn = kit.queue()
        name = self.schedule(kit, arn, kit.role("scheduler.amazonaws.com"))
        with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
            kit.client("scheduler").update_schedule(
                Name=name,
                ScheduleExpression="rate(1 hours)",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": arn, "RoleArn": kit.role("events.amazonaws.com")},
            )

    def test_disabled_or_absent_does_not_fire(self, kit: Kit) -> None:
        name = self.schedule(kit, kit.queue()[1], kit.role("scheduler.amazonaws.com"), State="DISABLED")
        with pytest.raises(LocalAwsError, match="is DISABLED"):
            kit.aws.fire(name)
        with pytest.raises(LocalAwsError, match="no schedule 'absent'"):
            kit.aws.fire("absent")
