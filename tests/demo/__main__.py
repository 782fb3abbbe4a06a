"""`make demo`: apply the module to a local AWS, send findings, show what was told and what stayed silent, and why."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ParamValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from tests.demo.report import Outcome, result, show, write_messages
from tests.demo.story import Sample, Step, StoryError, Unsent, read_story
from tests.demo.watch import Pair, Watch, pairs_of
from tests.deployment import ROOT, Terraform, TerraformError, local_variables
from tests.local_aws import LocalAws, LocalAwsError, SlackServer
from tocsin.findings.documents import Delivery

OUT = ROOT / "build" / "demo"
WORK = OUT / "work"
EXAMPLE = ROOT / "examples" / "local"
SHIPPED = Path(__file__).parent / "findings"

console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def main(argv: Sequence[str]) -> int:
    """Returns 0 when nothing was lost, 1 when something was or could not be done."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--findings", type=Path, default=SHIPPED, help="a folder of *.json; sub-folders are steps")
    parser.add_argument("--repeat", type=int, default=1, help="how often everything is sent")
    parser.add_argument("--tfvars", type=Path, help="settings of the module to try")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return _demo(arguments.findings, arguments.repeat, arguments.tfvars)
    except (StoryError, TerraformError, LocalAwsError) as error:
        # Not as markup: the brackets of an address such as routes[0] are part of the message.
        console.print(Text("The demo stopped. ", style="bold red").append(str(error), style="default"), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130


def _demo(findings: Path, repeat: int, tfvars: Path | None) -> int:
    if repeat < 1:
        raise StoryError(f"REPEAT={repeat}: write how often everything is to be sent, 1 or more")
    if tfvars is not None and not tfvars.is_file():
        raise StoryError(f"TFVARS={tfvars} is not a file")
    steps, unsent = read_story(findings.resolve())
    with ExitStack() as running:
        slack = running.enter_context(SlackServer())
        aws, outputs = _applied(running, tfvars)
        watch = Watch(aws, outputs["tocsin"])
        aws.client("secretsmanager").put_secret_value(
            SecretId=outputs["slack_secret_arn"], SecretString=slack.webhook_url()
        )
        _enable_security_hub(aws)
        watch.empty()
        sent: list[tuple[str, str, Pair]] = []
        for round_number in range(1, repeat + 1):
            for step in steps:
                name = f"{step.name} ({round_number} of {repeat})" if repeat > 1 else step.name
                sent += [(name, file, pair) for file, pair in _send(watch, step, unsent)]
                with console.status(f"{name}: waiting until it has settled"):
                    watch.settle(pair for _, _, pair in sent)
        return _report(watch, slack, sent, unsent)


def _applied(running: ExitStack, tfvars: Path | None) -> tuple[LocalAws, dict[str, Any]]:
    """The local AWS with the module applied: as the last run left it where nothing changed since."""
    mark, wanted = WORK / "applied", _fingerprint(tfvars)
    ready = mark.exists() and mark.read_text() == wanted
    if not mark.exists():
        # Never applied, or not stopped in order: what is there cannot be trusted.
        shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    aws = LocalAws(state_dir=WORK / "aws", persist=True)
    running.callback(aws.stop)
    aws.start()
    terraform = Terraform(EXAMPLE, WORK, aws.environment())
    if not ready:
        variables = (*local_variables(aws), *((f"-var-file={tfvars.resolve()}",) if tfvars else ()))
        with console.status("terraform init"):
            terraform.init()
        _apply(terraform, variables)
    outputs = terraform.outputs()
    running.callback(mark.write_text, wanted)
    running.callback(aws.stop)  # runs before the mark is written: only what was saved counts as applied
    return aws, outputs


def _apply(terraform: Terraform, variables: tuple[str, ...]) -> None:
    columns = (TextColumn("terraform apply"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), TextColumn("{task.description}"), console=console) as progress:
        task = progress.add_task("planning", total=None)
        terraform.apply(
            *variables,
            progress=lambda done, planned, what: progress.update(task, completed=done, total=planned, description=what),
        )


def _enable_security_hub(aws: LocalAws) -> None:
    client = aws.client("securityhub")
    try:
        client.enable_security_hub()
    except client.exceptions.ResourceConflictException:
        return  # a former run did


def _fingerprint(tfvars: Path | None) -> str:
    """What the applied state follows from: the module, the example, the package, the settings to try."""
    hashed = hashlib.sha256()
    patterns = ("*.tf", "modules/**/*", "examples/local/*.tf", "lambda/dist/*.zip", "tests/local_aws/*.py")
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}):
        hashed.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    if tfvars is not None:
        hashed.update(tfvars.read_bytes())
    return hashed.hexdigest()


def _send(watch: Watch, step: Step, unsent: list[Unsent]) -> Iterator[tuple[str, Pair]]:
    for sample in step.samples:
        for delivery in sample.deliveries:
            for pair in _deliver(watch, sample, delivery, unsent):
                yield sample.file, pair


def _deliver(watch: Watch, sample: Sample, delivery: Delivery, unsent: list[Unsent]) -> list[Pair]:
    """Put one delivery in, and say which pairs of event and finding it became."""
    if delivery.kind == "event":
        return _publish(watch, delivery.raw)
    before = len(watch.aws.events())
    hub = watch.client("securityhub")
    try:
        answer = hub.batch_import_findings(Findings=[delivery.raw])
    except (ParamValidationError, hub.exceptions.InvalidInputException):
        # Security Hub itself has delivered findings that its own API would not take.
        return _publish(watch, _imported(delivery.raw))
    if answer["FailedCount"]:
        unsent.append(Unsent(sample.file, f"Security Hub: {answer['FailedFindings'][0]['ErrorMessage']}"))
        return []
    imported = (event for event in watch.aws.events()[before:] if event.envelope["source"] == "aws.securityhub")
    return [pair for event in imported for pair in pairs_of(event.envelope)]


def _imported(finding: Mapping[str, Any]) -> dict[str, Any]:
    """What Security Hub sends when a finding is imported."""
    return {
        "version": "0",
        "detail-type": "Security Hub Findings - Imported",
        "source": "aws.securityhub",
        "account": finding["AwsAccountId"],
        "region": finding.get("Region", "us-east-1"),
        "resources": [],
        "detail": {"findings": [finding]},
    }


def _publish(watch: Watch, event: Mapping[str, Any]) -> list[Pair]:
    """Deliver an event with an id and a time of its own, as EventBridge gives every event."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    envelope = {**event, "id": str(uuid.uuid4()), "time": now}
    watch.aws.publish(envelope)
    return pairs_of(envelope)


def _report(watch: Watch, slack: SlackServer, sent: list[tuple[str, str, Pair]], unsent: list[Unsent]) -> int:
    ends = watch.ends()
    tellings = watch.tellings(ends.values())
    outcomes = [
        Outcome(step, file, pair, ends.get(pair), tellings.get(ends[pair].alert_id, {}) if pair in ends else {})
        for step, file, pair in sent
    ]
    messages = OUT / "messages"
    shutil.rmtree(messages, ignore_errors=True)
    messages.mkdir(parents=True)
    settings = json.loads(watch.outputs["settings"])
    types = {name: next(iter(channel)) for name, channel in settings["channels"].items()}
    entries = write_messages(watch.aws, slack, watch.log("tell", "told"), types, messages)
    summary = result(outcomes, entries, len(watch.executions()), unsent)
    (OUT / "result.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    show(console, outcomes, summary, unsent)
    console.print(f"Messages: {_relative(messages)}/   Result: {_relative(OUT / 'result.json')}")
    if summary["lost"]:
        console.print("[bold red]The demo failed: something was lost.[/]")
    return 1 if summary["lost"] else 0


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
