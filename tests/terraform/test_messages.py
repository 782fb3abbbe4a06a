"""What a validation says: each run of these two files must fail with the words of the comment above it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tocsin.findings import asff

HERE = Path(__file__).parent
RUN = re.compile(r"^# (?P<words>[^\n]+)\n(?P<run>run \"(?P<name>\w+)\" \{\n.*?^\}\n)", re.MULTILINE | re.DOTALL)
TESTS = HERE / "variables" / "tests"
FILE = (TESTS / "validations.tftest.hcl").read_text() + (TESTS / "estate.tftest.hcl").read_text()
RUNS = {match["name"]: match for match in RUN.finditer(FILE)}


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The messages of each run, which is not told to expect them. A file for each, because a failure ends its file."""
    folder = tmp_path_factory.mktemp("messages")
    root = folder / "variables"
    (root / "tests").mkdir(parents=True)
    shutil.copy(HERE / "variables" / "variables.tf", root)
    shutil.copytree(HERE / "variables" / "templates", root / "templates")
    shutil.copytree(HERE / "templates", folder / "templates")
    variables = FILE[FILE.index("variables {") : FILE.index("\n}\n") + 3]
    for name, match in RUNS.items():
        run = re.sub(r"^ *expect_failures .*\n", "", match["run"], flags=re.MULTILINE)
        (root / "tests" / f"{name}.tftest.hcl").write_text(variables + run)
    subprocess.run(["terraform", "init", "-backend=false"], cwd=root, check=True, capture_output=True)
    test = subprocess.run(["terraform", "test", "-json"], cwd=root, check=False, capture_output=True, text=True)
    found: dict[str, str] = {}
    for line in map(json.loads, test.stdout.splitlines()):
        if line["type"] == "diagnostic":
            name = line["@testrun"]
            found[name] = found.get(name, "") + " ".join(line["diagnostic"]["detail"].split()) + "\n"
    return found


def test_every_run_has_its_words() -> None:
    assert len(RUNS) == FILE.count("\nrun ") > 50


def test_every_validation_has_a_run() -> None:
    source = (HERE / "variables" / "variables.tf").read_text()
    for variable in re.split(r"^variable ", source, flags=re.MULTILINE)[1:]:
        name = variable.split('"')[1]
        assert FILE.count(f"[var.{name}]") >= variable.count("validation {"), name


@pytest.mark.parametrize("name", RUNS)
def test_the_message_names_the_offender_and_the_remedy(name: str, messages: dict[str, str]) -> None:
    assert RUNS[name]["words"] in messages[name]


def test_a_product_as_the_functions_call_it_gives_no_warning() -> None:
    known = set(re.findall(r'"([^"]+)"', (HERE.parents[1] / "checks.tf").read_text().split("]")[0]))
    assert set(asff._PRODUCTS.values()) <= known
