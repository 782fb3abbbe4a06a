"""Tell a problem or stay silent, and why. Pure: the record, the sighting, the settings and the clock come in."""

from __future__ import annotations

import base64
import hashlib
import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tocsin.alerts.alert import Reason
from tocsin.alerts.problem import CLOSED, OPEN, Copy, Problem, Telling
from tocsin.alerts.route import channels_for
from tocsin.findings.identity import copy_id, problem_key
from tocsin.findings.model import Event, Finding, Severity
from tocsin.settings import Settings

DAY_MS = 86_400_000
KEPT_OPEN_MS = 180 * DAY_MS
KEPT_CLOSED_MS = 30 * DAY_MS
"""Longer than queue and dead-letter queue together hold an event (18 days), so that a late one meets its record."""

STAMP_AHEAD_MS = 5 * 60_000
"""How far `UpdatedAt` may run ahead of EventBridge's clock; a product that sends 2099 cannot silence the future."""

LEASE_MS = 5 * 60_000
"""How long an attempt has before the sweeper may start the next; a channel that reports a failure ends it early."""

FORGOTTEN_MS = 2 * DAY_MS
"""How long after its lease an alert still counts as in flight. The sweeper renews the lease within hours, so one that
is older has lost its outbox row, and must not keep the problem silent."""

MOST_COPIES = 12
MOST_ACTORS = 50


@dataclass(frozen=True, slots=True)
class Sighting:
    """One finding of one event, as the ledger sees it. `stamp` and `time` in milliseconds since the epoch.

    `actors` are digests of the finding's: fifty IPv6 addresses would make each repeat cost three write units.
    """

    key: str
    copy: str
    event_id: str
    stamp: int
    time: int
    requested: bool
    finding: Finding
    actors: frozenset[str]


def sighting_of(event: Event, finding: Finding) -> Sighting:
    """The finding as this event shows it, under the problem and the copy that it is."""
    time = _ms(event.time.timestamp())
    return Sighting(
        key=problem_key(finding),
        copy=copy_id(finding),
        event_id=event.event_id,
        stamp=min(_ms(finding.updated_at.timestamp()), time + STAMP_AHEAD_MS),
        time=time,
        requested=event.requested,
        finding=finding,
        actors=frozenset(map(_digest, finding.actors)),
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """`alert` with its `channels`, or silence. `store` says whether the record changes.

    `again` marks the answer that was already given to this very event: nothing is to be written.
    """

    reason: Reason
    alert: bool = False
    channels: tuple[str, ...] = ()
    store: bool = True
    again: bool = False


def screen(sighting: Sighting, settings: Settings) -> Decision | None:
    """Silence that needs no record: an unwanted sample, or an account or product that was not selected.

    A person's request is always heard.
    """
    finding = sighting.finding
    if sighting.requested:
        return None
    if finding.sample and settings.samples == "silent":
        return Decision(Reason.SAMPLE, store=False)
    products = {product.lower() for product in settings.products}
    if (products and finding.product.lower() not in products) or (
        settings.account_ids and finding.account_id not in settings.account_ids
    ):
        return Decision(Reason.FILTERED, store=False)
    return None


def may_repeat(sighting: Sighting, settings: Settings) -> bool:
    """Whether this sighting could be a plain repeat, so that the ledger's one cheap write is worth trying."""
    finding = sighting.finding
    return finding.open and not sighting.requested and finding.severity >= settings.minimum_severity


def decide(old: Problem | None, sighting: Sighting, settings: Settings, now: int, installed_at: int) -> Decision:
    """What to do with a sighting, given the problem's record (None: never seen, or long forgotten).

    `now` and `installed_at` in milliseconds since the epoch. Total: every sighting has an answer.
    """
    finding = sighting.finding
    known = old.src.get(sighting.copy) if old is not None else None
    # Another copy in the same event (a request for several findings) is not the same again.
    claimed = old is not None and old.event == sighting.event_id and known is not None and known.time >= sighting.time
    if old is not None and claimed and old.reason is not None:
        return Decision(Reason(old.reason), alert=True, channels=tuple(sorted(old.ch)), store=False, again=True)
    if old is not None and old.expires_at * 1000 <= now:
        old = known = None
    asked = sighting.requested and (old is None or old.asked is None or sighting.time > old.asked)
    overtaken = known is not None and _older(sighting, known)
    if overtaken and not asked and not (finding.open and _new_actor(old, sighting)):
        return Decision(Reason.OLDER, store=False)
    news = not overtaken and _news(known, sighting)
    store = not overtaken and (news or known is None or sighting.time > known.time)
    if not finding.open or not is_open(_copies(old, sighting)):
        return Decision(Reason.CLOSED, store=store)
    if finding.severity < settings.minimum_severity and not asked:
        return Decision(Reason.BELOW_SEVERITY, store=store)
    reason = Reason.REQUESTED if asked else _reason(old, sighting, settings, now, news)
    if reason is Reason.REPEAT:
        return Decision(reason, store=store)
    if reason is Reason.FIRST and settings.backlog == "silent" and _backlog(old, finding, installed_at):
        return Decision(Reason.BACKLOG, store=store)
    channels = channels_for(replace(finding, severity=told_severity(old, sighting, now)), settings)
    if not channels:
        return Decision(Reason.NO_ROUTE, store=store)
    if settings.mode == "observe":
        return Decision(Reason.OBSERVED, channels=channels)
    return Decision(reason, alert=True, channels=channels)


def _reason(old: Problem | None, sighting: Sighting, settings: Settings, now: int, news: bool) -> Reason:
    """Why this open and severe enough problem would be told; REPEAT if it would not."""
    rank = int(sighting.finding.severity)
    if old is None:
        return Reason.FIRST
    observing = settings.mode == "observe"
    told_at, told_rank = (old.observed_at, old.observed_rank) if observing else (old.told_at, old.told_rank)
    ever_told = bool(old.heard) or (observing and told_at is not None)
    if old.state == CLOSED or (old.returned and not observing):
        return Reason.REOPENED if ever_told else Reason.FIRST
    in_flight = bool(old.untold) and now - old.lease_until < FORGOTTEN_MS
    if in_flight:
        told_rank = old.alert_rank
    elif told_at is None:
        if rank > old.rank:
            return Reason.SEVERITY_UP
        if _new_actor(old, sighting):
            return Reason.NEW_ACTOR
        return Reason.REMINDER if ever_told else Reason.FIRST
    if told_rank is None or (news and rank > told_rank):
        return Reason.SEVERITY_UP
    if _new_actor(old, sighting):
        return Reason.NEW_ACTOR
    if (
        news
        and not in_flight
        and told_at is not None
        and told_at <= now - settings.window_ms(sighting.finding.severity)
    ):
        return Reason.REMINDER
    return Reason.REPEAT


def _news(known: Copy | None, sighting: Sighting) -> bool:
    """Whether the product saw something. An equal stamp with the same state is a redelivery or our own write-back."""
    shown = (sighting.finding.open, int(sighting.finding.severity))
    return known is None or sighting.stamp > known.stamp or shown != (known.open, known.rank)


def told_severity(old: Problem | None, sighting: Sighting, now: int) -> Severity:
    """The severity to tell: the highest that an open copy gives the problem, or that is being told and must not be
    superseded by less."""
    rank = int(sighting.finding.severity)
    if old is None or old.expires_at * 1000 <= now:
        return Severity(rank)
    others = (copy.rank for copy in _copies(old, sighting).values() if copy.open)
    in_flight = old.alert_rank if old.untold and old.state == OPEN and not old.returned else None
    return Severity(max(rank, in_flight or 0, *others))


def _new_actor(old: Problem | None, sighting: Sighting) -> bool:
    """An address not seen before, from a copy already known: a first look at another copy is no new attack.

    Once the record is full of actors, further ones are no news any more.
    """
    if old is None or sighting.copy not in old.src:
        return False
    return len(old.actors) < MOST_ACTORS and not sighting.actors <= old.actors


def _backlog(old: Problem | None, finding: Finding, installed_at: int) -> bool:
    """Older than the installation, and nothing has happened to it that we saw (a closing makes the return news)."""
    created = finding.created_at or finding.first_seen or finding.updated_at
    unmoved = old is None or (old.state == OPEN and not old.returned)
    return unmoved and _ms(created.timestamp()) < installed_at


def _older(sighting: Sighting, known: Copy) -> bool:
    return (sighting.stamp, sighting.time) < (known.stamp, known.time)


def _copies(old: Problem | None, sighting: Sighting) -> Mapping[str, Copy]:
    """The copies with this sighting in place; the one heard of longest ago gives way to a thirteenth."""
    copies = dict(old.src) if old is not None else {}
    known = copies.pop(sighting.copy, None)
    copy = Copy(sighting.stamp, sighting.time, sighting.finding.open, int(sighting.finding.severity))
    if known is not None and _older(sighting, known):
        copy = known  # a person's request, or a new actor, may come with what was overtaken meanwhile
    kept: Iterable[str] = copies
    if len(copies) >= MOST_COPIES:
        kept = heapq.nlargest(MOST_COPIES - 1, copies, key=lambda name: (copies[name].open, copies[name].time))
    return {name: copies[name] for name in sorted(kept)} | {sighting.copy: copy}


def is_open(copies: Mapping[str, Copy]) -> bool:
    """Any copy open; where Security Hub has one, only Security Hub's copies count, as only they carry the workflow."""
    carrying = [copy for name, copy in copies.items() if name.startswith("s")]
    return any(copy.open for copy in carrying or copies.values())


def record(old: Problem | None, sighting: Sighting, decision: Decision, now: int, alert_id: str | None) -> Problem:
    """The problem's next record. `alert_id` names the claim when the decision is to alert, else it is None."""
    rev = old.rev + 1 if old is not None else 1
    if old is not None and old.expires_at * 1000 <= now:
        old = None
    finding = sighting.finding
    copies = _copies(old, sighting)
    opened = is_open(copies)
    rank = int(finding.severity)
    base = old or Problem(
        key=sighting.key, rev=0, state=OPEN, src={}, rank=rank, seen=0, first_seen=now, last_seen=now, expires_at=0
    )
    counted = (
        finding.open and not (sighting.requested and old is not None) and _news(base.src.get(sighting.copy), sighting)
    )
    new_actors = sorted(sighting.actors - base.actors)[: MOST_ACTORS - len(base.actors)]
    problem = replace(
        base,
        rev=rev,
        state=OPEN if opened else CLOSED,
        src=copies,
        rank=_highest(base, finding),
        seen=base.seen + int(counted),
        last_seen=now,
        expires_at=(now + (KEPT_OPEN_MS if opened else KEPT_CLOSED_MS)) // 1000,
        actors=base.actors.union(new_actors),
        asked=max(sighting.time, base.asked or 0) if sighting.requested else base.asked,
        returned=opened and (base.returned or base.state == CLOSED),
    )
    if not opened:
        problem = replace(problem, observed_at=None, observed_rank=None)
    if decision.reason is Reason.OBSERVED:
        return replace(problem, observed_at=now, observed_rank=rank)
    if alert_id is None:
        return problem
    waiting = old.untold if old is not None else ()
    return replace(
        problem,
        told_at=None,
        told_rank=None,
        told_before=base.told_at or base.told_before,
        alert_id=alert_id,
        event=sighting.event_id,
        reason=decision.reason,
        alert_rank=int(told_severity(old, sighting, now)),
        attempt=1,
        lease_until=now + LEASE_MS,
        returned=False,
        ch={name: Telling() for name in (*decision.channels, *waiting)},
    )


def _highest(base: Problem, finding: Finding) -> int:
    """Copies may rate a problem differently: it must not seem to rise whenever the more severe one speaks again."""
    if not finding.open:
        return base.rank
    return int(finding.severity) if base.state == CLOSED else max(base.rank, int(finding.severity))


def from_severity(old: Problem | None, decision: Decision) -> Severity | None:
    """What a rise rose from: what was being told, was told, or was last seen."""
    if old is None or decision.reason is not Reason.SEVERITY_UP:
        return None
    ranks = [rank for rank in (old.alert_rank if old.untold else old.told_rank, old.rank) if rank is not None]
    return Severity(ranks[0])


def _digest(actor: str) -> str:
    """48 bits of SHA-256 as 8 characters: enough to tell fifty addresses apart."""
    return base64.b64encode(hashlib.sha256(actor.encode()).digest()[:6]).decode()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
