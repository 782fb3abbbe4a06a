"""What the local AWS remembers of what happened: one value per event, mail, topic message and API call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """An event that reached a bus. `rules` are the names of the enabled rules whose pattern it matched."""

    id: str
    bus: str
    envelope: Mapping[str, Any]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mail:
    """A message that SES accepted; `html` and `text` are empty strings when the message has no such part."""

    message_id: str
    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    configuration_set: str | None
    principal: str
    at: float
    """When it was accepted, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message that a topic accepted, whether anybody subscribes to it or not."""

    message_id: str
    topic_arn: str
    subject: str | None
    message: str
    attributes: Mapping[str, Any]
    at: float
    """When it was accepted, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an AWS API, by a client, a function or a state machine.

    `service` and `operation` are boto3's names (`dynamodb`, `UpdateItem`). `principal` is the caller's ARN;
    `role` the role's name when a role called, else empty. `resource` is what the call names: table, function,
    queue URL, ARN. `error` is the error code, None for success. `write_units` are the DynamoDB write units
    that the call consumed, a failed condition included; 0 for everything else.
    """

    service: str
    operation: str
    principal: str
    role: str
    resource: str
    status: int
    error: str | None
    write_units: float
    at: float
    """When it began, in seconds since 1970."""


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """A question that a role's policies were asked, by action (`dynamodb:UpdateItem`) and ARN, and their answer."""

    role: str
    action: str
    resource: str
    allowed: bool
