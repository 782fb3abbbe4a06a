"""Parse and decide, beside json.loads of the same event."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from time import perf_counter

from tests import alerts
from tests.bench.figures import Figure
from tests.deployment import ROOT
from tocsin.alerts.decide import decide, may_repeat, screen, sighting_of
from tocsin.findings.event import parse_event
from tocsin.findings.model import Feed

GOAL = 2.0
ROUNDS = 100
TIMES = 10
"""How often each event is read in a round."""

EVENTS = ROOT / "tests" / "events"
UNREAL = ("hostile", "minimal")
"""Samples that no service would send: one is all traps, one has nothing but what is required."""


def measure(say: Callable[[str], None]) -> list[Figure]:
    """The least time for each sample event, by turns with json.loads of the same bytes in this process."""
    figures, total = [], []
    for feed in Feed:
        say(f"parse and decide: {feed}")
        times = [_least(body) for body in sample_bodies(feed)]
        total += times
        figures.append(_figure(f"parse_and_decide_{feed}", str(feed), times))
    return [*figures, _figure("parse_and_decide", "all feeds", total)]


def sample_bodies(feed: str) -> list[str]:
    """The sample events of a feed as EventBridge sends them: compact JSON."""
    documents = (
        json.loads(path.read_text()) for path in sorted((EVENTS / feed).glob("*.json")) if path.stem not in UNREAL
    )
    return [json.dumps(document, separators=(",", ":")) for document in documents if "detail-type" in document]


def _figure(name: str, what: str, times: list[tuple[float, float]]) -> Figure:
    ours, theirs = (sum(column) / len(times) for column in zip(*times, strict=True))
    detail = f"{ours * 1e6:.0f} µs : {theirs * 1e6:.0f} µs, {len(times)} events"
    return Figure(name, ours / theirs, GOAL, f"parse and decide : json.loads, {what}", detail)


def _least(body: str) -> tuple[float, float]:
    """Seconds to read and decide, and to load: of many short rounds the shortest, as a busy machine only adds."""
    raw = json.loads(body)
    rounds = [(_seconds(partial(_read, raw)), _seconds(partial(json.loads, body))) for _ in range(ROUNDS)]
    ours, theirs = zip(*rounds, strict=True)
    return min(ours), min(theirs)


def _seconds(work: Callable[[], object]) -> float:
    begin = perf_counter()
    for _ in range(TIMES):
        work()
    return (perf_counter() - begin) / TIMES


def _read(raw: dict[str, object]) -> None:
    event = parse_event(raw)
    for finding in event.findings:
        sighting = sighting_of(event, finding)
        if screen(sighting, SETTINGS) is None:
            may_repeat(sighting, SETTINGS)
            decide(None, sighting, SETTINGS, alerts.NOW, alerts.INSTALLED_AT)


SETTINGS = alerts.settings()
