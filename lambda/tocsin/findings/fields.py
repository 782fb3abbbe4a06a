"""Reading one field of a feed: a value is hostile until it has passed one of these functions.

An optional field of the wrong type reads as None (or as nothing); a required one raises FieldError.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tocsin.findings.model import Severity

TITLE_CHARACTERS = 512
"""Twice what ASFF allows a Title: one line of a message."""
TEXT_CHARACTERS = 8192
ADVICE_CHARACTERS = 2048
ID_CHARACTERS = 2048
"""Four times what ASFF allows an Id."""
MOST_RESOURCES = 32
"""As many as ASFF allows a finding."""
MOST_TAGS = 50
"""As many as AWS allows a resource."""
MOST_VALUES = 50
"""Types, vulnerabilities and actors of one finding; the ledger keeps as many actors."""

SEVERITIES = dict(Severity.__members__)
"""Severities by their labels."""

UNRATED = Severity.HIGH
"""The severity of a finding that has none, or one that nobody knows.

HIGH because the default minimum_severity lets HIGH through: what nobody rated is told, and not as the worst there is.
"""

_WALK_LEVELS = 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROL_BUT_NEWLINE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]+")
_LINE_BREAK = re.compile(r"\r\n?|[\u2028\u2029]")
_DIRECTION_OR_SURROGATE = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\ud800-\udfff]")
_URL = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][!#$%&()*+,./0-9:;=?@A-Z\[\]_a-z~-]*)?")


class FieldError(Exception):
    """A required field is missing or of the wrong type; the message names it, on one line."""


class Arn(NamedTuple):
    """The parts of an ARN that say where a thing is; each may be empty."""

    partition: str
    service: str
    region: str
    account_id: str


class Envelope(NamedTuple):
    """Where EventBridge delivered an event: what a finding falls back to when it names no place itself."""

    account_id: str | None
    region: str | None


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def dig(value: object, *path: str) -> Any:
    """What stands at the end of a path of fields, None where the way ends early."""
    for field in path:
        if not isinstance(value, dict):
            return None
        value = value.get(field)
    return value


def items(value: object) -> list[Any]:
    """The value if it is a JSON list, else an empty one."""
    return value if isinstance(value, list) else []


def line(value: object, most: int = TITLE_CHARACTERS) -> str | None:
    """One line of at most `most` characters, or None when nothing is left or the value is no text.

    Control characters become spaces. Characters that turn the direction of writing go, for they make a name look like
    another one, and so do lone surrogates, which have no UTF-8 form.
    """
    if not isinstance(value, str):
        return None
    if not value.isprintable():
        value = _without_traps(_CONTROL.sub(" ", value))
    value = value.strip()
    return (value if len(value) <= most else value[: most - 1] + "…") or None


def text(value: object, most: int = TEXT_CHARACTERS) -> str | None:
    """Like `line`, but line breaks stay (as \\n)."""
    if not isinstance(value, str):
        return None
    if not value.isprintable():
        value = _without_traps(_CONTROL_BUT_NEWLINE.sub(" ", _LINE_BREAK.sub("\n", value)))
    value = value.strip()
    return (value if len(value) <= most else value[: most - 1] + "…") or None


def _without_traps(value: str) -> str:
    return _DIRECTION_OR_SURROGATE.sub(lambda found: "" if found[0] < "\ud800" else "\ufffd", value)


def lines(values: object, most: int = TITLE_CHARACTERS) -> tuple[str, ...]:
    """The readable lines of a list, each once, in order, at most MOST_VALUES."""
    return unique([line(value, most) for value in values]) if values and isinstance(values, list) else ()


def unique(values: Iterable[str | None]) -> tuple[str, ...]:
    """What is there, each once, in order, at most MOST_VALUES."""
    return tuple(dict.fromkeys([value for value in values if value]))[:MOST_VALUES]


def required(raw: Mapping[str, Any], field: str, *, prefix: str = "") -> str:
    """A text that must be there. Raises FieldError; `prefix` is the way to `raw`, for the message.

    An id that is too long is refused, not cut: two ids that were cut would be one problem.
    """
    value = raw.get(field)
    if value is None:
        raise FieldError(f"{prefix}{field} is missing")
    if not isinstance(value, str):
        raise FieldError(f"{prefix}{field} is {kind(value)}, not a text")
    if len(value) > ID_CHARACTERS:
        raise FieldError(f"{prefix}{field} has {len(value)} characters, more than {ID_CHARACTERS}")
    cleaned = line(value, ID_CHARACTERS)
    if cleaned is None:
        raise FieldError(f"{prefix}{field} is empty")
    return cleaned


def optional_text(raw: Mapping[str, Any], field: str, *, prefix: str = "") -> str | None:
    """A text that has a stand-in when it is absent, null or empty, but must not be anything else: raises FieldError."""
    value = raw.get(field)
    return None if value is None or value == "" else required(raw, field, prefix=prefix)


def kind(value: object) -> str:
    """What a JSON value is, in words, for a message."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a truth value"
    names = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)


def whole(value: object) -> int | None:
    """A count: a number from 0 to 2^53, or its decimal digits as text (as in the ProductFields of ASFF)."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**53:
        return None
    return value


def url(value: object) -> str | None:
    """A plain https address without user name, quotes or brackets; None for anything else."""
    return value if isinstance(value, str) and len(value) <= ID_CHARACTERS and _URL.fullmatch(value) else None


_ARN = re.compile(r"arn:([a-z-]{1,32}):([a-z0-9-]{0,64}):([a-z0-9-]{0,64}):([A-Za-z0-9]{0,64}):.")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_PROSE = re.compile(
    r"(?:[A-Z]{3},? )?(?P<month>[A-Z]{3}) (?P<day>\d{1,2}),? (?:(?P<year>\d{4}),? )?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?: (?P<half>[AP]M))?(?: (?:UTC|GMT))?(?: (?P<last>\d{4}))?"
)


def moment(value: object) -> datetime | None:
    """An aware UTC time from any form the feeds use, None for anything else (numbers below 1 included).

    RFC 3339 with any zone or none (UTC); epoch seconds or milliseconds, as OCSF and the first AWS CLI print them;
    "Nov 14, 2023, 5:02:35 PM" and "Wed Sep 04 16:59:44.356 UTC 2024", as Inspector's events have them
    (https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html); and an object of year, month, day
    and so on, which is how recordings of boto3 answers hold a time.
    """
    try:
        if isinstance(value, str):
            return _moment_of_text(value) if len(value) <= 64 else None
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            # 1e11 seconds is the year 5138, 1e11 milliseconds is 1973: no finding is on the wrong side of it.
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC) if value >= 1 else None
        if isinstance(value, dict):
            day = datetime(value["year"], value["month"], value["day"], tzinfo=UTC)
            return day.replace(**{part: value.get(part, 0) for part in ("hour", "minute", "second", "microsecond")})
    except (ValueError, OverflowError, OSError, TypeError, KeyError):
        pass
    return None


def _moment_of_text(value: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        value = " ".join(value.upper().split())
        if not value[:4].isdecimal():
            return _moment_of_prose(value)
        found = datetime.fromisoformat(value)
    if found.tzinfo is UTC:
        return found
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _moment_of_prose(value: str) -> datetime | None:
    match = _PROSE.fullmatch(value)
    year = match and (match["year"] or match["last"])
    if not match or not year or match["month"] not in _MONTHS:
        return None
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"] == "PM" else 0)
    return datetime(
        int(year),
        _MONTHS.index(match["month"]) + 1,
        int(match["day"]),
        hour,
        int(match["minute"]),
        int(match["second"]),
        int((match["fraction"] or "0").ljust(6, "0")[:6]),
        tzinfo=UTC,
    )


def arn(value: object) -> Arn | None:
    """The place in an ARN, None when the value is none.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    match = _ARN.match(value) if isinstance(value, str) else None
    return Arn(*match.groups()) if match else None


def addresses(values: Iterable[object]) -> tuple[str, ...]:
    """The valid IP addresses among the values in their shortest form, each once, so that feeds agree on them."""
    return unique(address(value) for value in values)


def address(value: object) -> str | None:
    """An IPv4 or IPv6 address in its shortest form, None for anything else. A zone ("%eth0") is free text: refused."""
    if not isinstance(value, str) or len(value) > 45 or "%" in value:
        return None
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return None


def remote_addresses(value: object) -> Iterator[object]:
    """Every address in a `remoteIpDetails` below the value (an action of GuardDuty or ASFF), whatever the action is.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_RemoteIpDetails.html
    """
    for key, found in walk(value):
        if key in ("remoteIpDetails", "RemoteIpDetails"):
            details = mapping(found)
            for name in ("ipAddressV4", "IpAddressV4", "ipAddressV6", "IpAddressV6"):
                yield details.get(name)


def walk(value: object, levels: int = _WALK_LEVELS) -> Iterator[tuple[str, object]]:
    """Every key and value below a value, in document order, at most 16 levels deep: depth is an attacker's choice.

    The members of a list have an empty key.
    """
    pairs = value.items() if isinstance(value, dict) else (("", inner) for inner in items(value))
    for key, inner in pairs if levels else ():
        yield key, inner
        if isinstance(inner, dict | list):
            yield from walk(inner, levels - 1)
