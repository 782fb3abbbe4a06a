"""Recording what came of telling a channel: a step of its own, so that a ledger at fault never sends again."""

from __future__ import annotations

import random

from tocsin.alerts.errand import Errand, Outcome
from tocsin.alerts.ledger import Ledger
from tocsin.alerts.outbox import finish
from tocsin.alerts.problem import DROPPED

FIRST_WAIT_MS = 60_000
LONGEST_WAIT_MS = 6 * 60 * 60_000


def settle(errand: Errand, outcome: Outcome, ledger: Ledger) -> None:
    """Write the outcome down. Repeating it does no harm, except that a failure may be counted twice in a notice."""
    match outcome.outcome:
        case "SENT":
            problem = ledger.settle(errand.key, errand.alert_id, errand.channel, outcome.message_id)
        case "DROPPED":
            problem = ledger.end(
                errand.key, errand.alert_id, errand.channel, DROPPED, outcome.why, instead=outcome.instead
            )
        case "FAILED":
            _release(errand, ledger, outcome.why, wait_ms(outcome.tries), counted=True)
            ledger.note_failure(errand.channel, errand.alert_id, outcome.why, dead=False)
            return
        case "DEFERRED":
            _release(errand, ledger, outcome.why, round(outcome.wait_seconds * 1000), counted=False)
            return
        case "UNKNOWN":
            ledger.hold(errand.key, errand.alert_id, errand.attempt, errand.channel, why=outcome.why, wait_ms=wait_ms)
            ledger.note_failure(errand.channel, errand.alert_id, outcome.why, dead=False)
            return
        case _:
            return
    if problem is not None:
        finish(problem, ledger)


def _release(errand: Errand, ledger: Ledger, why: str, milliseconds: int, *, counted: bool) -> None:
    jittered = milliseconds + random.randrange(milliseconds // 10 + 1)  # noqa: S311 - spreads retries, guards nothing
    ledger.release(
        errand.key, errand.alert_id, errand.attempt, errand.channel, why=why, wait_ms=jittered, counted=counted
    )


def wait_ms(tries: int) -> int:
    """How long to wait after the nth failure: a minute, doubling up to six hours; twenty of them last three days."""
    return min(FIRST_WAIT_MS << max(tries - 1, 0), LONGEST_WAIT_MS)
