"""Whatever stands in an event, it is read, decided and told, or refused in one line.

A thousand cases, the same each time; `make fuzz` runs 100,000 new ones.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import alerts
from tests.factories import alert as make_alert
from tests.unit.findings.mutations import anything, mutated
from tests.unit.findings.test_hostile import assert_one_line, assert_sane
from tests.unit.messages.conftest import CHANNELS
from tests.unit.messages.test_hostile import check_sizes
from tocsin.alerts import channels, email, slack, sns
from tocsin.alerts.alert import Reason
from tocsin.alerts.decide import Decision, Sighting, decide, may_repeat, record, screen, sighting_of
from tocsin.alerts.problem import CLOSED, DEAD, DROPPED, OPEN, PENDING, SENDING, SENT, Copy, Problem, Telling
from tocsin.alerts.slim import slim
from tocsin.findings.documents import deliveries, read_document
from tocsin.findings.event import UnreadableEvent, parse_event
from tocsin.findings.identity import copy_id, problem_key
from tocsin.findings.model import Feed, Finding, Severity
from tocsin.settings import Route, Settings

THOUSANDS = int(os.environ.get("TOCSIN_FUZZ_THOUSANDS", "1"))
"""How many thousand damaged events are read; the slower properties take a part of it. A thousand at a time, because
hypothesis remembers every case of a run."""

thousands = pytest.mark.parametrize("thousand", range(THOUSANDS))

SETTINGS = alerts.settings()
TOLD = list(Reason)[:6]
"""The reasons to tell."""

RECORD_BYTES = 6000
"""What the record of the busiest problem may take: fifty actors, twelve copies, four channels."""


def cases(number: int) -> settings:
    """A run of so many cases, in `make test` always the same. Without a limit of time: a machine may be busy."""
    return settings(
        max_examples=number,
        derandomize=THOUSANDS == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@thousands
@cases(1000)
@given(event=mutated())
def test_a_damaged_event_is_read_or_refused_in_one_line(thousand: int, event: dict[str, Any]) -> None:
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
        assert copy_id(finding)
        assert {problem_key(replace(finding, feed=feed)) for feed in Feed} == {problem_key(finding)}
        sighting = sighting_of(parsed, finding)
        decision = screen(sighting, SETTINGS) or decide(None, sighting, SETTINGS, alerts.NOW, alerts.INSTALLED_AT)
        check_record(None, sighting, decision, alerts.NOW)


@thousands
@cases(100)
@given(event=mutated())
def test_a_problem_has_one_key_in_whatever_order_it_is_written(thousand: int, event: dict[str, Any]) -> None:
    before = json.dumps(event)
    try:
        findings = parse_event(event).findings
        backwards = parse_event(reversed_order(event)).findings
    except UnreadableEvent:
        return
    assert sorted(map(problem_key, findings)) == sorted(map(problem_key, backwards))
    assert json.dumps(event) == before, "reading changes nothing"
    assert parse_event(event).findings == findings, "and is the same each time"


@thousands
@cases(100)
@given(document=st.one_of(st.integers(0, 2**64).map(lambda seed: anything(Random(seed))), mutated()))
def test_any_document_is_read_or_refused(thousand: int, document: Any) -> None:
    for function in (read_document, deliveries):
        try:
            function(document)
        except UnreadableEvent as error:
            assert_one_line(str(error))


@thousands
@cases(100)
@given(event=mutated(), reason=st.sampled_from(TOLD))
def test_every_finding_composes_on_every_channel(thousand: int, event: dict[str, Any], reason: Reason) -> None:
    try:
        findings = parse_event(event).findings
    except UnreadableEvent:
        return
    for finding in findings:
        kept = Finding.from_json(slim(finding).to_json())
        told = replace(make_alert(), finding=kept, reason=reason, from_severity=Severity.LOW)
        for kind, channel in CHANNELS.items():
            message = channels.compose(channel, told, "tocsin")
            assert message.failure == "", kind
            for content in message.files().values():
                content.encode()
            match message:
                case email.Mail():
                    assert 0 < len(message.subject) <= 200
                    assert message.subject.splitlines() == [message.subject]
                    assert len(message.html.encode()) < 90_000
                case sns.Publication():
                    assert 0 < len(message.subject) < 100
                    assert message.subject.isascii()
                    assert message.subject.isprintable()
                    assert len(message.text.encode()) < 250_000
                case slack.Post():
                    check_sizes(json.loads(message.payload))


TIMES = st.integers(0, 2 * alerts.NOW)
NAMES = st.sampled_from(["audit", "mail", "slack", "gone"])
MANY = [f"2001:db8:1111:2222:3333:4444:5555:{number:x}" for number in range(4096, 4156)]
ADDRESSES = st.one_of(
    st.frozensets(st.sampled_from(MANY), max_size=3), st.sampled_from([frozenset(MANY[:50]), frozenset(MANY[10:])])
)
RANKS = st.integers(0, 4)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


TELLINGS = st.builds(
    Telling,
    st=st.sampled_from([PENDING, SENDING, SENT, DROPPED, DEAD]),
    until=maybe(TIMES),
    next=maybe(TIMES),
    tries=st.integers(0, 20),
    msg=maybe(st.text(max_size=60)),
    why=maybe(st.text(max_size=80)),
)
COPIES = st.builds(Copy, stamp=TIMES, time=TIMES, open=st.booleans(), rank=RANKS)
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "key": st.just("0" * 32),
    "state": st.sampled_from([OPEN, CLOSED]),
    "src": st.dictionaries(st.sampled_from([f"{feed}{n:08x}" for feed in "sn" for n in range(9)]), COPIES, max_size=12),
    "expires_at": st.integers(0, 2 * alerts.NOW // 1000),
    "actors": ADDRESSES,
    "heard": st.frozensets(NAMES),
    "alert_id": st.just("0" * 32 + "-mm8d2v40"),
    "event": st.sampled_from(["e1", "e2"]),
    "reason": st.sampled_from(list(Reason)),
    "attempt": st.integers(0, 20),
    "ch": st.dictionaries(NAMES, TELLINGS),
}


def field_values(field: dataclasses.Field[Any]) -> st.SearchStrategy[Any]:
    """What may stand in a field of a record: as above, else a rank, a truth value or a time."""
    kind = str(field.type)
    plain = RANKS if field.name.endswith("rank") else st.booleans() if kind == "bool" else TIMES
    values = SPECIAL.get(field.name, plain)
    return maybe(values) if kind.endswith("None") else values


PROBLEMS = st.builds(Problem, **{field.name: field_values(field) for field in dataclasses.fields(Problem)})
SOME_SETTINGS = st.builds(
    alerts.settings,
    mode=st.sampled_from(["alert", "observe"]),
    backlog=st.sampled_from(["silent", "alert"]),
    samples=st.sampled_from(["mark", "silent"]),
    minimum_severity=st.sampled_from(Severity),
    dedupe_days=st.fixed_dictionaries({severity: st.floats(0, 3650) for severity in Severity}),
    products=st.sampled_from([(), ("guardduty",), ("Macie",)]),
    account_ids=st.sampled_from([(), ("111122223333",), ("999999999999",)]),
    routes=st.sampled_from([(), (Route(("mail",), {"severities": ("CRIT*",)}, {}, False),), SETTINGS.routes]),
)


@st.composite
def sightings(draw: st.DrawFn) -> Sighting:
    """A finding of any feed, state, severity and age, seen as a copy that the record may know."""
    made = alerts.sighting(
        draw(st.sampled_from(["e1", "e2", "e3"])),
        at_seconds=draw(st.integers(-(10**8), 10**8)),
        stamp_seconds=draw(st.integers(-(10**8), 10**8)),
        requested=draw(st.booleans()),
        feed=draw(st.sampled_from(Feed)),
        severity=draw(st.sampled_from(Severity)),
        closed_by=draw(st.sampled_from([None, "ARCHIVED"])),
        sample=draw(st.booleans()),
        actors=tuple(draw(ADDRESSES)),
    )
    return replace(made, copy=draw(st.sampled_from(["s00000000", "n00000000", made.copy])))


@thousands
@cases(100)
@given(old=maybe(PROBLEMS), sighting=sightings(), configured=SOME_SETTINGS, now=TIMES, installed_at=TIMES)
def test_decide_always_has_an_answer(
    thousand: int, old: Problem | None, sighting: Sighting, configured: Settings, now: int, installed_at: int
) -> None:
    may_repeat(sighting, configured)
    decision = screen(sighting, configured) or decide(old, sighting, configured, now, installed_at)
    assert decision == (screen(sighting, configured) or decide(old, sighting, configured, now, installed_at))
    if decision.alert and not decision.again:
        assert decision.channels
        assert decision.reason in TOLD
        assert set(decision.channels) <= set(configured.channels)
    check_record(old, sighting, decision, now)


def check_record(old: Problem | None, sighting: Sighting, decision: Decision, now: int) -> None:
    """What the decision would record is what is read back, and stays small."""
    claims = decision.alert and not decision.again
    recorded = record(old, sighting, decision, now, f"{sighting.key}-mm8d2v40" if claims else None)
    item = recorded.to_item()
    assert Problem.from_item(item) == recorded
    assert recorded.rev == (old.rev if old is not None else 0) + 1
    assert len(recorded.src) <= 12
    assert len(recorded.actors) <= 50
    assert item_bytes({"M": item}) < RECORD_BYTES


def item_bytes(value: dict[str, Any]) -> int:
    """The size of a DynamoDB value by https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + item_bytes(inner) for name, inner in content.items())
    if kind == "SS":
        return sum(len(text.encode()) for text in content)
    if kind == "N":
        return len(content) // 2 + 2
    return len(content.encode()) if kind == "S" else 1


def reversed_order(value: Any) -> Any:
    """The same JSON with the fields of every object and the members of every list from last to first."""
    if isinstance(value, dict):
        return {key: reversed_order(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [reversed_order(inner) for inner in reversed(value)]
    return value
