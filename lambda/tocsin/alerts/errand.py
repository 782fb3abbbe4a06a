"""What `tell` and `settle` hand each other through the state machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Errand:
    """Which channel of which alert, in which attempt."""

    key: str
    alert_id: str
    attempt: int
    channel: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """SENT, FAILED (surely not sent), DEFERRED (asked to wait), UNKNOWN (perhaps sent), DROPPED (no such channel), or
    why nothing was tried: DONE, SUPERSEDED, LATER, BUSY.

    `tries` counts the reservations so far, this one included. `wait_seconds` is what a deferring channel asked for.
    `instead` are the channels that the routes name now, where one was dropped.
    """

    outcome: str
    message_id: str = ""
    why: str = ""
    tries: int = 0
    wait_seconds: float = 0
    instead: Sequence[str] = ()
