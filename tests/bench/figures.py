"""What the benchmark found: figures with their goals, a table for a person and JSON for a script. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement; lower is better. `unit` is "ratio" where two things of one run were compared.

    `about` says in words what was compared with what, `detail` in numbers.
    """

    name: str
    value: float
    goal: float
    about: str
    detail: str = ""
    unit: str = "ratio"

    @property
    def met(self) -> bool:
        return self.value <= self.goal


def ratio_of_lowest(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Our shortest time over their shortest: whatever else a machine does meanwhile only ever adds.

    Raises ValueError when one has no times, or none above zero to divide by.
    """
    if not ours or not theirs or min(theirs) <= 0:
        raise ValueError(f"{len(ours)} and {len(theirs)} times, which must be above zero, cannot be compared")
    return min(ours) / min(theirs)


def median_ratio(pairs: Iterable[tuple[float, float]]) -> float:
    """The median of ours over theirs, each pair measured side by side. Raises ValueError as `ratio_of_lowest`."""
    found = list(pairs)
    if not found or min(theirs for _, theirs in found) <= 0:
        raise ValueError(f"{len(found)} pairs of times, which must be above zero, cannot be compared")
    return median(ours / theirs for ours, theirs in found)


def result(figures: Iterable[Figure]) -> dict[str, dict[str, float | str]]:
    """The figures by name, as `build/bench/result.json` has them."""
    return {
        figure.name: {"value": round(figure.value, 6), "goal": figure.goal, "unit": figure.unit} for figure in figures
    }


def table(title: str, figures: Iterable[Figure]) -> Table:
    """The figures of one topic, a line each; a goal that was missed is marked."""
    drawn = Table("name", "what", "value", "goal", "", "measured", title=title, title_justify="left")
    for column in (2, 3):
        drawn.columns[column].justify = "right"
    for figure in figures:
        unit = "×" if figure.unit == "ratio" else f" {figure.unit}"
        verdict = Text("met", "green") if figure.met else Text("MISSED", "bold red")
        value, goal = (f"{number:.3g}{unit}" for number in (figure.value, figure.goal))
        drawn.add_row(figure.name, figure.about, value, goal, verdict, figure.detail)
    return drawn
