"""Short ways to put functions, roles, queues and machines on the local AWS that is tested."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pytest

from tests.local_aws import LocalAws

_names = itertools.count(1)
_ANSWER_SECONDS = 15.0


class Kit:
    """An account to try things in; each test gets a fresh name for whatever it creates."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.scope = f"{aws.region}:{aws.account_id}"
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The same client each time."""
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    def name(self, stem: str) -> str:
        """A name that nothing has yet."""
        return f"{stem}-{next(_names)}"

    def role(self, service: str, *statements: tuple[str, str]) -> str:
        """The ARN of a new role for a service principal, with (action, resource) pairs allowed."""
        name = self.name("role")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        role = self.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        if statements:
            allowed = [{"Effect": "Allow", "Action": action, "Resource": arn} for action, arn in statements]
            self.client("iam").put_role_policy(
                RoleName=name,
                PolicyName="allowed",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}),
            )
        return str(role["Role"]["Arn"])

    def function(self, code: str, *statements: tuple[str, str], layers: tuple[str, ...] = (), **options: Any) -> str:
        """The name of a new function whose module is `code`, with `handler(event, context)` in it."""
        name = self.name("function")
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="main.handler",
            Role=self.role("lambda.amazonaws.com", *statements),
            Code={"ZipFile": zipped({"main.py": code})},
            Layers=list(layers),
            Timeout=options.pop("Timeout", 10),
            **options,
        )
        return name

    def invoke(self, name: str, event: Any = None) -> tuple[Any, str | None]:
        """What a function answers, and the kind of its failure (None for success)."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        return json.load(answer["Payload"]), answer.get("FunctionError")

    def function_arn(self, name: str) -> str:
        return f"arn:aws:lambda:{self.scope}:function:{name}"

    def queue(self, **attributes: str) -> tuple[str, str]:
        """URL and ARN of a new queue."""
        name = self.name("queue")
        url = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:{self.scope}:{name}"

    def table(self) -> str:
        """The name of a new table with the key pk."""
        name = self.name("table")
        self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    def machine(self, states: Mapping[str, Any], *statements: tuple[str, str], **options: Any) -> str:
        """The ARN of a new JSONata machine that starts at its first state."""
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        definition.update(options.pop("top", {}))
        created = self.client("stepfunctions").create_state_machine(
            name=self.name("machine"),
            definition=json.dumps(definition),
            roleArn=options.pop("role", None) or self.role("states.amazonaws.com", *statements),
            **options,
        )
        return str(created["stateMachineArn"])

    def execute(self, machine_arn: str, given: Any = None) -> dict[str, Any]:
        """Run a machine to its end; DescribeExecution's answer."""
        arn = self.client("stepfunctions").start_execution(stateMachineArn=machine_arn, input=json.dumps(given or {}))
        return self.ended(arn["executionArn"])

    def ended(self, execution_arn: str) -> dict[str, Any]:
        """DescribeExecution's answer once the execution is over."""
        states = self.client("stepfunctions")

        def over() -> dict[str, Any] | None:
            found: dict[str, Any] = states.describe_execution(executionArn=execution_arn)
            return found if found["status"] != "RUNNING" else None

        return eventually(over)

    def received(self, queue_url: str, *, seconds: float = 5) -> list[dict[str, Any]]:
        """The messages that arrive in a queue; an empty list when none does in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = self.client("sqs").receive_message(
                QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            if "Messages" in answer:
                return list(answer["Messages"])
            time.sleep(0.02)
        return []


T = TypeVar("T")


def eventually(probe: Callable[[], T | None], seconds: float = _ANSWER_SECONDS) -> T:
    """The first truthy answer of `probe`; fails when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := probe():
            return found
        time.sleep(0.02)
    pytest.fail(f"nothing within {seconds} s")


def zipped(files: Mapping[str, str]) -> bytes:
    """A zip with these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()
