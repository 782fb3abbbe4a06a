"""State machines fail, retry, stop and abort as on AWS."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.local_aws.kit import Kit, eventually

RAISE = "class Odd(Exception): pass\ndef handler(event, context):\n    raise Odd('so')"
ECHO = "def handler(event, context): return event"


def lambda_task(kit: Kit, function: str, **fields: Any) -> dict[str, Any]:
    arguments = {"FunctionName": kit.function_arn(function), "Payload": "{% $states.input %}"}
    end = {} if "Next" in fields else {"End": True}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments, **end, **fields}


def invoke_permission(kit: Kit, *functions: str) -> list[tuple[str, str]]:
    return [("lambda:InvokeFunction", kit.function_arn(function)) for function in functions]


def history(kit: Kit, execution: dict[str, Any]) -> list[str]:
    events = kit.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"])["events"]
    return [event["type"] for event in events]


def test_exception_class_reaches_retry_and_catch(kit: Kit) -> None:
    function = kit.function(RAISE)
    caught = {"ErrorEquals": ["Odd"], "Output": {"error": "{% $states.errorOutput.Error %}"}, "Next": "caught"}
    retry = {"ErrorEquals": ["Odd"], "IntervalSeconds": 1, "MaxAttempts": 2}
    states = {
        "send": lambda_task(kit, function, Retry=[retry], Catch=[caught], Next="caught"),
        "caught": {"Type": "Succeed"},
    }
    kit.aws.wait_scale(0)
    ended = kit.execute(kit.machine(states, *invoke_permission(kit, function)))
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"error": "Odd"})
    assert len(kit.aws.calls("lambda", "Invoke")) == 3


def test_states_all_does_not_catch_a_runtime_error(kit: Kit) -> None:
    caught = {"ErrorEquals": ["States.ALL"], "Next": "caught"}
    broken = {"Type": "Task", "Resource": "arn:aws:states:::nothing:here", "Catch": [caught], "End": True}
    ended = kit.execute(kit.machine({"broken": broken, "caught": {"Type": "Succeed"}}))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_missing_field_is_an_error_that_catch_sees(kit: Kit) -> None:
    function = kit.function(ECHO)
    caught = {"ErrorEquals": ["States.QueryEvaluationError"], "Next": "caught"}
    broken = lambda_task(kit, function, Catch=[caught])
    broken["Arguments"]["Payload"] = "{% $states.input.absent %}"
    ended = kit.execute(kit.machine({"broken": broken, "caught": {"Type": "Succeed"}}))
    assert ended["status"] == "SUCCEEDED"
    assert "EvaluationFailed" in history(kit, ended)


@pytest.mark.parametrize(
    ("retry", "least", "most"),
    [
        ({"BackoffRate": 2, "MaxDelaySeconds": 11}, 1.6, 2.6),  # 10 + 11 + 11 twentieths; without the cap 10 + 20 + 40
        ({"BackoffRate": 1, "JitterStrategy": "FULL"}, 0.0, 1.5),  # any part of 10 + 10 + 10 twentieths
    ],
)
def test_pauses_between_retries(kit: Kit, retry: dict[str, Any], least: float, most: float) -> None:
    function = kit.function(RAISE)
    retries = [{"ErrorEquals": ["Odd"], "IntervalSeconds": 10, "MaxAttempts": 3, **retry}]
    machine = kit.machine({"send": lambda_task(kit, function, Retry=retries)}, *invoke_permission(kit, function))
    kit.aws.wait_scale(0.05)
    assert kit.execute(machine)["error"] == "Odd"
    calls = kit.aws.calls("lambda", "Invoke")
    assert len(calls) == 4
    assert least < calls[-1].at - calls[0].at < most


def test_machine_times_out(kit: Kit) -> None:
    wait = {"wait": {"Type": "Wait", "Seconds": 3, "End": True}}
    ended = kit.execute(kit.machine(wait, top={"TimeoutSeconds": 1}))
    assert ended["status"] == "TIMED_OUT"


def test_timed_out_stays_timed_out(kit: Kit) -> None:
    function = kit.function("import time\ndef handler(event, context): time.sleep(1.5); raise ValueError")
    states = {"slow": lambda_task(kit, function)}
    machine = kit.machine(states, *invoke_permission(kit, function), top={"TimeoutSeconds": 1})
    ended = kit.execute(machine)
    eventually(lambda: kit.aws.calls("lambda", "Invoke"))
    time.sleep(0.1)
    described = kit.client("stepfunctions").describe_execution(executionArn=ended["executionArn"])
    assert described["status"] == "TIMED_OUT"


def test_task_time_out_may_be_an_expression(kit: Kit) -> None:
    function = kit.function("import time\ndef handler(event, context): time.sleep(3)")
    caught = {"ErrorEquals": ["States.Timeout"], "Next": "caught"}
    slow = lambda_task(kit, function, TimeoutSeconds="{% $states.input.seconds %}", Catch=[caught])
    machine = kit.machine({"slow": slow, "caught": {"Type": "Succeed"}}, *invoke_permission(kit, function))
    ended = kit.execute(machine, {"seconds": 1})
    assert ended["status"] == "SUCCEEDED"
    assert "TaskTimedOut" in history(kit, ended)
    assert kit.execute(machine, {})["error"] == "States.QueryEvaluationError"


def test_input_is_limited(kit: Kit) -> None:
    machine = kit.machine({"done": {"Type": "Succeed"}})
    with pytest.raises(ClientError, match="less than or equal to 262144"):
        kit.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps("x" * 262_143))
    with pytest.raises(ClientError, match="InvalidExecutionInput"):
        kit.client("stepfunctions").start_execution(stateMachineArn=machine, input="{")


def test_result_is_limited(kit: Kit) -> None:
    function = kit.function("def handler(event, context): return 'x' * 262_144")
    caught = {"ErrorEquals": ["States.ALL"], "Next": "caught"}
    states = {"big": lambda_task(kit, function, Catch=[caught]), "caught": {"Type": "Succeed"}}
    ended = kit.execute(kit.machine(states, *invoke_permission(kit, function)))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")


def test_start_is_idempotent_while_running(kit: Kit) -> None:
    states = kit.client("stepfunctions")
    machine = kit.machine({"wait": {"Type": "Wait", "Seconds": 1, "End": True}})
    asked = {"stateMachineArn": machine, "name": "once", "input": '{"a": 1}'}
    first = states.start_execution(**asked)
    again = states.start_execution(**asked)
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        states.start_execution(**{**asked, "input": "{}"})
    kit.ended(first["executionArn"])
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        states.start_execution(**asked)


def test_tracing_is_kept(kit: Kit) -> None:
    machine = kit.machine({"done": {"Type": "Succeed"}}, tracingConfiguration={"enabled": True})
    states = kit.client("stepfunctions")
    assert states.describe_state_machine(stateMachineArn=machine)["tracingConfiguration"] == {"enabled": True}
    states.update_state_machine(stateMachineArn=machine, tracingConfiguration={"enabled": False})
    assert states.describe_state_machine(stateMachineArn=machine)["tracingConfiguration"] == {"enabled": False}


def test_output_of_succeed_counts(kit: Kit) -> None:
    ended = kit.execute(
        kit.machine({"done": {"Type": "Succeed", "Output": {"said": "{% $states.input.a %}"}}}), {"a": 1}
    )
    assert json.loads(ended["output"]) == {"said": 1}


class TestIntegrationErrors:
    def get_item(self, table: str, **fields: Any) -> dict[str, Any]:
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:getItem",
            "Arguments": {"TableName": table, "Key": {"pk": {"S": "a"}}},
            "End": True,
            **fields,
        }

    def table_arn(self, kit: Kit, table: str) -> str:
        return f"arn:aws:dynamodb:{kit.scope}:table/{table}"

    def error_of(self, kit: Kit, state: dict[str, Any], *statements: tuple[str, str]) -> str:
        return str(kit.execute(kit.machine({"task": state}, *statements))["error"])

    def test_role_of_the_machine_is_asked(self, kit: Kit) -> None:
        table = kit.table()
        error = self.error_of(kit, self.get_item(table))
        assert error == "DynamoDB.AmazonDynamoDBException"
        assert self.error_of(kit, lambda_task(kit, kit.function(ECHO))) == "Lambda.AWSLambdaException"

    def test_role_with_the_permission_may(self, kit: Kit) -> None:
        table = kit.table()
        ended = kit.execute(
            kit.machine({"task": self.get_item(table)}, ("dynamodb:GetItem", self.table_arn(kit, table)))
        )
        assert ended["status"] == "SUCCEEDED"
        (call,) = kit.aws.calls("dynamodb", "GetItem")
        assert (call.resource, call.role.startswith("role-")) == (table, True)

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("ProvisionedThroughputExceededException", "DynamoDB.ProvisionedThroughputExceededException"),
            ("ThrottlingException", "DynamoDB.AmazonDynamoDBException"),
            ("InternalServerError", "DynamoDB.InternalServerErrorException"),
        ],
    )
    def test_dynamodb_names(self, kit: Kit, code: str, error: str) -> None:
        kit.aws.fail("dynamodb", "GetItem", code)
        assert self.error_of(kit, self.get_item(kit.table()), ("dynamodb:GetItem", "*")) == error

    def test_invalid_request(self, kit: Kit) -> None:
        state = self.get_item(kit.table(), Arguments={"TableName": "absent", "Key": {"other": {"S": "a"}}})
        error = self.error_of(kit, state, ("dynamodb:GetItem", "*"))
        assert error == "DynamoDB.ResourceNotFoundException"

    def test_topic_that_is_gone(self, kit: Kit) -> None:
        arn = f"arn:aws:sns:{kit.scope}:absent"
        arguments = {"TopicArn": arn, "Message": "x"}
        state = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Arguments": arguments, "End": True}
        assert self.error_of(kit, state, ("sns:Publish", arn)) == "SNS.NotFoundException"

    def test_throttled_function(self, kit: Kit) -> None:
        function = kit.function(ECHO)
        kit.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
        error = self.error_of(kit, lambda_task(kit, function), *invoke_permission(kit, function))
        assert error == "Lambda.TooManyRequestsException"


class TestMap:
    def mapped(self, kit: Kit, function: str, **fields: Any) -> dict[str, Any]:
        each = {
            "work": lambda_task(kit, function, Next="pause"),
            "pause": {"Type": "Wait", "Seconds": 2, "Next": "last"},
        }
        each["last"] = lambda_task(kit, function)
        processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "work", "States": each}
        return {"Type": "Map", "Items": "{% $states.input.items %}", "ItemProcessor": processor, "End": True, **fields}

    def test_failed_iteration_aborts_its_siblings(self, kit: Kit) -> None:
        function = kit.function(
            "import time\nclass Odd(Exception): pass\n"
            "def handler(event, context):\n    if event == 'bad': time.sleep(0.5); raise Odd\n    return event"
        )
        machine = kit.machine({"each": self.mapped(kit, function)}, *invoke_permission(kit, function))
        started = time.monotonic()
        ended = kit.execute(machine, {"items": ["good", "bad", "good"]})
        assert (ended["status"], ended["error"]) == ("FAILED", "Odd")
        assert time.monotonic() - started < 1.9  # the pause of the good ones was cut short
        kinds = history(kit, ended)
        assert kinds.count("MapIterationAborted") == 2
        assert kinds.count("MapIterationFailed") == 1

    def test_history_shows_the_states_inside(self, kit: Kit) -> None:
        function = kit.function(ECHO)
        machine = kit.machine({"each": self.mapped(kit, function)}, *invoke_permission(kit, function))
        kit.aws.wait_scale(0)
        kinds = history(kit, kit.execute(machine, {"items": [1]}))
        assert kinds.count("TaskStateEntered") == 2
        assert kinds.count("MapIterationSucceeded") == 1


def test_failed_branch_aborts_the_others(kit: Kit) -> None:
    wait = {"StartAt": "wait", "States": {"wait": {"Type": "Wait", "Seconds": 3, "End": True}}}
    fail = {"StartAt": "fail", "States": {"fail": {"Type": "Fail", "Error": "Odd"}}}
    started = time.monotonic()
    ended = kit.execute(kit.machine({"both": {"Type": "Parallel", "Branches": [wait, fail], "End": True}}))
    assert ended["error"] == "Odd"
    assert time.monotonic() - started < 2


def test_role_must_be_assumable_by_states(kit: Kit) -> None:
    with pytest.raises(ClientError, match="authorized to assume the provided role"):
        kit.machine({"done": {"Type": "Succeed"}}, role=kit.role("lambda.amazonaws.com"))


def test_logging_needs_its_permissions(kit: Kit) -> None:
    arn = f"arn:aws:logs:{kit.scope}:log-group:/aws/vendedlogs/states/x:*"
    logging = {"level": "ERROR", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]}
    with pytest.raises(ClientError, match="not authorized to access the Log Destination"):
        kit.machine({"done": {"Type": "Succeed"}}, loggingConfiguration=logging)
    kit.machine({"done": {"Type": "Succeed"}}, ("logs:*", "*"), loggingConfiguration=logging)


def test_end_of_an_execution_is_an_event(kit: Kit) -> None:
    machine = kit.machine({"no": {"Type": "Fail", "Error": "No"}})
    kit.execute(machine)

    def failed() -> bool:
        details = [event.envelope["detail"] for event in kit.aws.events()]
        return any(d.get("stateMachineArn") == machine and d["status"] == "FAILED" for d in details)

    assert eventually(failed)
