"""The checks of the Terraform code: what they say, and what they would miss."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts import scan, tables, terraforms

# ---- checkov ----

FAILED = {
    "check_id": "CKV_AWS_28",
    "check_name": "Ensure backups",
    "file_path": "/modules/alerting/main.tf",
    "resource": "module.alerting.aws_dynamodb_table.ledger",
}


def results(*, failed: bool, unread: bool) -> dict[str, Any]:
    return {
        "failed_checks": [FAILED] if failed else [],
        "parsing_errors": [str(scan.ROOT / "main.tf")] if unread else [],
    }


def test_a_finding_and_an_unread_file_are_named() -> None:
    assert scan.problems(results(failed=True, unread=True), {}, {}) == [
        "main.tf: checkov cannot read it",
        "modules/alerting/main.tf: CKV_AWS_28 aws_dynamodb_table.ledger: Ensure backups",
    ]


def test_what_has_its_reason_is_let_through() -> None:
    skipped, unread = {"CKV_AWS_28 aws_dynamodb_table.ledger": "why"}, {"main.tf": "why"}
    assert scan.problems(results(failed=True, unread=True), skipped, unread) == []


def test_a_reason_for_another_resource_does_not_count_and_one_that_nothing_needs_fails() -> None:
    assert scan.problems(results(failed=True, unread=False), {"CKV_AWS_28 aws_dynamodb_table.settings": "why"}, {}) == [
        "modules/alerting/main.tf: CKV_AWS_28 aws_dynamodb_table.ledger: Ensure backups",
        "scripts/scan.py: nothing needs the reason for CKV_AWS_28 aws_dynamodb_table.settings any more",
    ]


# ---- the tables ----

VARIABLES = """variable "name" {
  description = "A name, \\"quoted\\"."
  type        = string
  nullable    = false
}

variable "channels" {
  description = <<-EOT
    Where to (`to`): one kind each.

  type = "this is text"
  EOT
  type = map(object({
    to = list(string) # at least one
    in = optional(object({ a = string }))
  }))
  default = {
    a = {}
  }

  validation {
    condition     = true
    error_message = "type = 1"
  }
}
"""


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "variables.tf").write_text(VARIABLES)
    (tmp_path / "outputs.tf").write_text('output "arn" {\n  description = "Its | ARN."\n  value       = 1\n}\n')
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    monkeypatch.setattr(tables, "README", tmp_path / "README.md")
    return tmp_path


def test_the_tables(root: Path) -> None:
    assert tables.tables().splitlines() == [
        "| input | what it says | type | default |",
        "|---|---|---|---|",
        '| `name` | A name, "quoted". | `string` | required |',
        '| `channels` | Where to (`to`): one kind each. type = "this is text" | `map(object)` | `{ a = {} }` |',
        "",
        "| output | what it says |",
        "|---|---|",
        "| `arn` | Its \\| ARN. |",
    ]


def test_a_long_description_is_cut_after_its_first_sentence() -> None:
    text = f"What `a. B` is (e.g. This): at most 1.5. {'More. ' * 50}"
    assert tables.first_sentence(text) == "What `a. B` is (e.g. This): at most 1.5."


def test_stale_tables_fail_until_they_are_written(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "README.md").write_text(f"before\n{tables.BEGIN}\n{tables.END}\nafter\n")
    assert tables.main("check") == 1
    assert capsys.readouterr().err == "README.md: the tables of inputs and outputs are stale: run make docs\n"
    assert tables.main("write") == 0
    assert tables.main("check") == 0
    written = (root / "README.md").read_text()
    assert written.startswith("before\n")
    assert written.endswith("after\n")


@pytest.mark.parametrize("argument", ["description", "type"])
def test_what_is_missing_is_named(root: Path, argument: str) -> None:
    lines = [
        line for line in VARIABLES.splitlines() if not line.startswith(f"  {argument} ") or "{" in line or "<<" in line
    ]
    (root / "variables.tf").write_text("\n".join(lines) + "\n")
    with pytest.raises(tables.Unreadable, match=rf"variables\.tf line 1: name has no {argument}: write one"):
        tables.tables()


# ---- the Terraforms ----


def test_a_terraform_that_is_not_there_is_not_found() -> None:
    assert terraforms.found("terraform-of-nowhere") is None


def test_a_warning_of_validate_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = '{"diagnostics": [{"severity": "warning", "summary": "Deprecated", "detail": "Gone in 7.0.", "range":'
    shown += ' {"filename": "main.tf", "start": {"line": 3}}}]}'

    result = subprocess.CompletedProcess(["terraform"], 0, shown, "")
    monkeypatch.setattr(terraforms.Terraform, "run", lambda *_: result)
    assert terraforms.Terraform("terraform", "1.9.8").validate("examples/a") == [
        "examples/a: main.tf line 3: Deprecated. Gone in 7.0. (1.9.8)"
    ]
