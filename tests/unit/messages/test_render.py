"""The command that writes messages without sending them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tocsin.cli.main import main

FINDING: dict[str, Any] = {
    "SchemaVersion": "2018-10-08",
    "Id": "arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding/f0",
    "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
    "GeneratorId": "g",
    "AwsAccountId": "111122223333",
    "CreatedAt": "2026-02-28T12:00:00Z",
    "UpdatedAt": "2026-03-01T12:00:00Z",
    "Severity": {"Label": "HIGH"},
    "Title": "Something",
    "Description": "Something happened.",
    "Resources": [{"Type": "AwsEc2Instance", "Id": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc"}],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "finding.json"
    path.write_text(json.dumps({"Findings": [FINDING, FINDING]}))
    return path


@pytest.mark.parametrize(
    ("channel", "names"),
    [
        ("email", ["001-email.html", "001-email.txt", "002-email.html", "002-email.txt"]),
        ("sns", ["001-sns.txt", "001-sns.json", "002-sns.txt", "002-sns.json"]),
        ("slack", ["001-slack.json", "002-slack.json"]),
    ],
)
def test_writes_a_message_for_each_finding_and_prints_the_files(
    file: Path, tmp_path: Path, channel: str, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new/folder"
    assert main(["render", str(file), "--channel", channel, "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(out / name) for name in names]
    assert "New problem" in (out / names[0]).read_text()


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("REMINDER", "Reminder: still open 7 days after it was last told."),
        ("SEVERITY_UP", "Its severity rose from MEDIUM to HIGH."),
        ("REQUESTED", "Somebody asked for it with a custom action."),
    ],
)
def test_reason_can_be_chosen(file: Path, tmp_path: Path, reason: str, sentence: str) -> None:
    assert main(["render", str(file), "--channel", "sns", "--out", str(tmp_path), "--reason", reason]) == 0
    assert sentence in (tmp_path / "001-sns.txt").read_text()


def test_unreadable_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(tmp_path / "none.json"), "--channel", "sns", "--out", str(tmp_path)]) == 1
    assert "none.json" in capsys.readouterr().err


def test_unreadable_finding_is_named_and_the_others_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps([FINDING, {"what": "ever"}]))
    assert main(["render", str(path), "--channel", "sns", "--out", str(tmp_path)]) == 1
    assert "mixed.json[1]" in capsys.readouterr().err
    assert (tmp_path / "001-sns.txt").exists()


def test_folder_that_cannot_be_written_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(file), "--channel", "sns", "--out", str(file)]) == 1
    assert str(file) in capsys.readouterr().err


def own_templates(folder: Path, name: str, source: str) -> str:
    path = folder / "own" / name
    path.parent.mkdir(parents=True)
    path.write_text(source)
    return str(folder / "own")


def test_own_template_is_used(file: Path, tmp_path: Path) -> None:
    own = own_templates(tmp_path, "sns/alert.txt.j2", "Hotline 1234: {{ title }}\n")
    out = tmp_path / "out"
    assert main(["render", str(file), "--channel", "sns", "--templates", own, "--out", str(out)]) == 0
    assert (out / "001-sns.txt").read_text().endswith("\n\nHotline 1234: Something\n")


def test_template_that_fails_is_an_error_and_nothing_stands_in_for_its_message(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = own_templates(tmp_path, "sns/alert.txt.j2", "first line\n{{ titel }}\n")
    out = tmp_path / "out"
    assert main(["render", str(file), "--channel", "sns", "--templates", own, "--out", str(out)]) == 1
    assert "sns/alert.txt.j2 (line 2: UndefinedError: 'titel' is undefined)" in capsys.readouterr().err
    assert not out.exists()


def test_own_templates_that_replace_nothing_are_named(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for own, said in (
        (own_templates(tmp_path / "a", "sns/alarm.txt.j2", "x"), "sns/alarm.txt.j2 (there is no template of that name"),
        (str(tmp_path / "none"), "no folder that holds a template"),
        (str(file), "no folder that holds a template"),
    ):
        assert main(["render", str(file), "--channel", "sns", "--templates", own, "--out", str(tmp_path / "out")]) == 1
        assert said in capsys.readouterr().err


def test_own_template_in_another_encoding_is_named(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = own_templates(tmp_path, "sns/alert.txt.j2", "")
    Path(own, "sns/alert.txt.j2").write_bytes("grüßen".encode("latin-1"))
    assert main(["render", str(file), "--channel", "sns", "--templates", own, "--out", str(tmp_path / "out")]) == 1
    assert "sns/alert.txt.j2 (not UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--channel", "fax"], ["--channel", "sns", "--reason", "REPEAT"]])
def test_wrong_usage(file: Path, tmp_path: Path, arguments: list[str]) -> None:
    assert main(["render", str(file), "--out", str(tmp_path), *arguments]) == 2
