"""What the Terraform code must not contain: what one major version of the provider refuses, and fixed partitions."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {str(path.relative_to(ROOT)): path for path in sorted([*ROOT.glob("*.tf"), *ROOT.glob("modules/*/*.tf")])}


def resources(path: Path) -> Iterator[str]:
    return (match[0] for match in re.finditer(r"^resource .*?^\}$", path.read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", SOURCES)
def test_both_majors_of_the_provider_take_it(name: str) -> None:
    source = SOURCES[name].read_text()
    assert not re.search(r"aws_region\.\w+\.(name|region|id)\b", source), "one major lacks it, the other warns"
    for resource in resources(SOURCES[name]):
        assert not re.search(r"^\s+region\s*=", resource, re.MULTILINE), "5.x has no region on resources"
        assert not re.search(r"^\s+(key_schema|is_enabled|managed_policy_arns)\b|^\s+inline_policy \{", resource, re.M)


@pytest.mark.parametrize("name", SOURCES)
def test_no_resource_is_tied_to_a_partition(name: str) -> None:
    assert not any("arn:aws:" in resource for resource in resources(SOURCES[name]))


def test_every_directory_asks_for_the_same_versions() -> None:
    directories = {path.parent for path in SOURCES.values()} | set((ROOT / "examples").glob("[!.]*"))
    constraints = {
        directory: sorted(re.findall(r'= +"(>= [^"]+)"', (directory / "versions.tf").read_text()))
        for directory in directories
    }
    assert set(map(tuple, constraints.values())) == {(">= 1.9, < 2.0", ">= 5.76, < 7.0")}, constraints


@pytest.fixture(scope="module")
def needs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What each resource needs before it, at any distance. https://developer.hashicorp.com/terraform/cli/commands/graph"""
    environment = {**os.environ, "TF_DATA_DIR": str(tmp_path_factory.mktemp("graph"))}

    def terraform(*arguments: str) -> str:
        command = ["terraform", f"-chdir={ROOT}", *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    terraform("init", "-backend=false", "-input=false")
    direct: dict[str, set[str]] = {}
    for one, other in re.findall(r'"(\S+)" -> "(\S+)"', terraform("graph")):
        direct.setdefault(one, set()).add(other)

    def before(name: str) -> set[str]:
        found, left = set[str](), [name]
        while left:
            further = direct.get(left.pop(), set()) - found
            found |= further
            left += further
        return found

    return {name: before(name) for name in direct}


@pytest.mark.parametrize("name", ["triage", "tell", "settle", "sweep"])
def test_functions_know_new_settings_before_rules_let_more_in(name: str, needs: dict[str, set[str]]) -> None:
    rules, function = (
        "module.intake.aws_cloudwatch_event_rule.this",
        f"module.alerting.module.{name}.aws_lambda_function.this",
    )
    assert function in needs[rules]
    assert rules not in needs[function]
