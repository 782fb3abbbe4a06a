"""What a cold start imports: only `tell` composes and posts, so only it pays for templates and HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAMBDA = Path(__file__).parents[2] / "lambda"


@pytest.mark.parametrize("handler", ["triage", "settle", "sweep"])
def test_a_function_that_sends_nothing_loads_no_templates_and_no_http(handler: str) -> None:
    code = f"import sys, tocsin.handlers.{handler}; print({{'jinja2', 'requests'}} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(LAMBDA), "AWS_DEFAULT_REGION": "eu-west-1"}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "set()"
