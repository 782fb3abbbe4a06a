"""A ledger on moto, with a clock that the test holds and a machine that only remembers what was started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.alerts import INSTALLED_AT, NOW, settings
from tocsin.alerts.ledger import Ledger
from tocsin.alerts.problem import Problem
from tocsin.alerts.triage import Desk
from tocsin.settings import Settings

TABLE = "ledger"


@dataclass
class World:
    """What a test plays with: the ledger, the time (milliseconds) and the executions started so far."""

    client: Any
    ledger: Ledger
    now: int = NOW
    started: list[Problem] = field(default_factory=list)

    def desk(self, configured: Settings | None = None) -> Desk:
        return Desk(self.ledger, configured or settings(), INSTALLED_AT, self.started.append, lambda _: None)

    def later(self, *, seconds: float = 0, days: float = 0) -> None:
        self.now += round((seconds + days * 86_400) * 1000)

    def problem(self, key: str) -> Problem:
        problem = self.ledger.read(key)
        assert problem is not None
        return problem


def create_ledger(client: Any) -> None:
    """The table as modules/alerting makes it."""
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        create_ledger(client)
        made = World(client, Ledger(client, TABLE, lambda: made.now))
        yield made
