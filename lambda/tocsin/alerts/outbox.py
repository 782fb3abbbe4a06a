"""The end of an alert: when its row leaves the outbox."""

from __future__ import annotations

from tocsin.alerts.ledger import Ledger
from tocsin.alerts.problem import DROPPED, SENT, Problem
from tocsin.alerts.route import channels_for
from tocsin.log import count, logger
from tocsin.settings import Settings


def finish(problem: Problem, ledger: Ledger, settings: Settings) -> None:
    """Take the row out once no channel is left to be told.

    When its channels were removed from the settings before anybody was told, the alert is routed once more.
    """
    if problem.untold or problem.alert_id is None:
        return
    states = {telling.st for telling in problem.ch.values()}
    if DROPPED in states and SENT not in states and not problem.rerouted:
        alert = ledger.alert(problem.key, problem.alert_id)
        if alert is None:
            return
        channels = tuple(name for name in channels_for(alert.finding, settings) if name not in problem.ch)
        if channels:
            ledger.reroute(problem, channels)
            return
        logger.error("nobody is left to tell; add a channel or a route", extra={"alert_id": problem.alert_id})
        count("NoRoute")
    ledger.finish(problem.key, problem.alert_id)
