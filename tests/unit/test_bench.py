"""The sums behind `make bench`. What it measures is no test: a slow machine is no defect."""

from __future__ import annotations

import io
import json
from dataclasses import fields

import pytest
from rich.console import Console

from tests.bench import machine, parsing
from tests.bench.figures import Figure, median_ratio, ratio_of_lowest, result, table
from tests.bench.prices import PRICES, Usage
from tocsin.findings.event import parse_event
from tocsin.findings.model import Feed

MET = Figure("cold_import_tell", 1.25, 1.3, "ours : theirs", "125 ms : 100 ms")
MISSED = Figure("repeat_writes", 2, 1, "writes for a repeat", unit="write units")


def test_the_shortest_times_are_compared() -> None:
    assert ratio_of_lowest([3.0, 2.0, 9.0], [8.0, 1.0]) == 2.0


def test_the_median_is_of_ratios_measured_side_by_side() -> None:
    assert median_ratio([(2.0, 1.0), (30.0, 10.0), (100.0, 1.0)]) == 3.0


@pytest.mark.parametrize(("ours", "theirs"), [([], [1.0]), ([1.0], []), ([1.0], [0.0])])
def test_nothing_is_compared_with_nothing(ours: list[float], theirs: list[float]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        ratio_of_lowest(ours, theirs)
    with pytest.raises(ValueError, match="above zero"):
        median_ratio(zip(ours, theirs, strict=False))


def test_a_goal_is_met_when_it_is_reached_exactly() -> None:
    assert MET.met
    assert Figure("x", 1.3, 1.3, "").met
    assert not MISSED.met


def test_the_result_names_value_goal_and_unit_of_each_figure() -> None:
    assert json.loads(json.dumps(result([MET, MISSED]))) == {
        "cold_import_tell": {"value": 1.25, "goal": 1.3, "unit": "ratio"},
        "repeat_writes": {"value": 2, "goal": 1, "unit": "write units"},
    }


def test_the_table_marks_a_goal_that_was_missed() -> None:
    console = Console(file=io.StringIO(), width=150)
    console.print(table("A topic", [MET, MISSED]))
    assert isinstance(console.file, io.StringIO)
    title, *_, tell, writes, _ = console.file.getvalue().rstrip("\n").splitlines()
    assert title.strip() == "A topic"
    assert [cell.strip() for cell in tell.split("│")[1:-1]] == [
        *("cold_import_tell", "ours : theirs", "1.25×", "1.3×", "met", "125 ms : 100 ms")
    ]
    assert "MISSED" in writes
    assert "2 write units" in writes


def test_a_price_is_for_so_many_of_a_thing() -> None:
    assert Usage(transitions=2000).dollars() == pytest.approx(0.05)
    assert Usage(mails=1, write_units=1_000_000).dollars() == pytest.approx(0.6251)
    assert Usage().dollars() == 0


def test_whatever_is_used_has_a_price_with_its_page() -> None:
    assert set(PRICES) == {field.name for field in fields(Usage)}
    assert all(price.dollars > 0 and price.page.startswith("https://aws.amazon.com/") for price in PRICES.values())


def test_what_was_used_is_told_without_what_was_not() -> None:
    assert Usage(transitions=7, gigabyte_seconds=0.125).told() == "7 transitions, 0.125 gigabyte seconds"


@pytest.mark.parametrize("feed", Feed)
def test_every_feed_has_samples_to_read_and_all_of_them_can_be(feed: str) -> None:
    bodies = parsing.sample_bodies(feed)
    assert len(bodies) >= 3
    for body in bodies:
        event = parse_event(json.loads(body))
        assert event.findings
        assert not event.unreadable


def test_the_plain_machine_has_three_states_that_do_something() -> None:
    states = machine.definition("arn:aws:lambda:eu-west-1:111122223333:function:plain")["States"]
    assert [name for name, state in states.items() if state["Type"] != "Succeed"] == ["Claim", "Severe", "Send"]
