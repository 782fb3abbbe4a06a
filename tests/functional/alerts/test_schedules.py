"""The real ledger code under thousands of schedules: any order of events, death in any call, jumps of time.

The rules below say what can happen in the world. Whatever does, `truth.py` checks each write and each message when it
is made, and at the end everything is healed, time passes, the sweeper runs, and nothing may be pending, lost, or told
twice without an unknown outcome.

Some hundred schedules run as a matter of course, the same each time. To look for more:

    TOCSIN_SCHEDULES=20000 python -m pytest tests/functional/alerts/test_schedules.py -s --hypothesis-seed=1

`-s` shows how often each situation was reached.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests import alerts
from tests.functional.alerts.stage import Actor, Dynamo, Fate, FunctionDied, Stage, StepFunctions
from tests.functional.alerts.table import Commit, Item, Table
from tests.functional.alerts.truth import Sent, Truth
from tocsin import log
from tocsin.alerts import channels, ledger, machine, triage
from tocsin.alerts.alert import Alert, Reason
from tocsin.alerts.channel_errors import Deferred, NotSent, Unknown
from tocsin.alerts.decide import DAY_MS, Decision, Sighting, sighting_of
from tocsin.alerts.errand import Errand, Outcome
from tocsin.alerts.ledger import RESERVED_MS, Conflict, Ledger
from tocsin.alerts.problem import UNTOLD, Problem, from_item
from tocsin.alerts.settle import settle
from tocsin.alerts.sweep import sweep
from tocsin.alerts.tell import APPLYING_MS, tell
from tocsin.alerts.triage import Desk
from tocsin.findings.model import Event, Feed, Severity
from tocsin.settings import Channel, Route, Settings, Sns

SCHEDULES = int(os.environ.get("TOCSIN_SCHEDULES", "0"))
ORDINARY_SCHEDULES = 700
STEPS = 40
MOST_ACTORS_WAITING = 8
KEPT_IN_QUEUE_MS = 4 * DAY_MS
EXECUTION_MS = 1_800_000

HIGH, CRITICAL, MEDIUM = Severity.HIGH, Severity.CRITICAL, Severity.MEDIUM
MAIL, SLACK, CHAT = (
    Channel(name, Sns(f"arn:aws:sns:eu-west-1:111122223333:{name}")) for name in ("mail", "slack", "chat")
)


def estate(*to: Channel, **changes: Any) -> Settings:
    """Settings with these channels and everything routed to all of them."""
    names = tuple(channel.name for channel in to)
    routed = {"channels": dict(zip(names, to, strict=True)), "routes": (Route(names, {}, {}, False),)}
    return alerts.settings(**(routed | changes))


USUAL = estate(MAIL, SLACK)
BY_SEVERITY = (Route(("mail",), {"severities": ("CRITICAL",)}, {}, False), Route(("slack",), {}, {}, False))
ESTATES = {
    "usual": USUAL,
    "slack renamed": estate(MAIL, CHAT),
    "mail removed": estate(SLACK),
    "both replaced": estate(CHAT),
    "one added": estate(MAIL, SLACK, CHAT),
    "routes by severity": estate(MAIL, SLACK, routes=BY_SEVERITY),
    "critical alone": estate(MAIL, SLACK, minimum_severity=CRITICAL),
    "short windows": estate(MAIL, SLACK, dedupe_days=dict.fromkeys(Severity, 0.01)),
}
MOODS = {
    "down": NotSent("500 from the channel"),
    "busy": Deferred("429 from the channel", 30),
    "silent": Unknown("no answer in 10 seconds"),
}
FINDINGS = ("arn:aws:guardduty:one", "arn:aws:guardduty:other")
PARTITIONS = "".join(sorted({alerts.sighting(finding_id=finding).key[0] for finding in FINDINGS}))
"""Of the outbox, those that these problems use: sixteen queries in each sweep would hide its other calls."""

FEEDS = (Feed.SECURITY_HUB, Feed.SECURITY_HUB_V2, Feed.GUARDDUTY)
WAITS_SECONDS = (1, 20, RESERVED_MS // 1000 + 1, 301, 700, 3_600, 7 * 3_600, 86_400, 3 * 86_400, 8 * 86_400)

happened: Counter[str] = Counter()
"""How often the schedules of this run reached each situation."""

MUST_HAPPEN = (
    "a reservation lapses in a slow execution",
    "an execution ends between send and record",
    "channel DEAD",
    "channel DROPPED",
    "claim NEW_ACTOR",
    "claim REMINDER",
    "claim REOPENED",
    "claim REQUESTED",
    "claim SEVERITY_UP",
    "message failed",
    "redelivered",
    "rerouted",
    "second message after an unknown outcome",
    "send KILLED_AFTER",
    "send UNANSWERED",
    "settings change while an alert waits",
    "silent OLDER",
    "superseded after its reservation",
    "supersede in flight",
    "sweeper beside a live execution",
    *(
        f"{call} {fate.name}"
        for call in ("get_item", "put_item", "update_item", "transact_write_items", "start_execution", "query")
        for fate in Fate
        if fate is not Fate.DONE
    ),
)
"""A generator that does not get there proves nothing."""

FAULTS = (ClientError, BotoCoreError)
"""What a call to AWS raises. Anything else that leaves a function is a defect."""

any_actor = st.integers(0, MOST_ACTORS_WAITING - 1)
any_message = st.integers(0, 9)
how_far = st.sampled_from((0, 0, 1, 2, 3, 4, 99))
any_fate = st.sampled_from((*Fate, Fate.DONE, Fate.DONE))


@dataclass
class Message:
    """An event in the intake queue, or one that was acknowledged and may be delivered again all the same."""

    event: Event
    sent_at: int
    acknowledged: bool = False


class WatchedLedger(Ledger):
    """The ledger; it also remembers which decision the running function is about to write."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(Dynamo(stage), "ledger", lambda: stage.now, lambda _: None)  # type: ignore[arg-type]
        self._stage = stage
        self.writing: dict[Actor, tuple[Sighting, Decision]] = {}

    def repeat(self, sighting: Sighting, window_ms: int) -> tuple[bool, Problem | None]:
        self._remember(sighting, Decision(Reason.REPEAT))
        return super().repeat(sighting, window_ms)

    def store(self, old: Problem | None, sighting: Sighting, decision: Decision) -> None:
        self._remember(sighting, decision)
        super().store(old, sighting, decision)

    def claim(self, old: Problem | None, sighting: Sighting, decision: Decision) -> Problem:
        self._remember(sighting, decision)
        return super().claim(old, sighting, decision)

    def _remember(self, sighting: Sighting, decision: Decision) -> None:
        if self._stage.running is not None:
            self.writing[self._stage.running] = sighting, decision


class World(RuleBasedStateMachine):
    """Products, people, queues, functions, channels and the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.table.committed = self.committed
        self.stage = Stage(alerts.NOW, self.table, happened)
        self.truth = Truth(happened)
        self.ledger = WatchedLedger(self.stage)
        self.reader = Ledger(self.table, "ledger", lambda: self.stage.now)  # type: ignore[arg-type]
        self.machines = StepFunctions(self.stage, self.begin)
        self.start = partial(machine.start, self.machines, "arn:aws:states:::alert", self.ledger)  # type: ignore[arg-type]
        self.messages: list[Message] = []
        self.accepted: set[tuple[str, str]] = set()
        self.dead_letters: set[tuple[str, str]] = set()
        self.newest: dict[tuple[str, Feed], dict[str, Any]] = {}
        self.moods: dict[str, str] = {}
        self.reserved: dict[tuple[str, str], int] = {}
        self.unsettled: dict[Actor, Sent] = {}
        self.settings_used: dict[Actor, Settings] = {}
        self.new, self.old, self.changed_at, self.old_answers = USUAL, USUAL, 0, False
        self.patches = pytest.MonkeyPatch()
        self.patches.setattr(triage, "parse_event", lambda event_id: self.messages[int(event_id[1:])].event)
        self.patches.setattr(triage, "decide_and_record", partial(self.decide_and_record, triage.decide_and_record))
        self.patches.setattr(channels, "compose", lambda channel, alert, *_: (channel.name, alert))
        self.patches.setattr(channels, "send", self.send)
        logging.disable()
        self.patches.setattr(ledger, "OUTBOX_PARTITIONS", PARTITIONS)
        self.patches.setattr(log, "single_metric", lambda **_: Quiet())

    # Products and people

    @rule(
        finding=st.sampled_from((*FINDINGS, FINDINGS[0], FINDINGS[0])),
        feed=st.sampled_from((*FEEDS, Feed.SECURITY_HUB)),
        severity=st.sampled_from((HIGH, CRITICAL, HIGH, MEDIUM)),
        closed=st.sampled_from((False, False, False, True)),
        actors=st.sampled_from(((), (), ("198.51.100.1",), ("198.51.100.2",), ("198.51.100.3", "198.51.100.1"))),
        same_stamp=st.sampled_from((False, False, False, True)),
        calls=st.sampled_from((None, 0, 1, 2, 3, 99, 99)),
        fate=any_fate,
    )
    def a_product_updates(
        self,
        finding: str,
        feed: Feed,
        severity: Severity,
        closed: bool,
        actors: tuple[str, ...],
        same_stamp: bool,
        calls: int | None,
        fate: Fate,
    ) -> None:
        """A finding is new, or changed; with `same_stamp` by BatchUpdateFindings, which leaves UpdatedAt as it is.

        Unless `calls` is None triage gets it at once.
        """
        before = self.newest.get((finding, feed))
        stamp = before["stamp_seconds"] if same_stamp and before else (self.stage.now - alerts.NOW) / 1000
        said = {
            "finding_id": finding,
            "feed": feed,
            "severity": severity,
            "closed_by": "ARCHIVED" if closed else None,
            "actors": actors,
            "stamp_seconds": stamp,
        }
        self.newest[finding, feed] = said
        message = self.accept(**said)
        if calls is not None and self.room():
            self.go(self.deliver(message), calls, fate)

    @precondition(lambda self: any(feed.authoritative for _, feed in self.newest))
    @rule(which=st.integers(0, 3))
    def a_person_asks(self, which: int) -> None:
        """A custom action about what Security Hub shows at that moment."""
        shown = [said for (_, feed), said in self.newest.items() if feed.authoritative]
        self.accept(requested=True, **shown[which % len(shown)])

    def accept(self, **said: Any) -> Message:
        event, finding = alerts.event(
            f"e{len(self.messages)}", at_seconds=(self.stage.now - alerts.NOW) // 1000, **said
        )
        self.messages.append(Message(event, self.stage.now))
        self.accepted.add((event.event_id, sighting_of(event, finding).key))
        return self.messages[-1]

    # The queue and triage

    @precondition(lambda self: self.waiting_messages() and self.room())
    @rule(which=any_message, calls=how_far, fate=any_fate)
    def triage_gets_a_message(self, which: int, calls: int, fate: Fate) -> None:
        """Any of those that wait: a standard queue has no order."""
        waiting = self.waiting_messages()
        self.go(self.deliver(waiting[which % len(waiting)]), calls, fate)

    @precondition(lambda self: self.acknowledged_messages() and self.room())
    @rule(which=any_message, calls=how_far)
    def triage_gets_a_message_again(self, which: int, calls: int) -> None:
        """A standard queue delivers at least once."""
        again = self.acknowledged_messages()
        happened["redelivered"] += 1
        self.go(self.deliver(again[which % len(again)]), calls)

    # Functions and executions

    @precondition(lambda self: self.stage.waiting())
    @rule(which=any_actor, calls=how_far, fate=any_fate)
    def somebody_goes_on(self, which: int, calls: int, fate: Fate) -> None:
        """One of those that wait at a call makes a few calls, and then one that may go wrong."""
        waiting = self.stage.waiting()
        self.go(waiting[which % len(waiting)], calls, fate)

    @precondition(lambda self: self.executions())
    @rule(
        which=any_actor,
        until=st.sampled_from(("send", "tell-returns", "update_item", "settle-returns")),
        fate=any_fate,
        slow=st.booleans(),
    )
    def a_channel_goes_on(self, which: int, until: str, fate: Fate, slow: bool) -> None:
        """One channel of an execution gets to a call of this kind, which may go wrong; there it waits once more.

        If it is slow, the reservation and the lease lapse, and the sweeper comes by.
        """
        self.go(self.a_channel_until(which, until), 0, fate)
        if slow:
            self.later(301)
            self.sweeper().finish()

    @precondition(lambda self: self.executions())
    @rule(which=any_actor, fate=st.sampled_from((Fate.UNANSWERED, Fate.KILLED_AFTER, Fate.KILLED_BEFORE)))
    def nobody_knows_whether_it_was_sent(self, which: int, fate: Fate) -> None:
        self.go(self.a_channel_until(which, "send"), 0, fate)

    @precondition(lambda self: self.executions())
    @rule(which=any_actor)
    def tell_is_retried_at_once(self, which: int) -> None:
        """A channel was told, Lambda answers with a fault of the service, and the state machine invokes it again."""
        actor = self.a_channel_until(which, "tell-returns")
        self.go(actor, 0, Fate.REPEATED)
        self.go(actor, 99)

    @precondition(lambda self: self.executions() and self.room())
    @rule(which=any_actor, until=st.sampled_from(("send", "tell-returns", "update_item")))
    def a_rise_overtakes_a_channel(self, which: int, until: str) -> None:
        """While a channel of an execution waits at a call, its problem gets worse, and triage claims that."""
        self.a_channel_until(which, until)
        for (finding, feed), said in list(self.newest.items()):
            self.newest[finding, feed] = said | {
                "severity": CRITICAL,
                "closed_by": None,
                "actors": (*said["actors"], f"203.0.113.{len(self.messages) % 250}"),
                "stamp_seconds": (self.stage.now - alerts.NOW) / 1000,
            }
            self.deliver(self.accept(**self.newest[finding, feed])).finish()

    @precondition(lambda self: self.stage.waiting())
    @rule(calls=st.integers(0, 30), fate=any_fate)
    def everybody_goes_on(self, calls: int, fate: Fate) -> None:
        """All who wait run to their ends beside each other, call by call; one call may go wrong."""
        made = 0
        while waiting := list(self.stage.waiting()):
            for actor in waiting:
                self.go(actor, 0, fate if made == calls else Fate.DONE)
                made += 1

    @precondition(lambda self: self.stage.waiting())
    @rule(which=any_actor)
    def somebody_is_stopped(self, which: int) -> None:
        waiting = self.stage.waiting()
        waiting[which % len(waiting)].stop()

    @precondition(lambda self: self.room())
    @rule(calls=how_far, fate=any_fate)
    def the_sweeper_runs(self, calls: int, fate: Fate) -> None:
        if any("attempt" in actor.name for actor in self.stage.waiting()):
            happened["sweeper beside a live execution"] += 1
        self.go(self.sweeper(), calls, fate)

    # Channels, settings, time

    @rule(channel=st.sampled_from(("mail", "slack", "chat")), mood=st.sampled_from(("up", *MOODS)))
    def a_channel_is(self, channel: str, mood: str) -> None:
        self.moods[channel] = mood

    @precondition(lambda self: self.old is self.new)
    @rule(estate=st.sampled_from(tuple(ESTATES)))
    def the_module_is_applied(self, estate: str) -> None:
        """For ten minutes at most, functions with the old settings answer beside those with the new ones."""
        self.new, self.changed_at = ESTATES[estate], self.stage.now
        if self.outbox():
            happened["settings change while an alert waits"] += 1

    @precondition(lambda self: self.old is not self.new)
    @rule(old=st.booleans())
    def the_next_functions_have(self, old: bool) -> None:
        self.old_answers = old

    @rule(seconds=st.sampled_from(WAITS_SECONDS), took_effect=st.booleans())
    def time_passes(self, seconds: int, took_effect: bool) -> None:
        if seconds > 86_400 and self.outbox():
            self.sweeper().finish()  # it may fail for days, not for as long as a record is kept
            self.finish_all()
        self.later(seconds, took_effect=took_effect)

    @precondition(lambda self: self.newest and self.room())
    @rule(which=st.integers(0, 5))
    def a_week_later_it_is_still_there(self, which: int) -> None:
        (finding, feed), said = list(self.newest.items())[which % len(self.newest)]
        self.time_passes(8 * 86_400, took_effect=False)
        self.newest[finding, feed] = said | {"stamp_seconds": (self.stage.now - alerts.NOW) / 1000}
        self.deliver(self.accept(**self.newest[finding, feed])).finish()

    @precondition(lambda self: not self.stage.waiting() and not self.waiting_messages() and not self.outbox())
    @rule(days=st.sampled_from((40, 200)))
    def a_record_is_forgotten(self, days: int) -> None:
        """Everything is quiet for longer than records are kept."""
        self.later(days * 86_400)

    # How it all works

    def configured(self) -> Settings:
        return self.old if self.old_answers else self.new

    def waiting_messages(self) -> list[Message]:
        return [message for message in self.messages if not message.acknowledged and self.in_queue(message)]

    def acknowledged_messages(self) -> list[Message]:
        return [message for message in self.messages if message.acknowledged and self.in_queue(message)]

    def in_queue(self, message: Message) -> bool:
        return self.stage.now - message.sent_at < KEPT_IN_QUEUE_MS

    def executions(self) -> list[Actor]:
        return [actor for actor in self.stage.waiting() if "attempt " in actor.name]

    def a_channel_until(self, which: int, call: str) -> Actor:
        """One channel of the executions, which are opened for that, runs until it waits at a call of this kind."""
        for actor in self.executions():
            if actor.name.startswith("attempt "):
                actor.finish()
        waiting = self.executions()
        if not waiting:
            return self.sweeper()
        actor = waiting[which % len(waiting)]
        while not actor.ended and not actor.call.startswith(call):
            self.go(actor, 0)
        return actor

    def room(self) -> bool:
        return len(self.stage.waiting()) < MOST_ACTORS_WAITING

    def outbox(self) -> list[str]:
        return [sk for pk, sk in self.table.items if pk.startswith("DUE#")]

    def later(self, seconds: float, *, took_effect: bool = False) -> None:
        self.stage.time_passes(round(seconds * 1000), took_effect=took_effect)
        slow = [sent for sent in self.unsettled.values() if not sent.recorded and not sent.lost]
        happened["a reservation lapses in a slow execution"] += sum(sent.lapses_at < self.stage.now for sent in slow)
        if self.stage.now - self.changed_at >= APPLYING_MS:
            self.old, self.old_answers = self.new, False
        for key, known in list(self.truth.problems.items()):
            item = self.table.items.get((f"P#{key}", "P"))
            if item is not None and int(item["expires_at"]["N"]) * 1000 <= self.stage.now:
                # It is over, though DynamoDB removes it days late.
                kept_days = 180 if item["state"]["S"] == "OPEN" else 30
                assert self.stage.now - known.recorded_at >= kept_days * DAY_MS - 1000
                self.truth.forget(key)
        for message in self.messages:
            if not message.acknowledged and not self.in_queue(message):
                self.dead_letters |= {(message.event.event_id, key) for key in self.keys_of(message)}

    def keys_of(self, message: Message) -> set[str]:
        return {sighting_of(message.event, finding).key for finding in message.event.findings}

    def go(self, actor: Actor, calls: int, fate: Fate = Fate.DONE) -> None:
        if not actor.ended:
            actor.go_on(fate, after_calls=calls)

    def finish_all(self) -> None:
        """Whoever waits, one after the other, and whomever they start."""
        while waiting := list(self.stage.waiting()):
            for actor in waiting:
                actor.finish()

    def deliver(self, message: Message) -> Actor:
        number = message.event.event_id
        return self.stage.enter(f"triage {number}", lambda: self.triage(message, self.configured()))

    def triage(self, message: Message, configured: Settings) -> None:
        """The handler: what raises is delivered again, what returns is acknowledged."""
        desk = Desk(self.ledger, configured, alerts.INSTALLED_AT, self.start, lambda _: None)
        body = json.dumps(message.event.event_id)
        try:
            self.stage.function(30, lambda: triage.triage(body, desk, QUIET))
            message.acknowledged = True
        except* (*FAULTS, Conflict):
            happened["message failed"] += 1

    def decide_and_record(
        self, real: Callable[..., tuple[Decision, Problem | None]], sighting: Sighting, desk: Desk
    ) -> tuple[Decision, Problem | None]:
        actor = self.stage.running
        assert actor is not None
        self.settings_used[actor] = desk.settings
        decision, problem = real(sighting, desk)
        self.truth.decided(sighting, decision, desk.settings, self.stage.now)
        self.truth.recorded(sighting, None)
        return decision, problem

    def begin(self, given: dict[str, Any]) -> None:
        """The `alert` state machine: Open, then for each channel Tell and Settle."""
        name = f"attempt {given['attempt']} of {given['alert_id']}"
        self.stage.enter(name, lambda: self.execution(name, **given), lasts_ms=EXECUTION_MS)

    def execution(self, name: str, key: str, alert_id: str, attempt: int) -> None:
        begun = self.stage.now
        for _ in range(9):
            try:
                problem = self.stage.call("Open", lambda: self.reader.read(key))
            except (*FAULTS, FunctionDied):
                continue
            untold = problem.untold if problem is not None and problem.alert_id == alert_id else ()
            for channel in untold:
                errand = Errand(key, alert_id, attempt, channel)
                left_ms = begun + EXECUTION_MS - self.stage.now
                self.stage.enter(f"{channel} in {name}", partial(self.branch, errand), lasts_ms=left_ms)
            return

    def branch(self, errand: Errand) -> None:
        actor = self.stage.running
        assert actor is not None
        try:
            self.settled(errand, self.told(errand))
        finally:
            if actor in self.unsettled and not self.unsettled[actor].recorded:
                self.unsettled[actor].lost = True
                happened["an execution ends between send and record"] += 1

    def told(self, errand: Errand) -> Outcome:
        """The state Tell: a service's fault is retried, whatever else goes wrong is of unknown outcome."""
        outcome = Outcome("UNKNOWN", why="Lambda.Unknown")
        for _ in range(4):
            try:
                outcome = self.stage.function(60, lambda: tell(errand, self.ledger, self.configured(), QUIET))
            except (*FAULTS, FunctionDied):
                return Outcome("UNKNOWN", why="Lambda.Unknown")
            if outcome.outcome == "DROPPED":
                self.truth.alerts[errand.alert_id].instead |= set(outcome.instead)
            fate = self.stage.fate("tell-returns")
            if fate is Fate.DONE:
                return Outcome(**json.loads(json.dumps(asdict(outcome))))
            actor = self.stage.running
            if actor in self.unsettled:
                self.unsettled[actor].lost = True
            if fate is not Fate.REPEATED:
                break
        return Outcome("UNKNOWN", why="Lambda.SdkClientException")

    def settled(self, errand: Errand, outcome: Outcome) -> None:
        """The state Settle: retried ten times; then the execution fails and the sweeper makes up for it."""
        for _ in range(11):
            try:
                self.stage.function(20, lambda: settle(errand, outcome, self.ledger))
            except (*FAULTS, FunctionDied):
                continue
            if outcome.outcome == "SENT":
                claim = self.truth.alerts[errand.alert_id]
                assert claim.superseded or claim.ends.get(errand.channel) == "SENT", "settled, and not recorded"
            if self.stage.fate("settle-returns") is Fate.DONE:
                return

    def send(self, message: tuple[str, Alert], clients: Any) -> str:
        """The channel: it does as its mood says, unless the call has another fate."""
        channel, alert = message
        fate = self.stage.fate(f"send {channel}")
        mood = self.moods.get(channel, "up")
        if fate is Fate.KILLED_BEFORE:
            raise FunctionDied
        if fate is Fate.REFUSED:
            raise NotSent("refused by the schedule")
        if mood != "up":
            happened[f"channel {mood}"] += 1
            raise MOODS[mood]
        actor = self.stage.running
        assert actor is not None
        try:
            sent = self.truth.sends(alert.alert_id, channel, self.reserved[alert.alert_id, channel], self.stage.now)
        except AssertionError as defect:
            self.stage.failure = defect
            raise FunctionDied from defect
        self.unsettled[actor] = sent
        if fate is Fate.UNANSWERED:
            sent.lost = True
            raise Unknown("no answer, by the schedule")
        if fate is Fate.KILLED_AFTER:
            raise FunctionDied
        return "message-id"

    def sweeper(self) -> Actor:
        return self.stage.enter("sweeper", self.sweep)

    def sweep(self) -> None:
        try:
            self.stage.function(50, lambda: sweep(self.ledger, self.start))
        except FAULTS:
            happened["sweep failed"] += 1

    # What every write must keep

    def committed(self, commits: list[Commit]) -> None:
        for old, new in commits:
            if new is not None and new["pk"]["S"].startswith("P#"):
                self.record_written(old, new)
        for item in list(self.table.items.values()):
            if item["pk"]["S"].startswith("P#") and any(
                of["M"]["st"]["S"] in UNTOLD for of in item["ch"]["M"].values()
            ):
                row = "DUE#" + item["pk"]["S"][2], item["alert_id"]["S"]
                assert row in self.table.items, f"{row[1]} waits, and no outbox row says so"

    def record_written(self, old: Item | None, new: Item) -> None:
        key = new["pk"]["S"].removeprefix("P#")
        record = from_item(new)
        assert record["rev"] == (int(old["rev"]["N"]) if old else 0) + 1, "a write between was lost"
        alert_id: Any = record.get("alert_id")
        claimed = alert_id is not None and (old is None or old.get("alert_id", {}).get("S") != alert_id)
        actor = self.stage.running
        if actor is not None and actor.name.startswith("triage"):
            sighting, decision = self.ledger.writing[actor]
            configured = self.settings_used[actor]
            self.truth.decided(sighting, decision, configured, self.stage.now)
            if claimed:
                alert = self.reader.alert(key, alert_id)
                assert alert is not None
                self.truth.claimed(alert, sighting, set(record["ch"]), configured, self.stage.now)
            self.truth.recorded(sighting, record)
        if alert_id is None:
            return
        was = {} if claimed or old is None else {name: of["M"]["st"]["S"] for name, of in old["ch"]["M"].items()}
        for name, telling in record["ch"].items():
            state, before = telling["st"], was.get(name)
            if before is None and not claimed:
                happened["rerouted"] += 1
                self.truth.alerts[alert_id].channels.add(name)
            if state == before:
                continue
            assert before in (None, *UNTOLD) or state == "SENT", f"{name} was {before} and is {state} again"
            if state == "SENDING":
                self.reserved[alert_id, name] = self.stage.now + RESERVED_MS
            elif state not in UNTOLD:
                self.truth.ended(alert_id, name, state, self.stage.now)

    # The end

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.end_well()
        finally:
            self.stage.failure = None
            while waiting := list(self.stage.waiting()):
                for actor in waiting:
                    actor.stop()
            self.patches.undo()
            logging.disable(logging.NOTSET)

    def end_well(self) -> None:
        """Everything is healed, and time passes: then nothing waits, nothing is lost, and the newest is known."""
        self.moods.clear()
        self.finish_all()
        self.later(APPLYING_MS / 1000)
        for message in self.waiting_messages():
            self.deliver(message)
            self.finish_all()
            assert message.acknowledged, f"{message.event.event_id} is delivered for ever"
        for hours in (0.1, 0.1, 0.5, 1, 6, 7, 7, 7, 7):
            self.sweeper()
            self.finish_all()
            if not self.outbox():
                break
            self.later(hours * 3_600)
        assert not self.outbox(), "an alert waits for ever"
        for (pk, _), item in self.table.items.items():
            if pk.startswith("P#"):
                problem = Problem.from_item(item)
                assert not problem.untold
        for key, known in self.truth.problems.items():
            read = self.reader.read(key)
            assert known.newest == {} or read is not None
            self.truth.assert_highest_told(key)
        ended = {(event_id, key) for key, known in self.truth.problems.items() for event_id in known.processed}
        assert not self.accepted - ended - self.dead_letters - self.truth.forgotten, "an event has no end"
        self.truth.assert_all_told()


class Quiet:
    """Takes any call and says nothing: a logger, a metric, a queue, clients."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **more: None

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, *error: object) -> None:
        return None


QUIET: Any = Quiet()


def test_no_schedule_loses_an_event_or_tells_one_twice() -> None:
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=SCHEDULES or ORDINARY_SCHEDULES,
            stateful_step_count=STEPS,
            derandomize=not SCHEDULES,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    for situation, times in sorted(happened.items()):
        print(f"{times:8} {situation}")
    assert not [situation for situation in MUST_HAPPEN if not happened[situation]]
