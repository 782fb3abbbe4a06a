"""From an event to its end: told, silent for a named reason, or in the dead-letter queue."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tocsin.alerts.alert import Reason
from tocsin.alerts.decide import Decision, Sighting, decide, may_repeat, screen, sighting_of
from tocsin.alerts.ledger import Conflict, Ledger
from tocsin.alerts.problem import Problem
from tocsin.findings.event import UnreadableEvent, parse_event
from tocsin.findings.fields import dig, line
from tocsin.log import count, logger
from tocsin.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ATTEMPTS = 5
"""How often a decision is made anew when others write to the same record meanwhile."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What triage works with. `installed_at` in milliseconds since the epoch."""

    ledger: Ledger
    settings: Settings
    installed_at: int
    start: Callable[[Problem], None]
    pause: Callable[[float], None] = time.sleep


class DeadLetters:
    """The queue for what triage cannot read, with the reason beside it."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, body: str, reason: str) -> None:
        self._client.send_message(
            QueueUrl=self._queue_url,
            MessageBody=body,
            MessageAttributes={"REASON": {"DataType": "String", "StringValue": reason[:1000]}},
        )


def triage(body: str, desk: Desk, dead_letters: DeadLetters) -> None:
    """Bring one queue message to its end. What raises here is delivered again; what cannot be read never is."""
    raw = None
    try:
        raw = json.loads(body)
        event = parse_event(raw)
    except (UnreadableEvent, ValueError, RecursionError) as error:
        _refuse(body, f"{error}", dead_letters, line(dig(raw, "id")))
        return
    failed: list[Exception] = []
    for finding in event.findings:
        try:
            _finding(sighting_of(event, finding), desk)
        except Exception as error:  # noqa: BLE001 - it is raised below, when the findings after it had their turn
            failed.append(error)
    if failed:  # before the dead letter, which would be sent again with each delivery
        raise ExceptionGroup(f"{len(failed)} findings of event {event.event_id} could not be recorded", failed)
    if event.unreadable:
        reasons = "; ".join(f"finding {bad.index}: {bad.reason}" for bad in event.unreadable)
        _refuse(body, reasons, dead_letters, event.event_id)


def _refuse(body: str, reason: str, dead_letters: DeadLetters, event_id: str | None) -> None:
    dead_letters.put(body, reason)
    logger.error("unreadable; sent to the dead-letter queue", extra={"event_id": event_id, "reason": reason})
    count("Unreadable")


def _finding(sighting: Sighting, desk: Desk) -> None:
    decision, problem = decide_and_record(sighting, desk)
    log: dict[str, Any] = {
        "event_id": sighting.event_id,
        "finding_id": sighting.finding.finding_id,
        "feed": sighting.finding.feed,
        "key": sighting.key,
        "decision": "ALERT" if decision.alert else "SILENT",
        "reason": decision.reason,
    }
    if problem is not None:
        log |= {"alert_id": problem.alert_id, "channels": list(decision.channels)}
    logger.info("decided", extra=log)
    if decision.reason is Reason.NO_ROUTE:
        logger.error("no route takes this finding; add a channel or a last route without a match", extra=log)
        count("NoRoute")
    if problem is not None and problem.attempt == 1 and problem.untold:
        desk.start(problem)


def decide_and_record(sighting: Sighting, desk: Desk) -> tuple[Decision, Problem | None]:
    """Decide and record, whatever else writes to the same record meanwhile.

    Returns the decision and, for an alert, the record with the claim. Raises Conflict after five lost races.
    """
    ledger, settings = desk.ledger, desk.settings
    screened = screen(sighting, settings)
    if screened is not None:
        return screened, None
    for attempt in range(ATTEMPTS):
        if attempt:
            desk.pause(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - spreads retries, guards nothing
        if may_repeat(sighting, settings):
            repeated, old = ledger.repeat(sighting, settings.window_ms(sighting.finding.severity))
            if repeated:
                return Decision(Reason.REPEAT), None
        else:
            old = ledger.read(sighting.key)
        decision = decide(old, sighting, settings, ledger.clock(), desk.installed_at)
        try:
            if decision.alert and not decision.again:
                return decision, ledger.claim(old, sighting, decision)
            if decision.store:
                ledger.store(old, sighting, decision)
        except Conflict:
            continue
        return decision, old if decision.alert else None
    raise Conflict(f"problem {sighting.key} was written by others {ATTEMPTS} times; the message is delivered again")
