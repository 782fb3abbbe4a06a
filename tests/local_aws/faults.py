"""Errors on demand: the next calls of an operation fail, before or after they took effect.

A fault is looked up by service and operation under boto3's names. Besides the API's operations there is one
more: service `events`, operation `InvokeTarget`, which is EventBridge or Scheduler reaching a target.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from xml.sax.saxutils import escape


@dataclass(slots=True)
class Fault:
    """`code` is what the caller sees, "" for a call that is only slow; `crash` ends the function that calls instead of
    answering it.

    `resource` narrows the fault to calls that name it (a part of the name is enough), `role` to one caller,
    `containing` to requests with this text in them.
    """

    service: str
    operation: str
    code: str
    status: int
    times: int
    after_effect: bool
    resource: str
    role: str
    containing: str
    crash: bool
    delay_seconds: float


unverified: set[str] = set()
"""Identities that SES does not take for verified any more."""

gone: set[str] = set()
"""ARNs of topics that SNS does not find any more. They come back as they were, which a topic made anew would not."""

_faults: list[Fault] = []
_lock = threading.Lock()


def add(fault: Fault) -> None:
    """Have the next `fault.times` matching calls fail."""
    with _lock:
        _faults.append(fault)


def clear() -> None:
    """Let every call succeed again."""
    with _lock:
        _faults.clear()
    unverified.clear()
    gone.clear()


def take(service: str, operation: str, resource: str, role: str, request: bytes) -> Fault | None:
    """The fault that this call meets, counted down; None nearly always."""
    with _lock:
        for fault in _faults:
            if (
                fault.service == service
                and fault.operation == operation
                and fault.resource in resource
                and fault.role in ("", role)
                and fault.containing.encode() in request
            ):
                fault.times -= 1
                if fault.times <= 0:
                    _faults.remove(fault)
                return fault
    return None


def meet(service: str, operation: str, resource: str, request: object, role: str = "") -> Fault | None:
    """As `take`, for a call whose thread may wait: it has waited where the call is only slow."""
    if not _faults:
        return None
    fault = take(service, operation, resource, role, json.dumps(request, default=str).encode())
    if fault is None or fault.code:
        return fault
    time.sleep(fault.delay_seconds)
    return None


def message(fault: Fault) -> str:
    """The text that goes with the error, so that a log shows where it came from."""
    return f"{fault.code} of {fault.operation}, as the test asked"


def response(fault: Fault, request_content_type: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the error in the protocol that the client speaks."""
    if request_content_type.startswith("application/x-www-form-urlencoded"):
        xml = (
            f"<ErrorResponse><Error><Type>{'Sender' if fault.status < 500 else 'Receiver'}</Type>"
            f"<Code>{escape(fault.code)}</Code><Message>{escape(message(fault))}</Message></Error>"
            "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
        )
        return fault.status, {"content-type": "text/xml"}, xml.encode()
    document = json.dumps({"__type": fault.code, "message": message(fault), "Message": message(fault)})
    headers = {"content-type": "application/x-amz-json-1.0", "x-amzn-errortype": fault.code}
    return fault.status, headers, document.encode()
