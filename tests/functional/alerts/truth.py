"""What must be true of any schedule, kept apart from the code under test: it knows events and messages, not decisions.

Every event that was recorded, every claim and every message is noted here as it happens, and compared with what the
promise allows. Nothing of `decide.py` is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tocsin.alerts.alert import Alert, Reason
from tocsin.alerts.decide import FORGOTTEN_MS, Decision, Sighting
from tocsin.settings import Settings

MOST_NAMED_ACTORS = 20
"""How many addresses an alert can name (see slim.py)."""


@dataclass
class Sent:
    """One message that left. `lost` when nobody can know whether it did; `lapses_at` is the end of its reservation."""

    lapses_at: int
    lost: bool = False
    recorded: bool = False


@dataclass
class Claim:
    """An alert: who claimed it, why, and what became of it on each channel."""

    alert: Alert
    sighting: Sighting
    at: int
    rank: int
    channels: set[str]
    closings: int
    told_at: int | None = None
    superseded: bool = False
    instead: set[str] = field(default_factory=set)
    """What was to take the place of channels that are no longer configured."""

    ends: dict[str, str] = field(default_factory=dict)
    sent: dict[str, list[Sent]] = field(default_factory=dict)

    @property
    def in_flight(self) -> bool:
        return not self.superseded and any(self.ends.get(name) is None for name in self.channels)


@dataclass
class Known:
    """A problem, as everybody who saw the same events would describe it."""

    newest: dict[str, list[Sighting]] = field(default_factory=dict)
    """Per copy, those with the newest (stamp, time): more than one where a product changed it twice in one instant."""

    actors: set[str] = field(default_factory=set)
    claims: list[Claim] = field(default_factory=list)
    processed: set[str] = field(default_factory=set)
    claimed: set[tuple[str, str]] = field(default_factory=set)
    closings: int = 0
    recorded_at: int = 0
    asked: int = -1
    """The time of the newest request by a person; it answers those that were made before."""

    def states(self) -> set[bool]:
        """Whether it is open: both answers where what is known allows both."""
        copies = {name: {seen.finding.open for seen in newest} for name, newest in self.newest.items()}
        carrying = {name: opens for name, opens in copies.items() if name.startswith("s")} or copies
        surely = any(opens == {True} for opens in carrying.values())
        perhaps = any(True in opens for opens in carrying.values())
        return {surely, perhaps}

    def see(self, sighting: Sighting) -> None:
        """Note what an event says, unless something newer is known of its copy."""
        self.processed.add(sighting.event_id)
        if sighting.requested:
            self.asked = max(self.asked, sighting.time)
        known = self.newest.get(sighting.copy, [])
        if not known or _order(sighting) > _order(known[0]):
            self.newest[sighting.copy] = [sighting]
        elif _order(sighting) == _order(known[0]) and sighting not in known:
            known.append(sighting)


def _order(sighting: Sighting) -> tuple[int, int]:
    return sighting.stamp, sighting.time


class Truth:
    """All problems. `happened` counts the situations that a schedule reached."""

    def __init__(self, happened: Counter[str]) -> None:
        self.problems: dict[str, Known] = {}
        self.alerts: dict[str, Claim] = {}
        self.forgotten: set[tuple[str, str]] = set()
        self.happened = happened

    def forget(self, key: str) -> None:
        """The record of a problem expired: what comes next is the first that anybody sees of it."""
        self.happened["record expired"] += 1
        self.forgotten |= {(event_id, key) for event_id in self.problems.pop(key).processed}

    def of(self, key: str) -> Known:
        return self.problems.setdefault(key, Known())

    # What triage does

    def recorded(self, sighting: Sighting, record: Mapping[str, Any] | None) -> None:
        """An event is in the ledger, or was found to change nothing: the record must say what is known."""
        problem = self.of(sighting.key)
        was_open = True in problem.states() if problem.newest else None
        problem.see(sighting)
        if record is None:
            return
        problem.actors |= set(sighting.finding.actors)
        problem.recorded_at = record["last_seen"]  # by the clock of the function, which may have been slow
        assert (record["state"] == "OPEN") in problem.states(), f"{sighting.event_id}: {record['state']}"
        if was_open is not False and record["state"] == "CLOSED":
            problem.closings += 1
        for name, newest in problem.newest.items():
            copy = record["src"][name]
            assert copy["stamp"] == newest[0].stamp, f"{name} is at {copy['stamp']}, newest is {newest[0].stamp}"
            shown = {(seen.finding.open, int(seen.finding.severity)) for seen in newest}
            assert (copy["open"], copy["rank"]) in shown, f"{name} is {copy}, newest is {shown}"

    def claimed(self, alert: Alert, sighting: Sighting, channels: set[str], settings: Settings, now: int) -> None:
        """A claim was committed: its reason must be true, and nothing that it supersedes may get lost."""
        problem = self.of(sighting.key)
        claim = Claim(alert, sighting, now, int(alert.finding.severity), channels, problem.closings)
        before = problem.claims[-1] if problem.claims else None
        name = (sighting.event_id, sighting.copy)
        if name in problem.claimed:
            assert before is not None
            ambiguous = len(problem.newest[sighting.copy]) > 1
            unheard = before.told_at is None and now - before.at > FORGOTTEN_MS
            assert ambiguous or unheard, f"{sighting.event_id} claimed twice"
            self.happened["claimed again, as nobody heard"] += 1
        problem.claimed.add(name)
        told = [old for old in problem.claims if old.told_at is not None]
        match alert.reason:
            case Reason.FIRST | Reason.REMINDER:
                assert bool(told) == (alert.reason is Reason.REMINDER)
                self._assert_quiet_is_over(problem, sighting, settings, now)
            case Reason.REOPENED:
                assert before is not None
                assert problem.closings > before.closings, "nothing closed it"
            case Reason.NEW_ACTOR:
                assert not set(sighting.finding.actors) <= problem.actors, "every actor was known"
            case Reason.REQUESTED:
                assert sighting.requested
            case Reason.SEVERITY_UP:
                assert before is None or before.rank < claim.rank or before.told_at is None, "it did not rise"
        if before is not None and before.in_flight:
            self.happened["supersede in flight"] += 1
            before.superseded = True
            left = {name for name in before.channels if before.ends.get(name) is None}
            assert left <= channels, f"superseding forgot {left - channels}"
            assert claim.rank >= before.rank or problem.closings > before.closings, "superseded by less"
            forgotten = set(before.alert.finding.actors) - set(alert.finding.actors)
            assert not forgotten or len(alert.finding.actors) == MOST_NAMED_ACTORS, f"nobody hears of {forgotten}"
        problem.claims.append(claim)
        self.alerts[alert.alert_id] = claim
        self.happened[f"claim {alert.reason}"] += 1

    def _assert_quiet_is_over(self, problem: Known, sighting: Sighting, settings: Settings, now: int) -> None:
        for claim in problem.claims:
            window_ms = settings.window_ms(sighting.finding.severity)
            quiet = claim.told_at is not None and claim.told_at > now - window_ms and not claim.superseded
            assert not quiet or claim is not problem.claims[-1], "told again inside the window without a reason"

    def decided(self, sighting: Sighting, decision: Decision, settings: Settings, now: int) -> None:
        """An event has its answer. Silence needs a reason that is true; checked once per event, before it is noted."""
        problem = self.of(sighting.key)
        finding = sighting.finding
        if sighting.event_id in problem.processed or decision.alert:
            return
        known = problem.newest.get(sighting.copy)
        echo = known is not None and any(
            (seen.stamp, seen.finding.open, seen.finding.severity) == (sighting.stamp, finding.open, finding.severity)
            for seen in known
        )  # a write-back to Security Hub: the product saw nothing
        overtaken = known is not None and _order(sighting) < _order(known[0])
        self.happened[f"silent {decision.reason}"] += 1
        answered = not sighting.requested or sighting.time <= problem.asked or decision.reason is Reason.CLOSED
        assert answered, "a person asked for it"
        match decision.reason:
            case Reason.OLDER:
                assert overtaken, "nothing newer is known"
                self._assert_no_actor_is_lost(problem, sighting, settings)
            case Reason.CLOSED:
                after = Known({name: list(newest) for name, newest in problem.newest.items()})
                after.see(sighting)
                assert not finding.open or False in after.states()
            case Reason.BELOW_SEVERITY:
                assert finding.severity < settings.minimum_severity
            case Reason.REPEAT:
                covering = [claim for claim in problem.claims if claim.closings == problem.closings]
                window_ms = settings.window_ms(finding.severity)
                assert any(
                    claim.rank >= finding.severity
                    and (echo or claim.in_flight or claim.superseded or (claim.told_at or 0) > now - window_ms)
                    for claim in covering
                ), "nobody was told of it at this severity, and nobody will be"
                self._assert_no_actor_is_lost(problem, sighting, settings)
            case _:
                raise AssertionError(f"silent for {decision.reason}")

    def _assert_no_actor_is_lost(self, problem: Known, sighting: Sighting, settings: Settings) -> None:
        """An address that nobody saw before is told, unless this is the first look at a copy."""
        finding = sighting.finding
        could = finding.open and problem.states() == {True} and finding.severity >= settings.minimum_severity
        if could and sighting.copy in problem.newest:
            lost = set(finding.actors) - problem.actors
            assert not lost, f"nobody hears of {lost}"

    # What channels do

    def sends(self, alert_id: str, channel: str, lapses_at: int, now: int) -> Sent:
        """A message leaves. There may be one before it only if nobody knows what became of that."""
        claim = self.alerts[alert_id]
        before = claim.sent.setdefault(channel, [])
        for earlier in before:
            assert not earlier.recorded, f"{channel} was told already, and it is recorded"
            assert now > earlier.lapses_at, f"{channel} is told a second time while the first holds its reservation"
        if before:
            self.happened["second message after an unknown outcome"] += 1
        if claim.superseded:
            self.happened["superseded after its reservation"] += 1
        before.append(Sent(lapses_at))
        return before[-1]

    def ended(self, alert_id: str, channel: str, state: str, now: int) -> None:
        """A channel came to its end in the ledger."""
        claim = self.alerts[alert_id]
        claim.channels.add(channel)
        claim.ends[channel] = state
        self.happened[f"channel {state}"] += 1
        if state != "SENT":
            return
        assert claim.sent.get(channel), f"{channel} is recorded as told, and no message left"
        for message in claim.sent[channel]:
            message.recorded = True
        claim.told_at = claim.told_at or now

    # At the end

    def assert_all_told(self) -> None:
        """Each alert that no other took the place of was told somewhere, or given up everywhere."""
        for claim in self.alerts.values():
            if claim.superseded:
                continue
            states = {name: claim.ends.get(name) for name in claim.channels}
            assert None not in states.values(), f"{claim.alert.alert_id} still waits: {states}"
            if not {"SENT", "DEAD"} & set(states.values()):
                # Only where each channel that took another's place was taken away as well, which is said aloud.
                assert claim.instead <= set(states), f"nobody was told: {states}"
                self.happened["nobody left to tell"] += 1

    def assert_highest_told(self, key: str) -> None:
        """Every claim ended above: what matters is that claims cover the highest of what was open, once told."""
        problem = self.of(key)
        told = [claim for claim in problem.claims if not claim.superseded]
        if told:
            of_this_opening = [claim.rank for claim in problem.claims if claim.closings == problem.closings]
            final = [claim.rank for claim in told if claim.closings == problem.closings]
            assert max(final, default=0) >= max(of_this_opening, default=0), "the highest severity was never told"
