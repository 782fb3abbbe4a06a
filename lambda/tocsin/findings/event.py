"""An EventBridge event of one of the feeds -> Event. Pure: no clock, no network, and it raises UnreadableEvent only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tocsin.findings import asff, guardduty, inspector, ocsf
from tocsin.findings.fields import Envelope, FieldError, kind, line, mapping, moment
from tocsin.findings.model import Event, Feed, Finding, Unreadable

Parser = Callable[[Mapping[str, Any], Envelope], Finding]


class UnreadableEvent(Exception):
    """The event is not one of our feeds', or says nothing that can be read; the message is the reason, on one line."""


class DetailType(NamedTuple):
    """How events of one detail-type are read: where `many`, findings are in `detail.findings`, else `detail` is one."""

    feed: Feed
    parse: Parser
    many: bool
    requested: bool = False


DETAIL_TYPES = {
    "Security Hub Findings - Imported": DetailType(Feed.SECURITY_HUB, asff.parse, many=True),
    "Security Hub Findings - Custom Action": DetailType(Feed.SECURITY_HUB, asff.parse, many=True, requested=True),
    "Findings Imported V2": DetailType(Feed.SECURITY_HUB_V2, ocsf.parse, many=True),
    "GuardDuty Finding": DetailType(Feed.GUARDDUTY, guardduty.parse, many=False),
    "Inspector2 Finding": DetailType(Feed.INSPECTOR, inspector.parse, many=False),
}
"""https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html,
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-v2-cwe-event-formats.html,
https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html,
https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html"""


def parse_event(raw: Mapping[str, Any]) -> Event:
    """Read an EventBridge envelope with its findings; one that cannot be read is in Event.unreadable, with its index.

    EventBridge always sets `id` and `time`. Where a person cut them off, the id is a hash of the content and the time
    that of the newest finding: both follow from the event alone. Raises UnreadableEvent for an event of another kind,
    one without findings, and one that has neither a time nor a finding that could lend its own.
    """
    if not isinstance(raw, dict):
        raise UnreadableEvent(f"an event is an object, not {kind(raw)}")
    detail_type = raw.get("detail-type")
    reader = DETAIL_TYPES.get(detail_type) if isinstance(detail_type, str) else None
    if reader is None:
        named = f'"{line(detail_type, 80)}"' if isinstance(detail_type, str) else kind(detail_type)
        raise UnreadableEvent(f"detail-type is {named}: not an event of a feed")
    findings: list[Finding] = []
    unreadable: list[Unreadable] = []
    envelope = Envelope(line(raw.get("account"), 64), line(raw.get("region"), 64))
    for index, candidate in enumerate(_candidates(raw, reader)):
        try:
            findings.append(_parse(reader, candidate, envelope))
        except FieldError as error:
            unreadable.append(Unreadable(index, str(error)))
    time = moment(raw.get("time")) or max((finding.updated_at for finding in findings), default=None)
    if time is None:
        raise UnreadableEvent(f"{unreadable[0].reason} (and the event has no time)")
    return Event(
        event_id=line(raw.get("id"), 256) or content_id(raw),
        time=time,
        feed=reader.feed,
        requested=reader.requested,
        findings=tuple(findings),
        unreadable=tuple(unreadable),
    )


def _candidates(raw: Mapping[str, Any], reader: DetailType) -> list[Any]:
    detail = raw.get("detail")
    if not isinstance(detail, dict):
        raise UnreadableEvent("detail is missing" if detail is None else f"detail is {kind(detail)}, not an object")
    if not reader.many:
        return [detail]
    found = detail.get("findings")
    if not isinstance(found, list) or not found:
        problem = "is missing" if found is None else "is empty" if found == [] else f"is {kind(found)}, not a list"
        raise UnreadableEvent(f"detail.findings {problem}")
    return found


def _parse(reader: DetailType, candidate: object, envelope: Envelope) -> Finding:
    if not isinstance(candidate, dict):
        raise FieldError(f"a finding is an object, not {kind(candidate)}")
    return reader.parse(mapping(candidate), envelope)


def content_id(raw: object) -> str:
    """An id that follows from a JSON document alone, in the form of a UUID, as the ids of EventBridge are.

    Raises UnreadableEvent when the document is nested too deeply to be written down.
    """
    try:
        content = json.dumps(raw, sort_keys=True, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError) as error:
        raise UnreadableEvent(f"id is missing, and the content has no form to be identified by: {error}") from error
    digest = hashlib.sha256(content.encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
