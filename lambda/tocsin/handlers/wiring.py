"""What the handlers share: made once a cold start, from the environment that the module sets."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from tocsin import settings
from tocsin.alerts import machine
from tocsin.alerts.ledger import Ledger
from tocsin.clock import now_ms


@cache
def client(service: Any) -> Any:
    """The boto3 client of a service, made when first needed.

    A call gives up, after three tries, before the shortest of the functions' time-outs (20 seconds) ends it.
    """
    return boto3.client(service, config=Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard"}))


@cache
def ledger() -> Ledger:
    """The ledger of this deployment."""
    return Ledger(client("dynamodb"), os.environ["LEDGER_TABLE"], now_ms)


@cache
def configured() -> settings.Settings:
    """The settings that this function was deployed with."""
    return settings.load(client("dynamodb"), os.environ["SETTINGS_TABLE"], os.environ["SETTINGS_KEY"])


@cache
def starter() -> partial[None]:
    """Starts the `alert` state machine for a claimed problem."""
    return partial(machine.start, client("stepfunctions"), os.environ["ALERT_MACHINE_ARN"], ledger())
