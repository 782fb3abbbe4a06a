"""Sightings and settings for tests of deciding and of the ledger, at fixed times."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.factories import finding as make_finding
from tocsin.alerts.decide import Sighting, sighting_of
from tocsin.findings.model import Event, Finding, Severity
from tocsin.settings import Channel, Email, Route, Settings, Slack, Sns

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = round(START.timestamp() * 1000)
INSTALLED_AT = NOW - 30 * 86_400_000

CHANNELS = {
    "audit": Channel("audit", Sns("arn:aws:sns:eu-west-1:111122223333:audit")),
    "mail": Channel("mail", Email("tocsin@example.com", ("soc@example.com",))),
    "slack": Channel("slack", Slack("arn:aws:secretsmanager:eu-west-1:111122223333:secret:hook", ("hooks.slack.com",))),
}


def settings(**changes: Any) -> Settings:
    """The module's defaults with three channels and one route to all of them."""
    base = Settings(
        name="tocsin",
        mode="alert",
        backlog="silent",
        samples="mark",
        minimum_severity=Severity.HIGH,
        dedupe_days={
            Severity.CRITICAL: 1,
            Severity.HIGH: 7,
            Severity.MEDIUM: 15,
            Severity.LOW: 30,
            Severity.INFORMATIONAL: 30,
        },
        products=(),
        account_ids=(),
        channels=CHANNELS,
        routes=(Route(tuple(CHANNELS), {}, {}, False),),
    )
    return replace(base, **changes)


def sighting(
    event_id: str = "e1",
    *,
    at_seconds: float = 0,
    requested: bool = False,
    stamp_seconds: float | None = None,
    **changes: Any,
) -> Sighting:
    """A finding, seen by an event `at_seconds` after START; its stamp is the same unless said otherwise."""
    return sighting_of(
        *event(event_id, at_seconds=at_seconds, requested=requested, stamp_seconds=stamp_seconds, **changes)
    )


def event(
    event_id: str = "e1",
    *,
    at_seconds: float = 0,
    requested: bool = False,
    stamp_seconds: float | None = None,
    **changes: Any,
) -> tuple[Event, Finding]:
    time = START + timedelta(seconds=at_seconds)
    stamp = time if stamp_seconds is None else START + timedelta(seconds=stamp_seconds)
    defaults: dict[str, Any] = {"updated_at": stamp, "created_at": START - timedelta(days=1), "severity": Severity.HIGH}
    made = make_finding(**(defaults | changes))
    return Event(event_id, time, made.feed, requested, (made,)), made
