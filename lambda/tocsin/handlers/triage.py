"""Lambda `triage`: a batch of the intake queue."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from tocsin.alerts.triage import DeadLetters, Desk, triage
from tocsin.handlers.wiring import client, configured, ledger, starter
from tocsin.log import logger


def handler(event: Mapping[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Returns the messages that must be delivered again (partial batch response).

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    failed = []
    for record in event["Records"]:
        logger.append_keys(message_id=record["messageId"])
        try:
            triage(record["body"], _desk(), _dead_letters())
        except Exception:  # logged, and this message alone is delivered again: it must never fail the others
            logger.exception("the message will be delivered again")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


@cache
def _desk() -> Desk:
    installed_at = datetime.fromisoformat(os.environ["INSTALLED_AT"])
    return Desk(ledger(), configured(), round(installed_at.timestamp() * 1000), starter())


@cache
def _dead_letters() -> DeadLetters:
    return DeadLetters(client("sqs"), os.environ["DEAD_LETTER_QUEUE_URL"])
