"""checkov over the module and the examples: every finding is mended, or has its reason here.

A reason that no finding needs any more fails too. Nothing is fetched or sent: the rules are those of the package.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CHECKOV = ROOT / ".tools" / "checkov" / "bin" / "checkov"

FUNCTION = "aws_lambda_function.this"
MACHINE = "aws_sfn_state_machine.alert"
BOUNDARY = "aws_iam_policy.boundary"
NETWORK = "a network to try the example in; an estate brings its own, and decides this there"

SKIPPED = {
    f"CKV_AWS_50 {FUNCTION}": "no X-Ray: each decision is a log line, and tracing wants permissions on every resource",
    f"CKV_AWS_284 {MACHINE}": "no X-Ray, as for the functions",
    f"CKV_AWS_285 {MACHINE}": "executions are logged without their data: findings stay out of the log",
    f"CKV_AWS_115 {FUNCTION}": "an account can reserve only what it has above its unreserved minimum of 100, and the"
    " ledger's conditions hold whatever runs beside each other",
    f"CKV_AWS_116 {FUNCTION}": "triage reads a queue that has a dead-letter queue, the machine catches what tell and"
    " settle raise, and the next minute's sweep does what one failed to do",
    "CKV_AWS_119 aws_dynamodb_table.ledger": "the key in kms_key_arn, else one that AWS owns: left on without one,"
    " the encryption would keep a key that was taken away",
    "CKV_AWS_119 aws_dynamodb_table.settings": "as above",
    "CKV_AWS_28 aws_dynamodb_table.settings": "Terraform writes the settings anew from the tfvars",
    "CKV_AWS_297 aws_scheduler_schedule.sweep": "the schedule carries no input to encrypt",
    "CKV2_AWS_57 aws_secretsmanager_secret.slack": "a webhook is rotated by a person, in Slack",
    "CKV_AWS_149 aws_secretsmanager_secret.slack": "in examples/local: a local AWS has nobody to keep it from",
    f"CKV_AWS_288 {BOUNDARY}": "a boundary grants nothing: it is the most that a policy of the estate may grant",
    f"CKV_AWS_289 {BOUNDARY}": "as above",
    f"CKV_AWS_290 {BOUNDARY}": "as above",
    f"CKV_AWS_355 {BOUNDARY}": "as above",
    "CKV2_AWS_5 aws_security_group.tocsin": "the module attaches it to the functions, which checkov does not follow",
    "CKV2_AWS_11 aws_vpc.this": NETWORK,
    "CKV2_AWS_12 aws_vpc.this": NETWORK,
    "CKV_AWS_394 aws_availability_zones.available": NETWORK,
}
"""Why a check does not hold for a resource."""

UNREAD = {
    "variables.tf": "its parser stops at escaped quotes inside a `for` inside a string; there are no resources in it"
}
"""What checkov cannot read."""


def scan() -> Mapping[str, Any]:
    """What checkov found, as it reports it."""
    options = ["--framework", "terraform", "--skip-download", "--skip-path", "tests", "--skip-path", "build"]
    result = subprocess.run(
        [str(CHECKOV), "--directory", str(ROOT), *options, "--output", "json"],
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        text=True,
        capture_output=True,
        check=False,
    )
    try:
        return dict(json.loads(result.stdout))
    except ValueError:
        raise SystemExit(f"checkov failed:\n{result.stdout}{result.stderr}") from None


def problems(results: Mapping[str, Any], skipped: Collection[str], unread: Collection[str]) -> list[str]:
    """What needs a change, a sentence each."""
    found, unused = set[str](), {*skipped, *unread}
    for failed in results["failed_checks"]:
        key = f"{failed['check_id']} {'.'.join(failed['resource'].split('.')[-2:])}"
        unused.discard(key)
        if key not in skipped:
            found.add(f"{failed['file_path'].lstrip('/')}: {key}: {failed['check_name']}")
    for file in results["parsing_errors"]:
        name = str(Path(file).relative_to(ROOT))
        unused.discard(name)
        if name not in unread:
            found.add(f"{name}: checkov cannot read it")
    return sorted(found | {f"scripts/scan.py: nothing needs the reason for {key} any more" for key in unused})


def main() -> int:
    report = scan()
    found = problems(report["results"], SKIPPED, UNREAD)
    for line in found:
        print(line, file=sys.stderr)
    if not found:
        print(f"checkov: {report['summary']['passed']} checks hold, {len(SKIPPED)} reasons why others do not")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
