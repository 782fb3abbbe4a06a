"""The requests by which `LocalAws` steers and asks its server: POST /_local_aws/NAME with a JSON object."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from tests.local_aws import faults, journal
from tests.local_aws.records import Call, Event, Mail, SnsMessage

PREFIX = "/_local_aws/"

Operation = Callable[[Mapping[str, Any]], Any]
_operations: dict[str, Operation] = {}
_logger = logging.getLogger("local_aws.control")


class Refused(Exception):
    """A control request that cannot be done; the message says why."""


def register(name: str, operation: Operation) -> None:
    """Serve POST /_local_aws/`name` by `operation`, whose result must be JSON."""
    _operations[name] = operation


def answer(path: str, body: bytes) -> tuple[int, bytes]:
    """Status and JSON document for one control request."""
    operation = _operations.get(path.removeprefix(PREFIX))
    if operation is None:
        return 404, json.dumps({"error": f"there is no control request {path}"}).encode()
    try:
        return 200, json.dumps(operation(json.loads(body or b"{}"))).encode()
    except Refused as refused:
        return 400, json.dumps({"error": str(refused)}).encode()
    except Exception as error:  # the asker must learn of a defect in here, not wait for an answer
        _logger.exception("control request %s", path)
        return 500, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()


def _entries(records: Iterable[Call | Event | Mail | SnsMessage]) -> list[dict[str, Any]]:
    return [asdict(record) for record in list(records)]


def _calls(wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    service, operation = wanted.get("service"), wanted.get("operation")
    return _entries(
        call for call in list(journal.calls) if service in (None, call.service) and operation in (None, call.operation)
    )


register("ready", lambda _: True)
register("events", lambda _: _entries(journal.events))
register("mails", lambda _: _entries(journal.mails))
register("sns_messages", lambda _: _entries(journal.sns_messages))
register("calls", _calls)
register("permissions", lambda _: [asdict(permission) for permission in sorted(journal.permissions)])
register("clear_journals", lambda _: journal.clear())
register("fail", lambda fault: faults.add(faults.Fault(**fault)))
register("unverify", lambda asked: faults.unverified.add(asked["identity"]))
register("remove_topic", lambda asked: faults.gone.add(asked["topic_arn"]))
register("heal", lambda _: faults.clear())
