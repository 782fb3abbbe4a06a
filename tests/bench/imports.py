"""The cold import of each handler, beside bare boto3 with one client of the same kind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

from tests.bench.figures import Figure, ratio_of_lowest
from tests.deployment import ROOT

GOAL = 1.3
ROUNDS = 7
HANDLERS = ("triage", "tell", "settle", "sweep")
BARE = "import boto3; boto3.client('dynamodb')"
OURS = "from tocsin.handlers import {handler}, wiring; wiring.client('dynamodb')"
CLOCK = "import time; begin = time.process_time(); {code}; print(time.process_time() - begin)"


def measure(work: Path, say: Callable[[str], None]) -> list[Figure]:
    """Import from the built zips as Lambda unpacks them, below `work`: the layer before the SDK, and without byte code,
    which /var/task and /opt never get. The SDK itself has its byte code. Processor time, in a new interpreter each.
    """
    for archive, folder in (("tocsin.zip", "task"), ("dependencies.zip", "opt")):
        with ZipFile(ROOT / "lambda" / "dist" / archive) as opened:
            opened.extractall(work / folder)
    path = os.pathsep.join((str(work / "task"), str(work / "opt" / "python")))
    bare: list[float] = []
    ours: dict[str, list[float]] = {handler: [] for handler in HANDLERS}
    for number in range(ROUNDS):
        say(f"cold imports, round {number + 1} of {ROUNDS}")
        bare.append(_seconds(BARE, ""))
        for handler, times in ours.items():
            times.append(_seconds(OURS.format(handler=handler), path))
    return [
        Figure(
            f"cold_import_{handler}",
            ratio_of_lowest(times, bare),
            GOAL,
            f"cold import of {handler} with a client : boto3 with that client",
            f"{min(times) * 1000:.0f} ms : {min(bare) * 1000:.0f} ms",
        )
        for handler, times in ours.items()
    ]


def _seconds(code: str, path: str) -> float:
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-c", CLOCK.format(code=code)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)
