"""Lambda `settle`: records what came of telling a channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tocsin.alerts.errand import Errand, Outcome
from tocsin.alerts.settle import settle
from tocsin.handlers.wiring import ledger


def handler(event: Mapping[str, Any], context: object) -> None:
    """Takes {errand, outcome}: what `tell` took and what it returned."""
    settle(Errand(**event["errand"]), Outcome(**event["outcome"]), ledger())
