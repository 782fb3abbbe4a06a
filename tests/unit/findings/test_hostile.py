"""Whatever stands in an event, it is read, or refused in one line that names the field; nothing else happens."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from tests.unit.findings.mutations import BODIES, change
from tests.unit.findings.samples import sample
from tocsin.findings.event import UnreadableEvent, parse_event
from tocsin.findings.model import Finding, Resource

TRAP = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e]")
"""Control characters, and those that turn the direction of writing."""


@pytest.mark.parametrize("depth", [50, 400])
def test_depth_is_no_way_to_crash(depth: int) -> None:
    deep: Any = "198.51.100.7"
    for _ in range(depth):
        deep = {"remoteIpDetails": deep, "RemoteIpDetails": [deep]} if depth < 20 else {"inner": [deep]}
    for body in BODIES.values():
        for path in (("detail",), *(("detail", key) for key in json.loads(body).get("detail", {}))):
            crowded = json.loads(body)
            change(crowded, path, lambda value: deep)
            try:
                parse_event(crowded)
            except UnreadableEvent as error:
                assert_one_line(str(error))


def test_the_hostile_sample_is_tame_afterwards() -> None:
    finding = sample("security_hub/hostile")
    assert_sane(finding)
    assert finding.actors == ()
    assert finding.count is None
    assert finding.source_url is None
    assert finding.resources[0].tags["team"] == "payments"


def assert_one_line(reason: str) -> None:
    assert reason
    assert len(reason) < 500
    assert not set(reason) & set("\r\n\x00\x1b")
    reason.encode()


def assert_sane(finding: Finding) -> None:
    for field in dataclasses.fields(finding):
        value = getattr(finding, field.name)
        multiline = field.name in ("description", "remediation")
        for text in strings(value):
            text.encode()
            assert len(text) <= (8192 if multiline else 2100), field.name
            found = TRAP.search(text.replace("\n", "") if multiline else text)
            assert found is None, field.name
    assert finding.finding_id
    assert finding.account_id
    assert finding.region
    assert finding.title
    assert len(finding.resources) <= 32
    assert len(finding.actors) <= 50
    for link in (finding.source_url, finding.remediation_url):
        assert link is None or link.startswith("https://")


def strings(value: object) -> list[str]:
    if isinstance(value, Resource):
        tags = [text for pair in value.tags.items() for text in pair]
        return [text for text in (value.type, value.id, value.name, value.region, value.account_id, *tags) if text]
    if isinstance(value, tuple):
        return [text for member in value for text in strings(member)]
    return [str(value)] if isinstance(value, str) else []
