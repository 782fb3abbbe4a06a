"""`tocsin parse`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.findings.samples import EVENTS, raw
from tocsin.cli.main import main

GUARDDUTY = str(EVENTS / "guardduty" / "command_and_control.json")
PRINTED = str(EVENTS / "security_hub" / "get_findings.json")
BAD = str(EVENTS / "malformed" / "one_good_one_bad.json")


def test_a_finding_is_shown_as_a_person_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", GUARDDUTY]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    lines = shown.out.splitlines()
    assert lines[0] == GUARDDUTY
    assert lines[2].split(maxsplit=1) == ["HIGH", raw("guardduty/command_and_control")["detail"]["title"]]
    for label, value in (
        ("product", "GuardDuty, over guardduty"),
        ("state", "open"),
        ("type", "Backdoor:EC2/C&CActivity.B"),
        ("account", "111122223333 eu-west-1"),
        ("actor", "198.51.100.7"),
        ("seen", "2025-06-03 09:02:11 UTC to 2025-06-03 15:21:40 UTC, 4 times"),
    ):
        assert [label, value] in [line.split(maxsplit=1) for line in lines]
    assert lines[-1] == "1 finding"


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "--json", GUARDDUTY, PRINTED]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [finding["file"] for finding in document["findings"]] == [GUARDDUTY, PRINTED, PRINTED]
    assert document["findings"][0]["severity"] == "HIGH"
    assert document["findings"][0]["requested"] is False
    assert document["unreadable"] == []


def test_what_cannot_be_read_is_named_and_the_rest_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", BAD, GUARDDUTY]) == 1
    shown = capsys.readouterr()
    assert shown.err == f"tocsin: {BAD}: findings[0]: ProductArn is missing\n"
    assert shown.out.endswith("2 findings, 1 unreadable\n")


def test_json_names_what_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "--json", BAD]) == 1
    document = json.loads(capsys.readouterr().out)
    assert len(document["findings"]) == 1
    assert document["unreadable"] == [{"where": BAD, "reason": "findings[0]: ProductArn is missing"}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not JSON: Expecting property name"),
        (b"\xff\xfe\x00", "not JSON: "),
        (b"[" * 200_000, "not JSON: "),
        (b"{}", "neither an event nor a finding of a feed (its fields begin with: none)"),
        (b'{"detail-type": "AWS Health Event"}', 'detail-type is "AWS Health Event": not an event of a feed'),
    ],
)
def test_a_file_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    assert main(["parse", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"tocsin: {path}: {reason}")


def test_the_odd_one_in_a_list_is_named_by_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps([raw("guardduty/command_and_control"), {"odd": 1}]))
    assert main(["parse", str(path)]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(f"tocsin: {path}[1]: neither")
    assert "1 finding, 1 unreadable" in shown.out


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.json"
    assert main(["parse", str(missing)]) == 1
    assert capsys.readouterr().err == f"tocsin: {missing}: No such file or directory\n"


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    content = io.BytesIO(Path(GUARDDUTY).read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    assert main(["parse", "-"]) == 0
    assert capsys.readouterr().out.startswith("-\n")


@pytest.mark.parametrize("arguments", [[], ["parse"], ["parse", "--yaml", "x"], ["unknown"]])
def test_wrong_usage_is_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: tocsin")


def test_help_is_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "--help"]) == 0
    assert "EventBridge event" in capsys.readouterr().out


def test_hostile_text_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(EVENTS / "security_hub" / "hostile.json")]) == 0
    shown = capsys.readouterr().out
    assert not set(shown) & set("\x1b\x00\r\u202e")
    assert max(map(len, shown.splitlines())) < 600


def test_it_runs_as_a_module_and_bears_a_reader_that_leaves_and_a_poor_terminal() -> None:
    command = [sys.executable, "-m", "tocsin.cli.main", "parse", *[str(EVENTS / "security_hub" / "hostile.json")] * 40]
    environment = {"PYTHONPATH": os.pathsep.join(["lambda"]), "PYTHONIOENCODING": "ascii"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == b""
    assert process.returncode == 1
