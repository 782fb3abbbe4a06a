"""Functions run and fail as on AWS."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.functional.local_aws.kit import Kit, eventually, zipped

LOGS = [("logs:CreateLogGroup", "*"), ("logs:CreateLogStream", "*"), ("logs:PutLogEvents", "*")]


def test_answers_and_keeps_its_interpreter(kit: Kit) -> None:
    name = kit.function(
        """
runs = 0
def handler(event, context):
    global runs
    runs += 1
    if event == "raise":
        raise ValueError("no")
    return {"runs": runs, "left": context.get_remaining_time_in_millis() > 1000}
"""
    )
    assert kit.invoke(name) == ({"runs": 1, "left": True}, None)
    kit.invoke(name, "raise")
    assert kit.invoke(name)[0]["runs"] == 3  # an exception does not end the environment


def test_exception_keeps_its_class(kit: Kit) -> None:
    name = kit.function("class Odd(Exception): pass\ndef handler(event, context): raise Odd('so')")
    answer, failure = kit.invoke(name)
    assert failure == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("Odd", "so")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import os\ndef handler(event, context): os._exit(1)", "Runtime.ExitError"),
        ("import absent", "Runtime.ImportModuleError"),
        ("def handler(", "Runtime.UserCodeSyntaxError"),
        ("def other(event, context): pass", "Runtime.HandlerNotFound"),
        ("def handler(event, context): return {1, 2}", "Runtime.MarshalError"),
        ("raise KeyError('x')", "KeyError"),
    ],
)
def test_other_failures_have_the_names_of_the_runtime(kit: Kit, code: str, kind: str) -> None:
    answer, failure = kit.invoke(kit.function(code))
    assert failure == "Unhandled"
    assert answer["errorType"] == kind


def test_timeout_ends_the_function(kit: Kit) -> None:
    name = kit.function("import time\ndef handler(event, context): time.sleep(event)", Timeout=1)
    answer, _ = kit.invoke(name, 5)
    assert answer["errorType"] == "Sandbox.Timedout"
    assert kit.invoke(name, 0) == (None, None)


def test_sees_layers_and_the_sdk_but_not_our_packages(kit: Kit) -> None:
    layer = kit.client("lambda").publish_layer_version(
        LayerName=kit.name("layer"), Content={"ZipFile": zipped({"python/helper.py": "value = 42"})}
    )
    code = """
import importlib.util, os, boto3, helper
def handler(event, context):
    found = {name: bool(importlib.util.find_spec(name)) for name in ("boto3", "ministack", "jinja2", "tests")}
    return {"helper": helper.value, "found": found, "region": os.environ["AWS_REGION"]}
"""
    answer, failure = kit.invoke(kit.function(code, layers=(layer["LayerVersionArn"],)))
    assert failure is None, answer
    assert answer["helper"] == 42
    assert answer["found"] == {"boto3": True, "ministack": False, "jinja2": False, "tests": False}
    assert answer["region"] == kit.aws.region


def test_many_calls_share_few_interpreters(kit: Kit) -> None:
    name = kit.function("import os, time\ndef handler(event, context): time.sleep(0.1); return os.getpid()")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: kit.invoke(name), range(12)))
    assert all(failure is None for _, failure in answers)
    assert len({pid for pid, _ in answers}) <= 4


def test_role_must_be_assumable_by_lambda(kit: Kit) -> None:
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        kit.client("lambda").create_function(
            FunctionName=kit.name("function"),
            Runtime="python3.13",
            Handler="main.handler",
            Role=kit.role("states.amazonaws.com"),
            Code={"ZipFile": zipped({"main.py": ""})},
        )


def test_role_stays_assumable_by_lambda(kit: Kit) -> None:
    name = kit.function("def handler(event, context): pass")
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        kit.client("lambda").update_function_configuration(FunctionName=name, Role=kit.role("states.amazonaws.com"))


def test_warm_call_is_fast(kit: Kit) -> None:
    name = kit.function("def handler(event, context): pass")
    seconds = []
    for _ in range(6):
        started = time.monotonic()
        kit.invoke(name)
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 0.04


def test_log_needs_its_permissions(kit: Kit) -> None:
    code = "def handler(event, context): print('said')"
    silent, logged = kit.function(code), kit.function(code, *LOGS)
    kit.invoke(silent)
    kit.invoke(logged)

    def lines() -> list[str]:
        events = kit.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{logged}")["events"]
        return [event["message"] for event in events]

    eventually(lines)
    assert lines()[1:-2] == ["said"]  # between START, END and REPORT
    groups = kit.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{silent}")["logGroups"]
    assert groups == []


class TestQueueAsSource:
    CODE = """
import json
def handler(event, context):
    failed = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": i} for i in failed]}
"""

    def mapped(self, kit: Kit, queue_arn: str, **options: object) -> str:
        actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
        name = kit.function(self.CODE, *((action, queue_arn) for action in actions), *LOGS, Timeout=5)
        kit.client("lambda").create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=queue_arn,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            **options,
        )
        return name

    def test_partial_failures_reach_the_dead_letter_queue(self, kit: Kit) -> None:
        dead_url, dead_arn = kit.queue()
        redrive = f'{{"deadLetterTargetArn":"{dead_arn}","maxReceiveCount":1}}'
        url, arn = kit.queue(VisibilityTimeout="5", RedrivePolicy=redrive)
        self.mapped(kit, arn)
        for body in ("good", "bad"):
            kit.client("sqs").send_message(QueueUrl=url, MessageBody=body)
        assert [message["Body"] for message in kit.received(dead_url, seconds=12)] == ["bad"]

    def test_message_is_taken_at_once(self, kit: Kit) -> None:
        url, arn = kit.queue()
        name = self.mapped(kit, arn)
        kit.invoke(name, {"Records": []})  # warm
        sent = time.time()
        kit.client("sqs").send_message(QueueUrl=url, MessageBody="good")
        eventually(lambda: kit.aws.calls("lambda", "Invoke")[1:])
        assert kit.aws.calls("lambda", "Invoke")[-1].at - sent < 0.5

    def test_role_may_read_the_queue(self, kit: Kit) -> None:
        _, arn = kit.queue()
        with pytest.raises(ClientError, match="does not have permissions to call ReceiveMessage on SQS"):
            kit.client("lambda").create_event_source_mapping(FunctionName=kit.function(self.CODE), EventSourceArn=arn)

    def test_visibility_covers_a_run(self, kit: Kit) -> None:
        _, arn = kit.queue(VisibilityTimeout="4")
        with pytest.raises(ClientError, match="less than Function timeout: 5 seconds"):
            self.mapped(kit, arn)

    def test_big_batches_need_a_window(self, kit: Kit) -> None:
        _, arn = kit.queue()
        with pytest.raises(ClientError, match="Maximum batch window"):
            self.mapped(kit, arn, BatchSize=100)
