"""What stands before ministack: control requests go to `control`, AWS calls are named, journaled and made to fail."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from tests.local_aws import control, faults, journal, shapes
from tests.local_aws.emulator import app, iam_evaluator, responses
from tests.local_aws.records import Call

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

_BOTO3_NAMES = {"states": "stepfunctions", "monitoring": "cloudwatch"}
_REST_SERVICES = frozenset({"lambda", "scheduler", "sesv2", "securityhub"})
_RESOURCE_MEMBERS = (
    "TableName",
    "FunctionName",
    "stateMachineArn",
    "executionArn",
    "TopicArn",
    "TargetArn",
    "QueueUrl",
    "SecretId",
    "FromEmailAddress",
    "RoleName",
    "QueueName",
    "Name",
    "name",
    "logGroupName",
)
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/")
_WORKER = re.compile(r"app/local-aws-pid-(\d+)")


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """The ASGI application: ministack's, with `control` beside it and the journal before it."""
    if scope["type"] != "http":
        await app.app(scope, receive, send)
        return
    body = await _body(receive)
    if scope["path"].startswith(control.PREFIX):
        status, document = await asyncio.to_thread(control.answer, scope["path"], body)
        await _respond(send, status, {"content-type": "application/json"}, document)
        return
    await _aws_call(scope, body, _replay(body, receive), send)


async def _aws_call(scope: Message, body: bytes, receive: Receive, send: Send) -> None:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    signed = _CREDENTIAL.search(headers.get("authorization", ""))
    named = signed and _name(signed[3], scope, headers, body)
    if not signed or not named:
        await app.app(scope, receive, send)
        return
    service, operation, resource = named
    principal = _principal(signed[1])
    started = time.time()
    current = journal.Running(principal)
    journal.running.set(current)
    fault = faults.take(service, operation, resource, journal.role_of(principal), body)
    status, error = 0, ""
    if fault is not None and not fault.code:
        await asyncio.sleep(fault.delay_seconds)
        fault = None

    async def watch(message: Message) -> None:
        nonlocal status, error
        if message["type"] == "http.response.start":
            status = message["status"]
        elif status >= 400:
            error = error or _error_code(message.get("body", b""))
        if not (fault and fault.after_effect):
            await send(message)

    if fault is None or fault.after_effect:
        await app.app(scope, receive, watch)
    if fault is not None:
        status, error = fault.status, fault.code
        await asyncio.sleep(fault.delay_seconds)
        if fault.crash and (worker := _WORKER.search(headers.get("user-agent", ""))):
            os.kill(int(worker[1]), signal.SIGKILL)
        await _respond(send, *faults.response(fault, headers.get("content-type", "")))
    journal.calls.append(
        Call(
            service=service,
            operation=operation,
            principal=principal,
            role=journal.role_of(principal),
            resource=resource or ",".join(current.tables),
            status=status,
            error=error or None,
            write_units=current.write_units,
            at=started,
        )
    )


def _name(scope_service: str, scope: Message, headers: Mapping[str, str], body: bytes) -> tuple[str, str, str] | None:
    """boto3's name of the service, the operation, and the resource that the request names."""
    service, path = _BOTO3_NAMES.get(scope_service, scope_service), scope["path"]
    if service == "ses" and path.startswith("/v2/email"):
        service = "sesv2"
    if target := headers.get("x-amz-target"):
        parameters = _json(body)
        return service, target.rpartition(".")[2], _resource(parameters)
    if "/operation/" in path:  # the RPC protocol: /service/NAME/operation/OPERATION
        return service, path.rpartition("/")[2], ""
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = {key: values[0] for key, values in urllib.parse.parse_qs(body.decode("utf-8", "replace")).items()}
        return (service, form["Action"], _resource(form)) if "Action" in form else None
    if service in _REST_SERVICES and (found := shapes.route(service, scope["method"], path)):
        operation, variables = found
        return service, operation, _resource({**_json(body), **variables})
    return None


def _resource(parameters: Mapping[str, Any]) -> str:
    for member in _RESOURCE_MEMBERS:
        if isinstance(value := parameters.get(member), str):
            return value
    return ""


def _json(body: bytes) -> dict[str, Any]:
    try:
        parameters = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parameters if isinstance(parameters, dict) else {}


def _principal(access_key: str) -> str:
    found = iam_evaluator.resolve_credential(access_key, responses.get_account_id())
    return str(getattr(found, "principal_arn", "")) or "unknown"


def _error_code(body: bytes) -> str:
    found = re.search(rb'<Code>([^<]+)</Code>|"(?:__type|Code|code)":\s*"(?:[^"#]*#)?([^"]+)"', body)
    return (found[1] or found[2]).decode() if found else "Unknown"


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending = [body]

    async def again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return again


async def _respond(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    fields = {**headers, "content-length": str(len(body))}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
