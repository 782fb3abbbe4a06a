"""An example applied to a local AWS by real Terraform with the real provider."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.local_aws import LocalAws

ROOT = Path(__file__).resolve().parents[1]

Progress = Callable[[int, int, str], None]
"""Called with the resources done, the resources planned, and what is being done."""


class TerraformError(Exception):
    """Terraform refused or failed; the message holds its diagnostics."""


@dataclass(frozen=True)
class Terraform:
    """One root module, with its data and state below `work`. The provider's mirror comes from TF_CLI_CONFIG_FILE."""

    module: Path
    work: Path
    environment: Mapping[str, str]

    def init(self) -> None:
        """Install the provider and the modules."""
        self._run("init", "-input=false", "-no-color")

    def apply(self, *variables: str, progress: Progress = lambda done, planned, what: None) -> None:
        """Apply, with `-var` and `-var-file` arguments as given. Raises TerraformError with every diagnostic."""
        done, planned, errors = 0, 0, []
        arguments = ("apply", "-input=false", "-auto-approve", "-json", self._state, *variables)
        with self._started(arguments) as process:
            assert process.stdout is not None
            for line in process.stdout:
                message = _parse(line)
                match message.get("type"):
                    case "change_summary" if message["changes"]["operation"] == "plan":
                        planned = sum(message["changes"][kind] for kind in ("add", "change", "remove"))
                    case "apply_complete" if message["hook"]["action"] != "read":
                        done += 1
                        progress(done, planned, message["hook"]["resource"]["addr"])
                    case "diagnostic" if _refused(message["diagnostic"]):
                        diagnostic = message["diagnostic"]
                        errors.append(f"{diagnostic['summary']}: {diagnostic.get('detail', '')}")
            if process.wait() or errors:
                raise TerraformError("\n".join(errors) or f"terraform apply ended with {process.returncode}")

    def plan_is_empty(self, *variables: str) -> bool:
        """Whether another apply would change nothing. https://developer.hashicorp.com/terraform/cli/commands/plan"""
        arguments = ("plan", "-input=false", "-detailed-exitcode", "-no-color", self._state, *variables)
        process = subprocess.run(self._command(arguments), env=self._env(), capture_output=True, text=True, check=False)
        if process.returncode == 1:
            raise TerraformError(process.stderr)
        return process.returncode == 0

    def planned(self, *variables: str) -> dict[str, Any]:
        """What an apply would do, as JSON. https://developer.hashicorp.com/terraform/internals/json-format"""
        plan = str(self.work / "plan")
        self._run("plan", "-input=false", "-no-color", self._state, f"-out={plan}", *variables)
        return dict(json.loads(self._run("show", "-json", plan)))

    def schemas(self) -> dict[str, dict[str, Any]]:
        """The schema of each type of resource that the provider has."""
        providers = json.loads(self._run("providers", "schema", "-json"))["provider_schemas"]
        return {
            kind: schema
            for provider in providers.values()
            for kind, schema in provider.get("resource_schemas", {}).items()
        }

    def outputs(self) -> dict[str, Any]:
        """The root module's outputs, by name."""
        shown = json.loads(self._run("output", "-json", self._state))
        return {name: output["value"] for name, output in shown.items()}

    @property
    def _state(self) -> str:
        return f"-state={self.work / 'terraform.tfstate'}"

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return ["terraform", f"-chdir={self.module}", *arguments]

    def _env(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.environment,
            "TF_DATA_DIR": str(self.work / ".terraform"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }

    def _run(self, *arguments: str) -> str:
        process = subprocess.run(self._command(arguments), env=self._env(), capture_output=True, text=True, check=False)
        if process.returncode:
            raise TerraformError(process.stderr)
        return process.stdout

    @contextmanager
    def _started(self, arguments: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
        """Terraform running, and ended when the block ends, however it ends."""
        process = subprocess.Popen(
            self._command(arguments), env=self._env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _refused(diagnostic: Mapping[str, Any]) -> bool:
    """An error, or a misspelt variable in a file of settings: Terraform only warns of it, and uses the default."""
    return bool(diagnostic["severity"] == "error" or "undeclared variable" in diagnostic["summary"])


def _parse(line: str) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except ValueError:
        return {}


def local_variables(aws: LocalAws) -> tuple[str, ...]:
    """What `examples/local` must be told of this local AWS."""
    return (f"-var=endpoint={aws.endpoint}", f"-var=region={aws.region}", f"-var=account_id={aws.account_id}")
