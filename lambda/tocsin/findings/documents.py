"""Findings in any shape that a person has at hand: what the `tocsin` command and the demo read.

An EventBridge event; what `aws securityhub get-findings` or `get-findings-v2`, `aws guardduty get-findings` or
`aws inspector2 list-findings` print; one finding of any feed; a list of any of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tocsin.findings.event import DETAIL_TYPES, UnreadableEvent, content_id, parse_event
from tocsin.findings.fields import dig, items, kind, line, mapping, moment
from tocsin.findings.guardduty import in_events_spelling
from tocsin.findings.model import Event

_UNKNOWN_PLACE = ("000000000000", "us-east-1")
"""Account and Region of the envelope that we put around a bare finding which names none: an account that nobody has."""

_SECURITY_HUB = "Security Hub Findings - Imported"
_SECURITY_HUB_V2 = "Findings Imported V2"
_GUARDDUTY = "GuardDuty Finding"
_INSPECTOR = "Inspector2 Finding"
_SOURCES = {
    _SECURITY_HUB: "aws.securityhub",
    _SECURITY_HUB_V2: "aws.securityhub",
    _GUARDDUTY: "aws.guardduty",
    _INSPECTOR: "aws.inspector2",
}
_IMPORT_TEXTS = (
    "SchemaVersion",
    "Id",
    "ProductArn",
    "GeneratorId",
    "AwsAccountId",
    "CreatedAt",
    "UpdatedAt",
    "Title",
    "Description",
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How something gets into an account: as "asff", a finding for BatchImportFindings, or as "event", an envelope."""

    kind: str
    raw: Mapping[str, Any]


def read_document(document: object) -> list[Event]:
    """The events in a JSON document; a bare finding comes in an envelope with an id that follows from its content.

    Raises UnreadableEvent for the first piece that is nothing of this; `pieces` gives them one by one.
    """
    return [read_piece(piece) for piece in pieces(document)]


def pieces(document: object) -> Iterator[object]:
    """The events and bare findings in a document, one by one: lists and what the AWS CLI prints are taken apart."""
    waiting = [document]
    while waiting:
        piece = waiting.pop()
        listed = piece if isinstance(piece, list) else _printed(piece)
        if listed is None:
            yield piece
        else:
            waiting.extend(reversed(listed))


def read_piece(piece: object) -> Event:
    """The event for one event or bare finding. Raises UnreadableEvent when it is neither."""
    return parse_event(_envelope(piece))


def deliveries(document: object) -> list[Delivery]:
    """How each piece of a document would reach Tocsin in an account.

    Security Hub's findings are imported, unless BatchImportFindings cannot say them: then they are events, as all else
    is. It refuses a finding without the fields that ASFF promises, and it leaves the workflow alone, so that a
    suppressed finding would arrive as a new one (https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html).
    Events of other kinds are delivered as they are. Raises UnreadableEvent for what is no event and no finding.
    """
    return [delivery for piece in pieces(document) for delivery in _deliveries(piece)]


def _deliveries(piece: object) -> Iterator[Delivery]:
    envelope = _envelope(piece)
    findings = dig(envelope, "detail", "findings")
    if envelope.get("detail-type") != _SECURITY_HUB or not isinstance(findings, list) or not findings:
        yield Delivery("event", _dated(envelope))
        return
    for finding in findings:
        if _importable(finding):
            yield Delivery("asff", finding)
        else:
            alone = {**envelope, "detail": {**envelope["detail"], "findings": [finding]}}
            if len(findings) > 1:
                alone["id"] = content_id(alone)
            yield Delivery("event", _dated(alone))


def _importable(finding: object) -> bool:
    raw = mapping(finding)
    resources = items(raw.get("Resources"))
    return (
        all(isinstance(raw.get(field), str) and raw[field] for field in _IMPORT_TEXTS)
        and bool(resources)
        and all(isinstance(dig(resource, field), str) for resource in resources for field in ("Type", "Id"))
        and moment(raw["UpdatedAt"]) is not None
        and dig(raw, "Workflow", "Status") in (None, "NEW")
    )


def _dated(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """The envelope with an id and with the time of its newest finding where it has none, if it can be read."""
    try:
        event = parse_event(envelope)
    except UnreadableEvent:
        return envelope
    time = envelope.get("time") or event.time.isoformat().replace("+00:00", "Z")
    return {**envelope, "id": event.event_id, "time": time}


def _printed(piece: object) -> list[Any] | None:
    """The list in what the AWS CLI prints, or in the `detail` of an event; None for anything else."""
    raw = mapping(piece)
    if "detail-type" in raw:
        return None
    for field in ("Findings", "findings"):
        if isinstance(raw.get(field), list):
            return list(raw[field])
    return None


def _envelope(piece: object) -> Mapping[str, Any]:
    """The piece itself if it is an event, else an envelope around it. Raises UnreadableEvent."""
    if not isinstance(piece, dict):
        raise UnreadableEvent(f"a finding is an object, not {kind(piece)}")
    if "detail-type" in piece:
        return piece
    detail_type = _detail_type(piece)
    if detail_type is None:
        names = ", ".join(filter(None, (line(name, 32) for name in list(piece)[:6]))) or "none"
        raise UnreadableEvent(f"neither an event nor a finding of a feed (its fields begin with: {names})")
    detail: Mapping[str, Any] = {"findings": [piece]} if DETAIL_TYPES[detail_type].many else piece
    if detail_type == _GUARDDUTY:
        detail = in_events_spelling(piece)
    account_id, region = _place(detail_type, detail)
    return {
        "version": "0",
        "id": content_id(piece),
        "detail-type": detail_type,
        "source": _SOURCES[detail_type],
        "account": account_id,
        "region": region,
        "resources": [],
        "detail": detail,
    }


def _place(detail_type: str, detail: Mapping[str, Any]) -> tuple[str, str]:
    bare = {"detail-type": detail_type, "id": "-", "time": "1970-01-02", "detail": detail}
    findings = parse_event(bare).findings
    return (findings[0].account_id, findings[0].region) if findings else _UNKNOWN_PLACE


def _detail_type(raw: Mapping[str, Any]) -> str | None:
    """The detail-type under which a bare finding would arrive, by the fields that only its format has."""
    if "finding_info" in raw or "class_uid" in raw:
        return _SECURITY_HUB_V2
    if "ProductArn" in raw or "AwsAccountId" in raw:
        return _SECURITY_HUB
    if "findingArn" in raw and "awsAccountId" in raw:
        return _INSPECTOR
    for service, name in (("service", "type"), ("Service", "Type")):
        if isinstance(raw.get(service), dict) and isinstance(raw.get(name), str):
            return _GUARDDUTY
    return None
