"""What happened inside the local AWS, kept in the server's memory until it is asked for.

Each list keeps its newest entries only, so that a long run cannot fill the memory.
"""

from __future__ import annotations

import contextvars
from collections import deque
from dataclasses import dataclass, field
from typing import TypeVar

from tests.local_aws.records import Call, Event, Mail, Permission, SnsMessage

Record = TypeVar("Record", Call, Event, Mail, SnsMessage)

_KEPT = 200_000

events: deque[Event] = deque(maxlen=_KEPT)
mails: deque[Mail] = deque(maxlen=_KEPT)
sns_messages: deque[SnsMessage] = deque(maxlen=_KEPT)
calls: deque[Call] = deque(maxlen=_KEPT)
permissions: set[Permission] = set()
"""Kept by clear(): what a role is for shows only over all that it was ever used for."""


@dataclass(slots=True)
class Running:
    """The API call that is being served: who makes it, and what it has consumed so far."""

    principal: str
    write_units: float = 0.0
    tables: list[str] = field(default_factory=list)


running: contextvars.ContextVar[Running | None] = contextvars.ContextVar("running", default=None)


def role_of(principal: str) -> str:
    """The name of the role that an ARN `...:assumed-role/ROLE/SESSION` or `...:role/PATH/ROLE` names, else ''."""
    kind, _, rest = principal.split(":")[-1].partition("/")
    if kind == "assumed-role":
        return rest.split("/")[0]
    return rest.rsplit("/", 1)[-1] if kind == "role" else ""


def clear() -> None:
    """Forget everything but the permissions."""
    for journal in (events, mails, sns_messages, calls):
        journal.clear()
