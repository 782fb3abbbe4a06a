"""One fault, from the delivery of its events to the end of all that follows, and the table of what faults do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.demo.watch import End, Pair, pairs_of
from tests.deployment import ROOT
from tests.e2e.conftest import Installation, envelope_of
from tocsin.alerts.problem import SENDING, SENT, Problem
from tocsin.clock import now_ms

TABLE = ROOT / "build" / "faults" / "table.md"
CHANNELS = ("soc_mail", "audit", "soc_slack")

SWEEP_SECONDS = 60
MOST_SWEEPS = 12

HEAD = f"""\
# Faults

Written by `python -m pytest tests/e2e/test_faults.py`: each row is a fault on the local AWS, with permissions enforced.

- **messages** of one alert on {", ".join(CHANNELS)}. More than 1 only after an unknown outcome, on that channel alone.
- **seconds** until every channel was told, at most: leases, reservations and waits in full (nobody waits for them, the
  clock of the ledger is moved), {SWEEP_SECONDS} for each sweep, and what the run took. The pauses between two tries
  of the state machine are cut to a hundredth.
- **lost**: events without an end, channels that nobody would ever tell, dead letters, what is left in the outbox.

| fault | messages | sweeps | seconds | lost |
|---|---|---|---|---|
"""


@dataclass
class Trial:
    """`finding` is in the id and the title of what is told, so that its messages can be told from others'."""

    tocsin: Installation
    finding: str
    envelopes: list[dict[str, Any]] = field(default_factory=list)
    sweeps: int = 0
    waited_seconds: float = 0
    _started: float = field(default_factory=time.monotonic)

    def publish(self, event: Mapping[str, Any]) -> None:
        """Deliver an event as its service does."""
        self.deliver(envelope_of(event))

    def deliver(self, envelope: dict[str, Any]) -> None:
        """Deliver an event that has its id and time: another time, if it was delivered before."""
        self.envelopes.append(envelope)
        self.tocsin.aws.publish(envelope)

    def rest(self) -> None:
        """Wait until nothing moves by itself any more."""
        self.tocsin.until(self.tocsin.aws.idle, seconds=90)

    def to_the_end(self) -> None:
        """Let time pass and the sweeper run until every event is taken and the outbox is empty; and once more."""
        queue = self.tocsin.watch.outputs["queue"]["url"]
        visible_after = int(self._queue_attribute(queue, "VisibilityTimeout"))
        for _ in range(MOST_SWEEPS):
            self.rest()
            if self.tocsin.aws.release_messages(queue):
                self.waited_seconds += visible_after
                continue
            waiting = self.waiting()
            if not waiting:
                break
            self.let_time_pass(waiting)
            self.sweeps += 1
            self.tocsin.run("sweep")
        assert not self.waiting(), f"not told after {self.sweeps} sweeps"
        self.waited_seconds += time.monotonic() - self._started
        self.tocsin.run("sweep")
        self.rest()

    def let_time_pass(self, waiting: list[Problem]) -> None:
        """Until the sweeper may do something about one of these."""
        pause_ms = max(0, min(map(_ready_at, waiting)) - now_ms() + 1)
        for problem in waiting:
            self.tocsin.let_time_pass(problem.key, timedelta(milliseconds=pause_ms))
        self.waited_seconds += pause_ms / 1000

    def waiting(self) -> list[Problem]:
        """The problems whose alert is in the outbox."""
        problems, due = self.tocsin.watch.ledger()
        return [problem for problem in problems if problem.alert_id in due]

    def messages(self) -> dict[str, int]:
        """How many messages about this finding each channel has sent."""
        return self.tocsin.told(about=self.finding)

    def ends(self) -> dict[Pair, End]:
        """How each pair of event and finding ended, for those that did."""
        ends = self.tocsin.watch.ends()
        return {pair: ends[pair] for pair in self._pairs() if pair in ends}

    def alert(self) -> Problem:
        """The problem that all events are about, told by one alert; fails when there were several, or none."""
        ((key, alert_id),) = {(end.key, end.alert_id) for end in self.ends().values() if end.alert_id}
        problem = self.tocsin.problem(key)
        assert problem.alert_id == alert_id
        return problem

    def lost(self) -> list[str]:
        """What nobody would ever hear of, and what is left over."""
        watch, ends = self.tocsin.watch, self.ends()
        lost = [f"{pair} has no end" for pair in self._pairs() if pair not in ends]
        for alert_id, states in watch.tellings(ends.values()).items():
            lost += [f"{alert_id} on {channel}: {state}" for channel, state in states.items() if state != SENT]
        lost += [f"{alert_id} is left in the outbox" for alert_id in watch.ledger()[1]]
        return lost + [f"dead letter: {reason}" for _, reason in watch.dead_letters()]

    def row(self, fault: str) -> str:
        """The line of the table."""
        told = " ".join(str(number) for number in self.messages().values())
        seconds = round(self.waited_seconds + self.sweeps * SWEEP_SECONDS)
        return f"| {fault} | {told} | {self.sweeps} | {seconds} | {'; '.join(self.lost()) or 'nothing'} |"

    def _pairs(self) -> list[Pair]:
        return [pair for envelope in self.envelopes for pair in pairs_of(envelope)]

    def _queue_attribute(self, queue_url: str, name: str) -> str:
        sqs = self.tocsin.watch.client("sqs")
        return str(sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])["Attributes"][name])


def _ready_at(problem: Problem) -> int:
    """When the sweeper may do something: the lease is over and a channel due, or nothing is left to tell."""
    tellings = [problem.ch[name] for name in problem.untold]
    if not tellings:
        return 0
    due = [(telling.until or 0) + 1 if telling.st == SENDING else telling.next or 0 for telling in tellings]
    return max(problem.lease_until, min(due))


def write_table(rows: list[str]) -> None:
    """Write the table of faults, if a fault was tried."""
    if rows:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        TABLE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
