"""The settings that Terraform rendered: one JSON document, verified by its hash, read once a cold start."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.findings.match import CRITERIA
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
    """What tfvars say, parsed. `dedupe_days` is in days per severity; empty `products` and `account_ids` mean all.

    `templates` are the user's own, by name (`slack/alert.json.j2`), each in the place of Tocsin's own.
    """

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
    templates: Mapping[str, str] = field(default_factory=dict)

    def window_ms(self, severity: Severity) -> int:
        """How long a told problem of this severity stays silent, in milliseconds."""
        return round(self.dedupe_days[severity] * 86_400_000)


def parse(document: str) -> Settings:
    """Read the document that the module renders (`local.settings` in modules/alerting).

    Everything in it is known or an error, down to the criteria of a route: what is ignored could be why nobody is told.
    Raises SettingsError that names what is missing or unknown.
    """
    try:
        raw = _only(json.loads(document), "the settings", Settings.__slots__)
        channels = {name: _channel(name, channel) for name, channel in raw["channels"].items()}
        return Settings(
            name=raw["name"],
            mode=_one_of(raw["mode"], "mode", "alert", "observe"),
            backlog=_one_of(raw["backlog"], "backlog", "silent", "alert"),
            samples=_one_of(raw["samples"], "samples", "mark", "silent"),
            minimum_severity=Severity[raw["minimum_severity"]],
            dedupe_days=_dedupe_days(raw["dedupe_days"]),
            products=tuple(raw["products"]),
            account_ids=tuple(raw["account_ids"]),
            channels=channels,
            routes=tuple(_route(f"routes[{i}]", route, channels) for i, route in enumerate(raw["routes"])),
            templates={name: str(source) for name, source in raw["templates"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(
            f"the settings cannot be read ({error!r}): apply the module and the package together"
        ) from error


_ATTRIBUTES = {
    "email": ("from", "to", "identity_arn", "configuration_set"),
    "sns": ("topic_arn",),
    "slack": ("webhook_secret_arn", "allowed_hosts"),
}


def _channel(name: str, raw: Mapping[str, Any]) -> Channel:
    kinds = [kind for kind, values in _only(raw, f"channel {name}", _ATTRIBUTES).items() if values is not None]
    if len(kinds) != 1:
        raise ValueError(f"channel {name} has {' and '.join(kinds) or 'no kind'}, not one of {', '.join(_ATTRIBUTES)}")
    kind = kinds[0]
    values = _only(raw[kind], f"channel {name}", _ATTRIBUTES[kind])
    if kind == "email":
        return Channel(
            name,
            Email(values["from"], tuple(values["to"]), values.get("identity_arn"), values.get("configuration_set")),
        )
    if kind == "sns":
        return Channel(name, Sns(values["topic_arn"]))
    return Channel(name, Slack(values["webhook_secret_arn"], tuple(values["allowed_hosts"])))


def _route(where: str, raw: Mapping[str, Any], channels: Iterable[str]) -> Route:
    _only(raw, where, ("to", "match", "except", "continue"))
    to = tuple(_one_of(name, f"the channel of {where}", *channels) for name in raw["to"])
    return Route(to, _match(where, raw["match"]), _match(where, raw["except"]), bool(raw["continue"]))


def _match(where: str, raw: Mapping[str, Any]) -> Match:
    known = (criterion for criterion in raw if criterion.startswith("tag:"))
    return {criterion: tuple(globs) for criterion, globs in _only(raw, where, (*CRITERIA, *known)).items()}


def _dedupe_days(raw: Mapping[str, Any]) -> dict[Severity, float]:
    days = {severity: float(raw[severity.name]) for severity in Severity}
    _only(raw, "dedupe_days", (severity.name for severity in Severity))
    for severity, number in days.items():
        if number < 0 or not math.isfinite(number):
            raise ValueError(f"dedupe_days of {severity.name} are {number}, not 0 or more")
    return days


def _only(raw: Mapping[str, Any], where: str, names: Iterable[str]) -> Mapping[str, Any]:
    if unknown := sorted(set(raw) - set(names)):
        raise ValueError(f"{where} has the unknown {', '.join(unknown)}")
    return raw


def _one_of(value: str, what: str, *names: str) -> str:
    if value not in names:
        raise ValueError(f"{what} is {value!r}, not one of {', '.join(names)}")
    return value


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
