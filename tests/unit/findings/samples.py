"""The sample events of tests/events, as raw JSON and as Tocsin reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tocsin.findings.documents import read_document
from tocsin.findings.event import DETAIL_TYPES, parse_event
from tocsin.findings.model import Finding

EVENTS = Path(__file__).parents[2] / "events"
FEEDS = ("guardduty", "inspector", "security_hub", "security_hub_v2")


def raw(name: str) -> Any:
    """The JSON of tests/events/NAME.json."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def names(folder: str) -> list[str]:
    """The samples of a folder, as `raw` takes them."""
    return sorted(f"{folder}/{path.stem}" for path in (EVENTS / folder).glob("*.json"))


def asff(name: str = "guardduty_command_and_control", **changes: Any) -> dict[str, Any]:
    """The (first) raw ASFF finding of a sample, with other values in some fields; None takes a field away."""
    return changed(raw(f"security_hub/{name}")["detail"]["findings"][0], changes)


def ocsf(name: str = "guardduty_command_and_control", **changes: Any) -> dict[str, Any]:
    """The raw OCSF finding of a sample, changed as by `asff`."""
    return changed(raw(f"security_hub_v2/{name}")["detail"]["findings"][0], changes)


def guardduty(name: str = "command_and_control", **changes: Any) -> dict[str, Any]:
    """The raw GuardDuty finding of a sample, changed as by `asff`."""
    return changed(raw(f"guardduty/{name}")["detail"], changes)


def inspector(name: str = "package_vulnerability", **changes: Any) -> dict[str, Any]:
    """The raw Inspector finding of a sample, changed as by `asff`."""
    return changed(raw(f"inspector/{name}")["detail"], changes)


def changed(finding: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The finding with the changes; what is None is gone."""
    return {field: value for field, value in (finding | changes).items() if value is not None}


def read(bare: object) -> Finding:
    """The one finding of a bare raw finding."""
    (event,) = read_document(bare)
    assert not event.unreadable
    (finding,) = event.findings
    return finding


def sample(name: str) -> Finding:
    """The one finding of tests/events/NAME.json."""
    return read(raw(name))


def refusal(bare: dict[str, Any], detail_type: str) -> str:
    """Why a bare raw finding of a feed cannot be read, as an event without account and Region says it."""
    detail = {"findings": [bare]} if DETAIL_TYPES[detail_type].many else bare
    event = parse_event({"detail-type": detail_type, "id": "1", "time": "2025-06-03T00:00:00Z", "detail": detail})
    (unreadable,) = event.unreadable
    assert unreadable.index == 0
    return unreadable.reason
