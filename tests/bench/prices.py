"""What AWS charges in us-east-1 in November 2026, without free tiers and savings plans, and the page of each price."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for so many of a thing, and the page that lists it."""

    dollars: float
    per: int
    page: str


PRICES = {
    "transitions": Price(0.025, 1_000, "https://aws.amazon.com/step-functions/pricing/ (Standard Workflows)"),
    "write_units": Price(0.625, 1_000_000, "https://aws.amazon.com/dynamodb/pricing/on-demand/ (us-east-1)"),
    "read_units": Price(0.125, 1_000_000, "https://aws.amazon.com/dynamodb/pricing/on-demand/ (us-east-1)"),
    "queue_requests": Price(0.40, 1_000_000, "https://aws.amazon.com/sqs/pricing/ (standard queues, 64 KB each)"),
    "invocations": Price(0.20, 1_000_000, "https://aws.amazon.com/lambda/pricing/"),
    "gigabyte_seconds": Price(0.0000166667, 1, "https://aws.amazon.com/lambda/pricing/ (x86)"),
    "mails": Price(0.10, 1_000, "https://aws.amazon.com/ses/pricing/"),
}
"""Events that AWS services put on the default bus are free (https://aws.amazon.com/eventbridge/pricing/)."""

WARM_SECONDS = 0.1
"""How long a warm call of a function is taken to last, ours and theirs alike: an assumption, as what it takes on this
machine says nothing about Lambda. Enough for a few calls to other services of some ten milliseconds each."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one event used, in the units that are charged."""

    transitions: float = 0
    write_units: float = 0
    read_units: float = 0
    queue_requests: float = 0
    invocations: float = 0
    gigabyte_seconds: float = 0
    mails: float = 0

    def dollars(self) -> float:
        """What this costs."""
        used = ((PRICES[field.name], getattr(self, field.name)) for field in fields(self))
        return float(sum(price.dollars / price.per * number for price, number in used))

    def told(self) -> str:
        """The units that were used, in words."""
        return ", ".join(
            f"{getattr(self, field.name):.3g} {field.name.replace('_', ' ')}"
            for field in fields(self)
            if getattr(self, field.name)
        )
