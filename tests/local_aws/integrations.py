"""The AWS calls that a state machine makes: with its role's permissions, in the journal, failing under AWS's names."""

from __future__ import annotations

import contextvars
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.local_aws import faults, iam, journal, shapes
from tests.local_aws.emulator import responses, stepfunctions
from tests.local_aws.records import Call

role: contextvars.ContextVar[str] = contextvars.ContextVar("role", default="")
"""The ARN of the role of the machine whose task runs."""


@dataclass(frozen=True, slots=True)
class _Service:
    """`name` is boto3's, `prefix` and `base` are the parts of the error names of the optimised integration.

    An error that the SDK's model does not list has the name of the service's base exception: a throttled or
    refused DynamoDB call is DynamoDB.AmazonDynamoDBException.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """

    name: str
    prefix: str
    base: str
    denied: str = "AccessDeniedException"
    unlisted: tuple[str, ...] = ()
    """Codes that today's model lists and the SDK of the integration did not."""

    def error_name(self, code: str) -> str:
        """The name by which a machine sees an error code."""
        listed = None if code in self.unlisted else shapes.error_class(self.name, code)
        return f"{self.prefix}.{listed or self.base}"


_SERVICES = {
    "lambda": _Service("lambda", "Lambda", "AWSLambdaException"),
    "dynamodb": _Service("dynamodb", "DynamoDB", "AmazonDynamoDBException", unlisted=("ThrottlingException",)),
    "sns": _Service("sns", "SNS", "AmazonSNSException", denied="AuthorizationError"),
    "sqs": _Service("sqs", "SQS", "AmazonSQSException"),
    "states": _Service("stepfunctions", "StepFunctions", "AWSStepFunctionsException"),
    "events": _Service("events", "EventBridge", "AmazonEventBridgeException"),
}
_RESOURCE = re.compile(r"arn:aws[\w-]*:states:::(?P<service>\w+):(?P<action>\w+)")
_FUNCTION_ARN = re.compile(r"arn:aws[\w-]*:lambda:.*:function:.*")


def call(original: Callable[..., Any], resource: str, input_data: dict[str, Any]) -> Any:
    """Do what a Task names, as the machine's role.

    AWS: without the permission the Task fails, and errors carry the SDK's class names. ministack: anything goes,
    and a refused message is SNS.PublishFailed, a throttled table DynamoDB.ThrottlingException.
    """
    if _FUNCTION_ARN.fullmatch(resource):
        named, action, details = _SERVICES["lambda"], "invoke", {"FunctionName": resource}
    else:
        matched = _RESOURCE.match(resource)
        if not matched or matched["service"] not in _SERVICES:
            return original(resource, input_data)
        named, action, details = _SERVICES[matched["service"]], matched["action"], input_data
    operation = action[0].upper() + action[1:]
    permission, target = _permission(named.name, operation, details)
    principal = iam.session(role.get(), "states") if role.get() else "states.amazonaws.com"
    current = journal.Running(principal)
    token = journal.running.set(current)
    started, error = time.time(), None
    fault = faults.meet(named.name, operation, target, input_data, journal.role_of(principal))
    try:
        if role.get() and not iam.role_may(role.get(), permission, target):
            text = f"User: {principal} is not authorized to perform: {permission} on resource: {target}"
            raise _error(named, named.denied, f"{text} because no identity-based policy allows the {permission} action")
        if fault is None or fault.after_effect:
            result = original(resource, input_data)
        if fault is not None:
            time.sleep(fault.delay_seconds)
            raise _error(named, fault.code, faults.message(fault))
        return result
    except stepfunctions._ExecutionError as raised:
        _rename(named, raised)
        error = str(raised.error)
        raise
    finally:
        journal.running.reset(token)
        journal.calls.append(
            Call(
                service=named.name,
                operation=operation,
                principal=principal,
                role=journal.role_of(principal),
                resource=_plain(details) or target,
                status=400 if error else 200,
                error=error,
                write_units=current.write_units,
                at=started,
            )
        )


def _permission(service: str, operation: str, details: Mapping[str, Any]) -> tuple[str, str]:
    """The IAM action that a call needs and the ARN it needs it on."""
    scope = f"{responses.get_region()}:{responses.get_account_id()}"
    if service == "lambda":
        return "lambda:InvokeFunction", _arn(details.get("FunctionName"), f"arn:aws:lambda:{scope}:function:")
    if service == "dynamodb":
        return f"dynamodb:{operation}", _arn(details.get("TableName"), f"arn:aws:dynamodb:{scope}:table/")
    if service == "sns":
        return "sns:Publish", str(details.get("TopicArn") or details.get("TargetArn") or "*")
    if service == "sqs":
        return "sqs:SendMessage", f"arn:aws:sqs:{scope}:{str(details.get('QueueUrl')).rsplit('/', 1)[-1]}"
    if service == "stepfunctions":
        return "states:StartExecution", str(details.get("StateMachineArn"))
    bus = (details.get("Entries") or [{}])[0].get("EventBusName", "default")
    return f"events:{operation}", _arn(bus, f"arn:aws:events:{scope}:event-bus/")


def _arn(name: object, prefix: str) -> str:
    return str(name) if str(name).startswith("arn:") else f"{prefix}{name}"


def _plain(details: Mapping[str, Any]) -> str:
    return str(details.get("TableName") or "")


def _error(service: _Service, code: str, cause: str) -> Exception:
    """An error as the machine sees it; a code with a dot in it is already a machine's error name."""
    name = code if "." in code else service.error_name(code)
    error: Exception = stepfunctions._ExecutionError(name, cause)
    return error


def _rename(service: _Service, error: Any) -> None:
    """Give an error of ministack's integrations the name that AWS's would have; other errors keep theirs."""
    if service.name == "lambda":
        if error.error == "Lambda.Unknown" and "TooManyRequestsException" in str(error.cause):
            error.error, error.cause = "Lambda.TooManyRequestsException", "Rate Exceeded."
        return
    prefix, _, code = str(error.error).partition(".")
    if prefix != service.prefix:
        return
    if found := re.search(r"<Code>([^<]+)</Code>", str(error.cause)):
        code = found[1]
    error.error = service.error_name(code)
