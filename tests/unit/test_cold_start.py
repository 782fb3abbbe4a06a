"""What a cold start imports: templates are loaded with the first message, HTTP with the first to Slack."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAMBDA = Path(__file__).parents[2] / "lambda"


@pytest.mark.parametrize("handler", ["triage", "tell", "settle", "sweep"])
def test_no_function_loads_templates_or_http_before_it_sends(handler: str) -> None:
    code = f"import sys, tocsin.handlers.{handler}; print({{'jinja2', 'requests'}} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(LAMBDA), "AWS_DEFAULT_REGION": "eu-west-1"}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "set()"
