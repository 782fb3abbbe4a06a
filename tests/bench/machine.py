"""What Tocsin is compared with: a state machine for each event, of three plain states: claim, choice, send.

It does the least that anybody would: no queue, no retry, no window, no route, one short mail. It runs on the same bus,
with permissions for exactly what it does.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

from tests.local_aws import LocalAws

NAME = "plain"
SOURCE = "bench.plain"
"""The source of the events that only this machine hears."""

MEMORY_MB = 512
FUNCTION = """
import boto3
ses = boto3.client("sesv2")
def handler(event, context):
    finding = event["detail"]["findings"][0]
    content = {"Subject": {"Data": finding["Title"]}, "Body": {"Text": {"Data": finding["Description"]}}}
    return ses.send_email(
        FromEmailAddress="tocsin@example.com",
        Destination={"ToAddresses": ["soc@example.com"]},
        Content={"Simple": content},
    )["MessageId"]
"""


def install(aws: LocalAws) -> str:
    """Put it on the default bus; returns the machine's ARN."""
    scope = f"{aws.region}:{aws.account_id}"
    aws.client("dynamodb").create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    sender = _role(aws, "lambda", "ses:SendEmail", f"arn:aws:ses:{scope}:identity/example.com")
    aws.client("lambda").create_function(
        FunctionName=NAME,
        Runtime="python3.13",
        Handler="main.handler",
        Role=sender,
        Code={"ZipFile": _zipped("main.py", FUNCTION)},
        MemorySize=MEMORY_MB,
        Timeout=20,
    )
    function_arn, table_arn = f"arn:aws:lambda:{scope}:function:{NAME}", f"arn:aws:dynamodb:{scope}:table/{NAME}"
    role = _role(aws, "states", "dynamodb:PutItem", table_arn, "lambda:InvokeFunction", function_arn)
    machine: str = aws.client("stepfunctions").create_state_machine(
        name=NAME, definition=json.dumps(definition(function_arn)), roleArn=role
    )["stateMachineArn"]
    events = aws.client("events")
    events.put_rule(Name=NAME, EventPattern=json.dumps({"source": [SOURCE]}))
    starter = _role(aws, "events", "states:StartExecution", machine)
    events.put_targets(Rule=NAME, Targets=[{"Id": NAME, "Arn": machine, "RoleArn": starter}])
    _wait_until_active(aws)
    return machine


def definition(function_arn: str) -> dict[str, Any]:
    """The machine: one that was claimed before, or is not severe, ends as known."""
    finding = "$states.input.detail.findings[0]"
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Claim",
        "States": {
            "Claim": {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Arguments": {
                    "TableName": NAME,
                    "Item": {"pk": {"S": f"{{% {finding}.Id %}}"}},
                    "ConditionExpression": "attribute_not_exists(pk)",
                },
                "Output": "{% $states.input %}",
                "Catch": [{"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "Next": "Known"}],
                "Next": "Severe",
            },
            "Severe": {
                "Type": "Choice",
                "Choices": [{"Condition": f"{{% {finding}.Severity.Label in ['HIGH', 'CRITICAL'] %}}", "Next": "Send"}],
                "Default": "Known",
            },
            "Send": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": function_arn, "Payload": "{% $states.input %}"},
                "End": True,
            },
            "Known": {"Type": "Succeed"},
        },
    }


def _role(aws: LocalAws, service: str, *allowed: str) -> str:
    """A role for a service with pairs of an action and the resource it is allowed on."""
    name = f"{NAME}-{service}"
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": resource}
        for action, resource in zip(allowed[::2], allowed[1::2], strict=True)
    ]
    iam = aws.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))
    iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=_policy(statements))
    return str(role["Role"]["Arn"])


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _zipped(name: str, content: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(name, content)
    return archive.getvalue()


def _wait_until_active(aws: LocalAws) -> None:
    for _ in range(100):
        if aws.client("lambda").get_function_configuration(FunctionName=NAME)["State"] == "Active":
            return
        time.sleep(0.1)
    raise TimeoutError(f"function {NAME} did not become active within ten seconds")
