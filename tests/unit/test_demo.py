"""The demo's own arithmetic: the order of a story, and what counts as lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.alerts import NOW, sighting
from tests.demo.report import Outcome, result
from tests.demo.story import StoryError, read_story
from tests.demo.watch import End, pairs_of, tellings
from tocsin.alerts.alert import Reason
from tocsin.alerts.decide import Decision, record

FINDING = {
    "Id": "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f",
    "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
    "AwsAccountId": "111122223333",
    "UpdatedAt": "2026-03-01T12:00:00Z",
}


def write(folder: Path, file: str, content: object) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def test_a_story_is_its_own_files_then_its_folders_in_order_of_name(tmp_path: Path) -> None:
    for file in ("2-then/b.json", "2-then/a.json", "1-first/z.json", "own.json", "2-then/deep/x.json"):
        write(tmp_path, file, FINDING)
    write(tmp_path, "1-first/notes.json", {"just": "notes"})
    steps, unsent = read_story(tmp_path)
    assert [(step.name, [sample.file for sample in step.samples]) for step in steps] == [
        (".", ["own.json"]),
        ("1-first", ["1-first/z.json"]),
        ("2-then", ["2-then/a.json", "2-then/b.json"]),
        ("2-then/deep", ["2-then/deep/x.json"]),
    ]
    assert [file.file for file in unsent] == ["1-first/notes.json"]


def test_a_story_without_findings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoryError, match=r"no \*\.json file with a finding"):
        read_story(tmp_path)
    with pytest.raises(StoryError, match="not a folder"):
        read_story(tmp_path / "gone")


def outcome(pair: tuple[str, str], end: End | None, **channels: str) -> Outcome:
    return Outcome("1", "f.json", pair, end, channels)


def test_one_counted_twice_cannot_hide_one_lost() -> None:
    told = End("ALERT", "FIRST", "k", "k-1")
    outcomes = [
        outcome(("e1", "f"), told, mail="SENT"),
        outcome(("e1", "f"), told, mail="SENT"),
        outcome(("e2", "f"), None),
        outcome(("e3", "f"), told),
        outcome(("e4", "f"), End("SILENT", "REPEAT", "k")),
        outcome(("e5", "#0"), End("DEAD_LETTER", "no Id")),
    ]
    summary: dict[str, Any] = result(outcomes, [], 1, [])
    assert summary["lost"] == 2, "one without an end, and one alert that was told nowhere"
    assert (summary["sent"], summary["silent"], summary["dead_lettered"]) == (6, {"REPEAT": 1}, 1)


def test_a_channel_that_nobody_would_ever_tell_is_lost_and_one_that_was_taken_over_is_not() -> None:
    seen = sighting()
    claim = Decision(Reason.FIRST, alert=True, channels=("mail", "slack"))
    problem = record(None, seen, claim, NOW, f"{seen.key}-2")
    end = End("ALERT", "FIRST", seen.key, f"{seen.key}-2", ("mail", "slack"))
    before = End("ALERT", "FIRST", seen.key, f"{seen.key}-1", ("mail", "slack"))
    ledger = {seen.key: problem}
    waiting = tellings([end], ledger, {end.alert_id}, set())[end.alert_id]
    assert waiting == {"mail": "PENDING", "slack": "PENDING"}
    gone = tellings([end], ledger, set(), set())[end.alert_id]
    assert gone == {"mail": "LOST", "slack": "LOST"}
    taken = tellings([before], ledger, {end.alert_id}, {(before.alert_id, "mail")})[before.alert_id]
    assert taken == {"mail": "SENT", "slack": "SUPERSEDED"}
    lost = [outcome(("e", "f"), end, **states).lost for states in (waiting, gone, taken)]
    assert lost == [False, True, False]


def test_the_pairs_of_an_event_are_its_findings_and_what_cannot_be_read() -> None:
    event = {"id": "e", "detail-type": "Security Hub Findings - Imported", "time": "2026-03-01T12:00:00Z"}
    assert pairs_of({**event, "detail": {"findings": [FINDING, {}]}}) == [("e", FINDING["Id"]), ("e", "#1")]
    assert pairs_of({"id": "e", "detail-type": "Something Else"}) == [("e", "#0")]


def test_the_shipped_story_can_be_read_whole() -> None:
    steps, unsent = read_story(Path(__file__).parents[1] / "demo" / "findings")
    assert len(steps) == 6
    assert unsent == []
