"""`terraform validate` with each Terraform that there is, `terraform test` with the oldest and the newest of them.

    terraforms.py validate DIRECTORY...    with the one on PATH
    terraforms.py test DIRECTORY...        validate and the tests of the module with the other two

A warning of validate fails as an error does: warnings are how a provider says that its next major version will refuse
an argument. Working files lie below build/terraform, so that what a person initialised in a directory is left alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OTHERS = ("terraform-oldest", "terraform-newest")
"""Where set-up could install them: see scripts/setup.py."""

TESTS = "-test-directory=tests/terraform"
VARIABLES = "tests/terraform/variables"
"""The module's variables alone, whose tests need no provider and so take a few milliseconds each."""


@dataclass(frozen=True)
class Terraform:
    """A command, and the version that it says it is."""

    command: str
    version: str

    def run(self, directory: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs it in a directory, with working files of its own."""
        data = ROOT / "build" / "terraform" / f"{self.version}-{directory.replace('/', '-')}"
        return subprocess.run(
            [self.command, f"-chdir={ROOT / directory}", *arguments],
            env={**os.environ, "TF_DATA_DIR": str(data), "CHECKPOINT_DISABLE": "1"},
            text=True,
            capture_output=True,
            check=False,
        )

    def init(self, directory: str) -> list[str]:
        """What kept the directory from being initialised."""
        # -upgrade: a lock file that an earlier provider left behind is not the module's business.
        result = self.run(
            directory,
            "init",
            "-backend=false",
            "-input=false",
            "-upgrade",
            "-no-color",
            TESTS,
        )
        once = "\n\n".join(dict.fromkeys(result.stderr.strip().split("\n\n")))  # it repeats itself for each test file
        return [f"{directory}: terraform {self.version} init: {once}"] if result.returncode else []

    def validate(self, directory: str) -> list[str]:
        """What is wrong in the directory, a line each."""
        if failed := self.init(directory):
            return failed
        return [
            f"{directory}: {place(diagnostic)}{diagnostic['summary']}. {diagnostic.get('detail', '')} ({self.version})"
            for diagnostic in json.loads(self.run(directory, "validate", "-json").stdout)["diagnostics"]
        ]

    def test(self, directory: str, *arguments: str) -> list[str]:
        """What the tests in the directory printed, when one failed."""
        if failed := self.init(directory):
            return failed
        started = time.monotonic()
        result = self.run(directory, "test", "-no-color", *arguments)
        last = result.stdout.strip().splitlines()[-1:] or [""]
        print(f"terraform {self.version} test {directory}: {last[0]} {time.monotonic() - started:.0f} s", flush=True)
        return [f"terraform {self.version} test:\n{result.stdout}{result.stderr}"] if result.returncode else []


def place(diagnostic: Mapping[str, Any]) -> str:
    found = diagnostic.get("range")
    return f"{found['filename']} line {found['start']['line']}: " if found else ""


def found(command: str) -> Terraform | None:
    """The Terraform of this name on PATH; None when there is none."""
    try:
        shown = subprocess.run([command, "version", "-json"], text=True, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return Terraform(command, json.loads(shown)["terraform_version"])


def two_at_a_time(tasks: Sequence[Callable[[], list[str]]]) -> list[str]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        return [line for lines in pool.map(lambda task: task(), tasks) for line in lines]


def main(action: str, directories: Sequence[str]) -> int:
    own = found("terraform")
    if own is None:
        print("no Terraform on PATH: run this by make, which sets one up", file=sys.stderr)
        return 1
    if action == "validate":
        terraforms, problems = [own], two_at_a_time([partial(own.validate, directory) for directory in directories])
    else:
        others = {terraform.version: terraform for command in OTHERS if (terraform := found(command))}
        others.pop(own.version, None)
        # The oldest first: it takes longest. Between the two the one on PATH says nothing new; it applies the examples.
        terraforms = [*others.values(), *([] if len(others) == len(OTHERS) else [own])]
        problems = two_at_a_time(
            [partial(terraform.validate, directory) for terraform in others.values() for directory in directories]
        )
        tests = [
            test
            for terraform in terraforms
            for test in (partial(terraform.test, ".", TESTS), partial(terraform.test, VARIABLES))
        ]
        problems = problems or two_at_a_time(tests)
        if missing := [command for command in OTHERS if not found(command)]:
            print(f"NOT TRIED, because set-up found no package for this machine: {', '.join(missing)}")
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        versions = ", ".join(terraform.version for terraform in terraforms)
        print(f"terraform {action}: no error and no warning in {len(directories)} directories with {versions}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
