"""Lambda `tell`: one channel of an alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tocsin.alerts.channels import Clients
from tocsin.alerts.errand import Errand
from tocsin.alerts.tell import tell
from tocsin.handlers.wiring import configured, ledger

clients = Clients()


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Takes {key, alert_id, attempt, channel}; returns the outcome that `settle` records."""
    return asdict(tell(Errand(**event), ledger(), configured(), clients))
