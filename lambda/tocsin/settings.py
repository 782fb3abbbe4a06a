"""The settings that Terraform rendered: one JSON document, verified by its hash, read once a cold start."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tocsin.findings.model import Severity

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Match = Mapping[str, tuple[str, ...]]
"""Criterion (`severities`, `products`, ... `tag:KEY`) to globs; absent means any."""


class SettingsError(Exception):
    """The settings cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Email:
    sender: str
    to: tuple[str, ...]
    identity_arn: str | None = None
    configuration_set: str | None = None


@dataclass(frozen=True, slots=True)
class Sns:
    topic_arn: str


@dataclass(frozen=True, slots=True)
class Slack:
    webhook_secret_arn: str
    allowed_hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    name: str
    kind: Email | Sns | Slack

    @property
    def type(self) -> str:
        """`email`, `sns` or `slack`, as in tfvars."""
        return type(self.kind).__name__.lower()


@dataclass(frozen=True, slots=True)
class Route:
    to: tuple[str, ...]
    match: Match
    excluded: Match
    go_on: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """What tfvars say, parsed. `dedupe_days` is in days per severity; empty `products` and `account_ids` mean all."""

    name: str
    mode: str
    backlog: str
    samples: str
    minimum_severity: Severity
    dedupe_days: Mapping[Severity, float]
    products: tuple[str, ...]
    account_ids: tuple[str, ...]
    channels: Mapping[str, Channel]
    routes: tuple[Route, ...]

    def window_ms(self, severity: Severity) -> int:
        """How long a told problem of this severity stays silent, in milliseconds."""
        return round(self.dedupe_days[severity] * 86_400_000)


def parse(document: str) -> Settings:
    """Read the document that the module renders (`local.settings` in modules/alerting).

    Raises SettingsError that names what is missing or unknown.
    """
    try:
        raw = json.loads(document)
        return Settings(
            name=raw["name"],
            mode=raw["mode"],
            backlog=raw["backlog"],
            samples=raw["samples"],
            minimum_severity=Severity[raw["minimum_severity"]],
            dedupe_days={Severity[label]: float(days) for label, days in raw["dedupe_days"].items()},
            products=tuple(raw["products"]),
            account_ids=tuple(raw["account_ids"]),
            channels={name: _channel(name, channel) for name, channel in raw["channels"].items()},
            routes=tuple(_route(route) for route in raw["routes"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(
            f"the settings cannot be read ({error!r}): apply the module and the package together"
        ) from error


def _channel(name: str, raw: Mapping[str, Any]) -> Channel:
    (kind,) = (key for key in ("email", "sns", "slack") if raw.get(key) is not None)
    values = raw[kind]
    if kind == "email":
        return Channel(
            name,
            Email(values["from"], tuple(values["to"]), values.get("identity_arn"), values.get("configuration_set")),
        )
    if kind == "sns":
        return Channel(name, Sns(values["topic_arn"]))
    return Channel(name, Slack(values["webhook_secret_arn"], tuple(values["allowed_hosts"])))


def _route(raw: Mapping[str, Any]) -> Route:
    return Route(tuple(raw["to"]), _match(raw["match"]), _match(raw["except"]), bool(raw["continue"]))


def _match(raw: Mapping[str, Any] | None) -> Match:
    return {criterion: tuple(globs) for criterion, globs in (raw or {}).items()}


def load(client: DynamoDBClient, table: str, key: str) -> Settings:
    """Fetch the settings item, verify it and parse it.

    Its key is the document's SHA-256 in hex, a slash, and what makes the key new whenever the item is replaced.
    Raises SettingsError when it is missing or is not what its key says.
    """
    item = client.get_item(TableName=table, Key={"pk": {"S": key}}, ConsistentRead=True).get("Item")
    if item is None:
        raise SettingsError(f"settings {key} are not in table {table}: apply the module again")
    document = item["document"]["S"]
    if hashlib.sha256(document.encode()).hexdigest() != key.partition("/")[0]:
        raise SettingsError(f"settings {key} in table {table} were changed by hand: apply the module again")
    return parse(document)
