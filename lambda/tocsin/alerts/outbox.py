"""The end of an alert: when its row leaves the outbox."""

from __future__ import annotations

from tocsin.alerts.ledger import Ledger
from tocsin.alerts.problem import DEAD, SENT, Problem
from tocsin.log import count, logger


def finish(problem: Problem, ledger: Ledger) -> None:
    """Take the row out once no channel is left to be told.

    No channel becomes untold again within one alert (a dropped one names what takes its place in the same write), so
    that a record without untold channels stays so, however old the caller's view of it is.
    """
    if problem.untold or problem.alert_id is None:
        return
    if not {SENT, DEAD} & {telling.st for telling in problem.ch.values()}:
        logger.error("nobody is left to tell; add a channel or a route", extra={"alert_id": problem.alert_id})
        count("NoRoute")
    ledger.finish(problem.key, problem.alert_id)
