"""One channel of an alert: compose, reserve, send. What came of it is settled by the next step."""

from __future__ import annotations

from tocsin.alerts import channels
from tocsin.alerts.channel_errors import Deferred, NotSent, Unknown
from tocsin.alerts.errand import Errand, Outcome
from tocsin.alerts.ledger import Ledger, claimed_at
from tocsin.alerts.route import channels_for
from tocsin.log import logger
from tocsin.settings import Settings

APPLYING_MS = 10 * 60_000
"""How long functions with older and newer settings may run beside each other while the module is applied."""


def tell(errand: Errand, ledger: Ledger, settings: Settings, clients: channels.Clients) -> Outcome:
    """Tell one channel. Raises only where the outcome is unknown to this function as well; then the reservation
    lapses and the sweeper tries again."""
    channel = settings.channels.get(errand.channel)
    if channel is None and ledger.clock() - claimed_at(errand.alert_id) < APPLYING_MS:
        return Outcome("LATER", why="the channel is not configured here, or not yet")
    alert = ledger.alert(errand.key, errand.alert_id)
    if alert is None:
        return Outcome("SUPERSEDED")
    if channel is None:
        instead = channels_for(alert.finding, settings)
        return Outcome("DROPPED", why="the channel is no longer configured", instead=instead)
    message = channels.compose(channel, alert, settings.name, settings.templates)
    state, tries = ledger.reserve(errand.key, errand.alert_id, errand.attempt, errand.channel)
    if state != "RESERVED":
        return Outcome(state)
    told = {"alert_id": errand.alert_id, "channel": errand.channel, "finding_id": alert.finding.finding_id}
    try:
        message_id = channels.send(message, clients)
    except Deferred as error:
        logger.warning("the channel asks to wait", extra=told | {"wait_seconds": error.retry_after_seconds})
        return Outcome("DEFERRED", why=str(error), tries=tries, wait_seconds=error.retry_after_seconds)
    except NotSent as error:
        logger.error("the message was not sent; it will be tried again", extra=told | {"why": str(error)})
        return Outcome("FAILED", why=str(error), tries=tries)
    except Unknown as error:
        logger.error("the message was perhaps sent; it will be tried again", extra=told | {"why": str(error)})
        return Outcome("UNKNOWN", why=str(error), tries=tries)
    logger.info("told", extra=told | {"message_id": message_id})
    return Outcome("SENT", message_id=message_id, tries=tries)
