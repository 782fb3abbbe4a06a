"""The sample events, damaged in every way that JSON allows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.unit.findings.samples import FEEDS, names, raw

TEXTS = (
    *("", " ", "x" * 5000, "\ud800", "\x00", "\u202egnp", "true", "null", "5", "-1", "1e999", "2025-06-03T00:00:00Z"),
    *(
        "ACTIVE",
        "HIGH",
        "arn:aws:x:y:z:w",
        "arn:aws:s3:::b",
        "i-0abc",
        "198.51.100.7",
        "remoteIpDetails",
        "Label",
        "uid",
    ),
)
DATES = (
    "2025-06-03T12:00:00.123456789Z",
    "2025-06-03 12:00:00.000000000",
    "2025-06-03T14:00:00+02:00",
    "2025-W23-2",
    "20250603T120000Z",
    "2025-06-03T24:00:00Z",
    "2025-06-03T12:00:60Z",
    "2025-02-30T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "٢٠٢٥-06-03T12:00:00Z",
    "Tue Jun 03 12:00:00.356 UTC 2025",
    "Jun 31, 2025, 12:00:00 PM",
    "yesterday",
    1748952000,
    1748952000.5,
    1748952000123,
    "1748952000",
    0,
    -62135596801,
    10**300,
    {"year": 2025, "month": 6, "day": 3},
    {"year": 10**20, "month": "6", "day": None},
)
EXTREMES: tuple[Any, ...] = (
    *(math.nan, math.inf, -math.inf, 10**400, 2**53 + 1, -0.0, 5e-324, 1e308),
    *(True, False, None, [], {}, ""),
)
DELETED = object()
"""Stands for a field that is taken away."""

BODIES = {
    name: json.dumps(raw(name))
    for folder in (*FEEDS, "malformed")
    for name in names(folder)
    if "detail-type" in raw(name)
}
"""The sample events as JSON, by name."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value below a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in pairs for found in ((*path, key), *places(inner, (*path, key)))]


NAMES = sorted(BODIES)
PLACES = {name: places(json.loads(body)) for name, body in BODIES.items()}


def change(event: Any, path: tuple[Any, ...], becomes: Callable[[Any], Any]) -> None:
    """Replace what stands at the end of a path by what `becomes` makes of it, unless the path was taken away before."""
    for key in path[:-1]:
        try:
            event = event[key]
        except (KeyError, IndexError, TypeError):
            return
    key = path[-1]
    if (isinstance(event, dict) and key in event) or (
        isinstance(event, list) and isinstance(key, int) and key < len(event)
    ):
        new = becomes(event[key])
        if new is DELETED:
            del event[key]
        else:
            event[key] = new


def nested(value: Any, levels: int) -> Any:
    """The value, so many objects and lists deep."""
    for level in range(levels):
        value = [value] if level % 2 else {"remoteIpDetails": value}
    return value


def written(value: Any) -> str:
    """A number or anything else as text, as some products write their numbers."""
    return value if isinstance(value, str) else json.dumps(value)


def repeated(value: Any, times: int) -> Any:
    """A list or text so many times over, an object so often in a list."""
    if isinstance(value, str):
        return (value or "x") * min(times * 1000, 240_000 // max(len(value), 1))
    return (value if isinstance(value, list) else [value]) * times


def spoiled(value: Any, character: str) -> Any:
    """A text with a character in its middle that has no business there."""
    if not isinstance(value, str):
        return character
    return value[: len(value) // 2] + character + value[len(value) // 2 :]


def anything(random: Random, levels: int = 3) -> Any:
    """Any JSON value, a few levels deep."""
    kind = random.randrange(8 if levels else 6)
    if kind < 2:
        return random.choice(TEXTS)
    if kind == 2:
        return "".join(chr(random.choice((random.randrange(128), random.randrange(0x11000)))) for _ in range(12))
    if kind == 3:
        return random.choice(DATES)
    if kind == 4:
        return random.choice(EXTREMES)
    if kind == 5:
        return random.randrange(-(10**6), 10**14) / random.choice((1, 1000))
    inner = [anything(random, levels - 1) for _ in range(random.randrange(4))]
    return inner if kind == 6 else {random.choice(TEXTS): value for value in inner}


def damage(random: Random, value: Any) -> Any:
    """The value, damaged in one of ten ways."""
    kind = random.randrange(10)
    if kind < 2:
        return DELETED
    if kind < 4:
        return anything(random)
    if kind == 4:
        return random.choice(DATES)
    if kind == 5:
        return random.choice(EXTREMES)
    if kind == 6:
        return nested(value, random.choice((1, 2, 17, 60)))
    if kind == 7:
        return repeated(value, random.choice((2, 2, 2, 40, 200)))
    if kind == 8:
        return spoiled(value, random.choice("\ud800\udfff\x00\n\u2028\u202e\x1b…<&"))
    return ({} if random.random() < 0.5 else value[:1]) if isinstance(value, list) else written(value)


def damaged(seed: int) -> dict[str, Any]:
    """A sample event with one to four values damaged or taken away: which and how follows from the seed alone."""
    random = Random(seed)
    name = random.choice(NAMES)
    event: dict[str, Any] = json.loads(BODIES[name])
    for _ in range(random.randrange(1, 5)):
        change(event, random.choice(PLACES[name]), partial(damage, random))
    return event


def mutated() -> st.SearchStrategy[dict[str, Any]]:
    """Damaged events. Only the seed is drawn: to draw every choice would take ten times as long as what is tested."""
    return st.integers(0, 2**64).map(damaged)
