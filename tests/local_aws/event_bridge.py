"""EventBridge: service events, the journal of buses, and targets that cannot be reached."""

from __future__ import annotations

import calendar
import contextvars
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.local_aws import control, journal, targets
from tests.local_aws.emulator import eventbridge, responses
from tests.local_aws.patching import replace
from tests.local_aws.records import Event

_matched: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("matched", default=None)
_LOG_KEPT = 100
_PATTERN_CHARACTERS = 2048


def publish(envelope: Mapping[str, Any], bus: str = "default") -> str:
    """Put an event on a bus as the AWS service does that sends it; returns its id.

    An envelope keeps its own id, time, account and Region, so that a test can deliver it twice; what is missing
    is filled in. A client cannot do this: PutEvents refuses `aws.*` sources, as on AWS.
    """
    name, error = eventbridge._event_bus_name_from_ref(bus)
    if error or name not in (*eventbridge._event_buses, "default"):
        raise control.Refused(f"there is no event bus {bus!r}")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    whole = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "account": responses.get_account_id(),
        "time": now,
        "region": responses.get_region(),
        "resources": [],
        **envelope,
    }
    record = {
        "EventId": whole["id"],
        "Source": whole.get("source", ""),
        "DetailType": whole.get("detail-type", ""),
        "Detail": json.dumps(whole.get("detail", {})),
        "EventBusName": name,
        "Time": calendar.timegm(time.gmtime()),
        "Resources": whole["resources"],
        "Account": whole["account"],
        "Region": whole["region"],
    }
    head = {key: value for key, value in whole.items() if key != "detail"}
    eventbridge._dispatch_event(record, eventbridge._EventView(head, record["Detail"]))
    return str(whole["id"])


def _dispatch(original: Callable[..., None], event: dict[str, Any], view: Any = None) -> None:
    """Journal what reaches a bus: by PutEvents, from a service, from another bus."""
    view = view or eventbridge._pattern_event_view(event)
    rules: list[str] = []
    token = _matched.set(rules)
    try:
        original(event, view)
    finally:
        _matched.reset(token)
        envelope = view.event_with_detail()
        journal.events.append(
            Event(
                id=str(envelope.get("id", "")),
                bus=event.get("EventBusName", "default"),
                envelope=envelope,
                rules=tuple(rules),
            )
        )
        kept = eventbridge._events_log_list()  # ministack's own log of events has no end
        del kept[:-_LOG_KEPT]


def _matches(original: Callable[..., bool], pattern: str, view: Any, owner: str = "rule") -> bool:
    found = original(pattern, view, owner)
    rules = _matched.get()
    if found and rules is not None and owner.startswith("rule "):
        rules.append(owner.rpartition("|")[2].removeprefix("rule "))
    return found


def _put_rule(original: Callable[..., Any], data: Mapping[str, Any]) -> Any:
    """AWS takes patterns of at most 2,048 characters; ministack of any length.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    """
    if len(data.get("EventPattern") or "") > _PATTERN_CHARACTERS:
        return responses.error_response_json(
            "LimitExceededException", f"The event pattern is longer than {_PATTERN_CHARACTERS} characters.", 400
        )
    return original(data)


def install() -> None:
    """Apply the patches and register the control requests."""
    replace(eventbridge, "_put_rule", _put_rule, "data")
    replace(eventbridge, "_invoke_target", targets.invoke, "target", "event", "rule", "view")
    replace(eventbridge, "_dispatch_to_lambda", targets.to_lambda, "arn", "payload")
    replace(eventbridge, "_dispatch_event", _dispatch, "event", "view")
    replace(eventbridge, "_matches_pattern_view", _matches, "pattern_str", "view", "owner")
    control.register("publish", lambda asked: publish(asked["event"], asked.get("bus") or "default"))
