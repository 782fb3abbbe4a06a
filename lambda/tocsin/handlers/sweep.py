"""Lambda `sweep`: runs each minute."""

from __future__ import annotations

import os

from tocsin.alerts.sweep import notify, sweep
from tocsin.handlers.wiring import client, ledger, starter


def handler(event: object, context: object) -> dict[str, int]:
    """Takes nothing; returns how many executions were started."""
    try:
        return {"started": sweep(ledger(), starter())}
    finally:
        notify(ledger(), client("sns"), os.environ["ALARM_TOPIC_ARN"], os.environ["TOCSIN_NAME"])
