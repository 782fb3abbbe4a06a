"""Whatever stands in an event, it is read, or refused in one line that names the field; nothing else happens."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.findings.samples import FEEDS, names, raw, sample
from tocsin.findings.documents import deliveries, read_document
from tocsin.findings.event import UnreadableEvent, parse_event
from tocsin.findings.identity import copy_id, problem_key
from tocsin.findings.model import Finding, Resource

TEXTS = st.one_of(
    st.text(st.characters(codec=None)),
    st.sampled_from(
        ["", "\ud800", "\x00", "true", "ACTIVE", "2025-06-03T00:00:00Z", "arn:aws:x:y:z:w", "i-0abc", "x" * 9000]
    ),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
EVENTS = [raw(name) for folder in (*FEEDS, "malformed") for name in names(folder) if "detail-type" in raw(name)]
DELETE = object()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value below a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in pairs for found in ((*path, key), *places(inner, (*path, key)))]


PLACES = [places(event) for event in EVENTS]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A sample event with up to four values replaced by any JSON, or taken away."""
    index = draw(st.integers(0, len(EVENTS) - 1))
    event: dict[str, Any] = copy.deepcopy(EVENTS[index])
    for path in draw(st.lists(st.sampled_from(PLACES[index]), min_size=1, max_size=4)):
        change(event, path, draw(st.one_of(JSON, st.just(DELETE))))
    return event


def change(event: Any, path: tuple[Any, ...], value: Any) -> None:
    """Replace or delete what stands at the end of a path, if an earlier change has not taken the path away."""
    for key in path[:-1]:
        try:
            event = event[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(event, dict if isinstance(path[-1], str) else list):
        if value is not DELETE:
            if isinstance(event, dict) or path[-1] < len(event):
                event[path[-1]] = value
        elif isinstance(event, dict):
            event.pop(path[-1], None)
        elif path[-1] < len(event):
            del event[path[-1]]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(mutated())
def test_a_changed_event_is_read_or_refused_in_one_line(event: dict[str, Any]) -> None:
    try:
        parsed = parse_event(event)
    except UnreadableEvent as error:
        assert_one_line(str(error))
        return
    assert parsed.findings or parsed.unreadable
    for bad in parsed.unreadable:
        assert_one_line(bad.reason)
    for finding in parsed.findings:
        assert_sane(finding)
        assert Finding.from_json(finding.to_json()) == finding
        assert len(problem_key(finding)) == 32
        assert copy_id(finding)


@settings(max_examples=100, deadline=None)
@given(st.one_of(JSON, mutated()))
def test_any_document_is_read_or_refused(document: Any) -> None:
    for function in (read_document, deliveries):
        try:
            function(document)
        except UnreadableEvent as error:
            assert_one_line(str(error))


@settings(max_examples=100, deadline=None)
@given(mutated())
def test_reading_changes_nothing_and_is_the_same_each_time(event: dict[str, Any]) -> None:
    before = copy.deepcopy(event)
    try:
        first = parse_event(event)
    except UnreadableEvent:
        return
    assert parse_event(event) == first
    assert json.dumps(event) == json.dumps(before)


@pytest.mark.parametrize("depth", [50, 400])
def test_depth_is_no_way_to_crash(depth: int) -> None:
    deep: Any = "198.51.100.7"
    for _ in range(depth):
        deep = {"remoteIpDetails": deep, "RemoteIpDetails": [deep]} if depth < 20 else {"inner": [deep]}
    for event in EVENTS:
        for path in (("detail",), *(("detail", key) for key in event.get("detail", {}))):
            crowded = copy.deepcopy(event)
            change(crowded, path, deep)
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
            control = {character for character in text if ord(character) < 32 or 127 <= ord(character) < 160}
            assert control <= ({"\n"} if multiline else set()), field.name
            assert not any("\u202a" <= character <= "\u202e" for character in text), field.name
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
