"""Faults on demand, the journal of calls, and the permissions of functions."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.functional.local_aws.kit import Kit, eventually

PUT = """
import boto3, os
def handler(event, context):
    boto3.client("dynamodb").put_item(TableName=event["table"], Item={"pk": {"S": "a"}})
    return "put"
"""


def test_fails_as_often_as_asked(kit: Kit) -> None:
    table, dynamodb = kit.table(), kit.client("dynamodb")
    kit.aws.fail("dynamodb", "PutItem", "ProvisionedThroughputExceededException", times=2)
    for _ in range(2):
        with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException):
            dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}})
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"pk": {"S": "a"}})
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}})


def test_lost_answer_leaves_the_effect(kit: Kit) -> None:
    table, dynamodb = kit.table(), kit.client("dynamodb")
    kit.aws.fail("dynamodb", "PutItem", "InternalServerError", 500, after_effect=True)
    with pytest.raises(ClientError, match="InternalServerError"):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}})
    assert "Item" in dynamodb.get_item(TableName=table, Key={"pk": {"S": "a"}})


def test_resource_and_role_narrow_a_fault(kit: Kit) -> None:
    one, other, dynamodb = kit.table(), kit.table(), kit.client("dynamodb")
    kit.aws.fail("dynamodb", "PutItem", "ThrottlingException", resource=one)
    kit.aws.fail("dynamodb", "PutItem", "ThrottlingException", role="nobody")
    dynamodb.put_item(TableName=other, Item={"pk": {"S": "a"}})
    with pytest.raises(ClientError, match="ThrottlingException"):
        dynamodb.put_item(TableName=one, Item={"pk": {"S": "a"}})
    kit.aws.heal()
    dynamodb.put_item(TableName=one, Item={"pk": {"S": "a"}})


@pytest.mark.parametrize(
    ("service", "operation", "call", "code"),
    [
        ("sns", "ListTopics", lambda kit: kit.client("sns").list_topics(), "Throttled"),
        ("sesv2", "GetAccount", lambda kit: kit.client("sesv2").get_account(), "TooManyRequestsException"),
        ("sqs", "ListQueues", lambda kit: kit.client("sqs").list_queues(), "RequestThrottled"),
        ("stepfunctions", "ListActivities", lambda kit: kit.client("stepfunctions").list_activities(), "Throttling"),
        ("lambda", "ListFunctions", lambda kit: kit.client("lambda").list_functions(), "TooManyRequestsException"),
        (
            "secretsmanager",
            "ListSecrets",
            lambda kit: kit.client("secretsmanager").list_secrets(),
            "InternalServiceError",
        ),
        ("scheduler", "ListSchedules", lambda kit: kit.client("scheduler").list_schedules(), "ThrottlingException"),
        ("securityhub", "DescribeHub", lambda kit: kit.client("securityhub").describe_hub(), "LimitExceededException"),
    ],
)
def test_every_protocol(kit: Kit, service: str, operation: str, call: object, code: str) -> None:
    assert callable(call)
    kit.aws.fail(service, operation, code)
    with pytest.raises(ClientError) as raised:
        call(kit)
    assert raised.value.response["Error"]["Code"] == code
    assert kit.aws.calls(service, operation)[0].error == code


def test_function_dies_at_a_call(kit: Kit) -> None:
    table = kit.table()
    name = kit.function(PUT, ("dynamodb:PutItem", f"arn:aws:dynamodb:{kit.scope}:table/{table}"))
    kit.aws.crash("dynamodb", "PutItem", after_effect=True, resource=table)
    answer, _ = kit.invoke(name, {"table": table})
    assert answer["errorType"] == "Runtime.ExitError"
    assert "Item" in kit.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "a"}})
    assert kit.invoke(name, {"table": table}) == ("put", None)


def test_lost_acknowledgement_of_a_batch(kit: Kit) -> None:
    url, arn = kit.queue(VisibilityTimeout="600")
    actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    name = kit.function("def handler(event, context): pass", *((action, arn) for action in actions))
    kit.client("lambda").create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
    kit.aws.fail("lambda", "Invoke", "ServiceException", 500, after_effect=True, resource=name)
    kit.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    assert eventually(lambda: kit.aws.calls("lambda", "Invoke"))[0].error == "ServiceException"
    assert kit.aws.release_messages(url) == 1
    assert eventually(lambda: kit.aws.calls("lambda", "Invoke")[1:])[0].error is None


def test_delay_comes_before_the_error(kit: Kit) -> None:
    kit.aws.fail("sqs", "ListQueues", "RequestThrottled", delay_seconds=0.3)
    started = time.monotonic()
    with pytest.raises(ClientError):
        kit.client("sqs").list_queues()
    assert time.monotonic() - started > 0.3


def test_content_narrows_a_fault(kit: Kit) -> None:
    table, dynamodb = kit.table(), kit.client("dynamodb")
    kit.aws.fail("dynamodb", "PutItem", "ThrottlingException", containing='"b"')
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}})
    with pytest.raises(ClientError, match="ThrottlingException"):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "b"}})


def test_content_narrows_a_fault_of_a_machine(kit: Kit) -> None:
    name = kit.function("def handler(event, context): return event")
    kit.aws.fail("lambda", "Invoke", "Runtime.ExitError", containing='"two"')
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    machine = kit.machine(
        {"call": {**task, "Arguments": {"FunctionName": name, "Payload": "{% $states.input %}"}}},
        ("lambda:InvokeFunction", kit.function_arn(name)),
    )
    assert kit.execute(machine, {"say": "one"})["status"] == "SUCCEEDED"
    assert kit.execute(machine, {"say": "two"})["error"] == "Runtime.ExitError"


def test_slow_call_is_overtaken_and_done(kit: Kit) -> None:
    table, dynamodb = kit.table(), kit.client("dynamodb")
    kit.aws.slow("dynamodb", "PutItem", 0.5, containing="slow")
    with ThreadPoolExecutor() as threads:
        first = threads.submit(dynamodb.put_item, TableName=table, Item={"pk": {"S": "a"}, "n": {"S": "slow"}})
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"S": "quick"}})
        first.result()
    assert dynamodb.get_item(TableName=table, Key={"pk": {"S": "a"}})["Item"]["n"]["S"] == "slow"


def test_identity_is_unverified_until_healed(kit: Kit) -> None:
    ses = kit.client("sesv2")
    ses.create_email_identity(EmailIdentity="lapsed.example")
    message = {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}}
    asked = {"Destination": {"ToAddresses": ["a@example.org"]}, "Content": message}
    kit.aws.unverify("lapsed.example")
    with pytest.raises(ses.exceptions.MessageRejected, match=r"Email address is not verified\..*x@lapsed\.example"):
        ses.send_email(FromEmailAddress="x@lapsed.example", **asked)
    kit.aws.heal()
    ses.send_email(FromEmailAddress="x@lapsed.example", **asked)


def test_topic_is_gone_until_healed(kit: Kit) -> None:
    sns = kit.client("sns")
    one, other = (sns.create_topic(Name=kit.name("topic"))["TopicArn"] for _ in range(2))
    kit.aws.remove_topic(one)
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=one, Message="x")
    sns.publish(TopicArn=other, Message="x")
    kit.aws.heal()
    sns.publish(TopicArn=one, Message="x")


def test_idle_once_functions_executions_and_queues_are_through(kit: Kit) -> None:
    url, arn = kit.queue(VisibilityTimeout="600")
    actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    name = kit.function("def handler(event, context): 1 / 0", *((action, arn) for action in actions))
    kit.client("lambda").create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
    kit.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    assert not kit.aws.idle()
    eventually(kit.aws.idle)
    assert kit.aws.release_messages(url) == 1, "the run failed, and its message waits to become visible"
    assert not kit.aws.idle()
    eventually(kit.aws.idle)
    machine = kit.machine({"wait": {"Type": "Wait", "Seconds": 1, "End": True}})
    kit.client("stepfunctions").start_execution(stateMachineArn=machine)
    assert not kit.aws.idle()
    eventually(kit.aws.idle)


class TestPermissions:
    def test_function_without_the_permission(self, kit: Kit) -> None:
        table = kit.table()
        answer, _ = kit.invoke(kit.function(PUT), {"table": table})
        assert "AccessDeniedException" in answer["errorMessage"]
        (call,) = kit.aws.calls("dynamodb", "PutItem")
        assert (call.resource, call.error) == (table, "AccessDeniedException")
        assert call.role.startswith("role-")

    def test_permission_on_another_table(self, kit: Kit) -> None:
        one, other = kit.table(), kit.table()
        name = kit.function(PUT, ("dynamodb:PutItem", f"arn:aws:dynamodb:{kit.scope}:table/{other}"))
        assert "AccessDeniedException" in kit.invoke(name, {"table": one})[0]["errorMessage"]
        assert kit.invoke(name, {"table": other}) == ("put", None)

    def test_mail_needs_identity_and_configuration_set(self, kit: Kit) -> None:
        code = """
import boto3
def handler(event, context):
    message = {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}}
    boto3.client("sesv2").send_email(FromEmailAddress="x@own.example", Destination={"ToAddresses": ["a@example.org"]},
                                     Content=message, ConfigurationSetName=event)
"""
        ses, scope = kit.client("sesv2"), f"arn:aws:ses:{kit.scope}"
        ses.create_email_identity(EmailIdentity="own.example")
        for name in ("first", "second"):
            ses.create_configuration_set(ConfigurationSetName=name)
        name = kit.function(
            code,
            ("ses:SendEmail", f"{scope}:identity/own.example"),
            ("ses:SendEmail", f"{scope}:configuration-set/first"),
        )
        assert kit.invoke(name, "first") == (None, None)
        assert "configuration-set/second" in kit.invoke(name, "second")[0]["errorMessage"]
        assert "AccessDenied" in kit.invoke(kit.function(code), "first")[0]["errorMessage"]
        # without one of its own, a message takes the identity's
        ses.put_email_identity_configuration_set_attributes(EmailIdentity="own.example", ConfigurationSetName="second")
        sends_without = kit.function(
            code.replace(", ConfigurationSetName=event", ""), ("ses:SendEmail", f"{scope}:identity/own.example")
        )
        assert "configuration-set/second" in kit.invoke(sends_without)[0]["errorMessage"]

    def test_mail_from_the_sender_that_the_policy_pins(self, kit: Kit) -> None:
        code = """
import boto3
def handler(event, context):
    message = {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}}
    boto3.client("sesv2").send_email(FromEmailAddress=event, Destination={"ToAddresses": ["a@example.org"]},
                                     Content=message)
"""
        kit.client("sesv2").create_email_identity(EmailIdentity="pinned.example")
        name = kit.function(code)
        role = kit.client("lambda").get_function_configuration(FunctionName=name)["Role"].rsplit("/", 1)[-1]
        statement = {
            "Effect": "Allow",
            "Action": "ses:SendEmail",
            "Resource": f"arn:aws:ses:{kit.scope}:identity/*",
            "Condition": {"StringEquals": {"ses:FromAddress": ["tocsin@pinned.example"]}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        kit.client("iam").put_role_policy(RoleName=role, PolicyName="pinned", PolicyDocument=policy)
        assert kit.invoke(name, "tocsin@pinned.example") == (None, None)
        assert kit.invoke(name, "Tocsin <tocsin@pinned.example>") == (None, None)
        for other in ("ceo@pinned.example", "Tocsin@pinned.example"):
            assert "identity/pinned.example" in kit.invoke(name, other)[0]["errorMessage"]

    def test_secret_and_machine_by_exact_arn(self, kit: Kit) -> None:
        code = """
import boto3
def handler(event, context):
    boto3.client("stepfunctions").start_execution(stateMachineArn=event["machine"])
    return boto3.client("secretsmanager").get_secret_value(SecretId=event["secret"])["SecretString"]
"""
        secret = kit.client("secretsmanager").create_secret(Name=kit.name("secret"), SecretString="s")["ARN"]
        machine = kit.machine({"done": {"Type": "Succeed"}})
        event = {"secret": secret, "machine": machine}
        name = kit.function(code, ("secretsmanager:GetSecretValue", secret), ("states:StartExecution", machine))
        assert kit.invoke(name, event) == ("s", None)
        denied = kit.invoke(kit.function(code, ("states:StartExecution", machine)), event)[0]
        assert "secretsmanager:GetSecretValue" in denied["errorMessage"]


class TestWriteUnits:
    def units(self, kit: Kit) -> list[float]:
        return [call.write_units for call in kit.aws.calls("dynamodb") if call.operation != "CreateTable"]

    def test_update_and_failed_condition(self, kit: Kit) -> None:
        table, dynamodb = kit.table(), kit.client("dynamodb")
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "big": {"S": "x" * 1500}})
        asked = {"TableName": table, "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET n = :n"}
        values = {":n": {"N": "1"}}
        with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.update_item(
                **asked, ExpressionAttributeValues=values, ConditionExpression="attribute_not_exists(pk)"
            )
        dynamodb.get_item(TableName=table, Key={"pk": {"S": "a"}})
        assert self.units(kit) == [2, 2, 0]

    def test_transaction_costs_double(self, kit: Kit) -> None:
        table = kit.table()
        puts = [{"Put": {"TableName": table, "Item": {"pk": {"S": name}}}} for name in "ab"]
        answer = kit.client("dynamodb").transact_write_items(TransactItems=puts, ClientRequestToken="once")
        assert "ConsumedCapacity" not in answer
        assert self.units(kit) == [4]
        assert kit.aws.calls("dynamodb", "TransactWriteItems")[0].resource == table
