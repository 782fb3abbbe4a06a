"""`terraform validate` for the directories named, two at a time; a warning fails as an error does.

Warnings are how a provider says that the next major version will refuse an argument.
Working files lie below build/terraform, so that what a person initialised in a directory is left alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def problems(directory: str) -> list[str]:
    """What is wrong in the directory, a line each."""
    data = ROOT / "build" / "terraform" / directory.replace("/", "-")

    def terraform(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", f"-chdir={ROOT / directory}", *arguments],
            env={**os.environ, "TF_DATA_DIR": str(data)},
            text=True,
            capture_output=True,
            check=False,
        )

    # -upgrade: a lock file that an earlier provider left behind is not the module's business.
    initialised = terraform("init", "-backend=false", "-input=false", "-upgrade", "-no-color")
    if initialised.returncode:
        return [f"{directory}: terraform init: {initialised.stderr.strip()}"]
    return [
        f"{directory}: {place(diagnostic)}{diagnostic['summary']}. {diagnostic.get('detail', '')}"
        for diagnostic in json.loads(terraform("validate", "-json").stdout)["diagnostics"]
    ]


def place(diagnostic: Mapping[str, Any]) -> str:
    found = diagnostic.get("range")
    return f"{found['filename']} line {found['start']['line']}: " if found else ""


def main(directories: list[str]) -> int:
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = [line for lines in pool.map(problems, directories) for line in lines]
    for line in found:
        print(line, file=sys.stderr)
    if not found:
        print(f"terraform validate: {len(directories)} directories, no error and no warning")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
