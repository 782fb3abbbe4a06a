"""From an event to an accepted mail, and what a repeat and an alert cost, beside a plain machine on the same bus."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench import machine
from tests.bench.figures import Figure, median_ratio
from tests.bench.prices import WARM_SECONDS, Usage
from tests.demo.watch import Watch
from tests.deployment import ROOT, Terraform, local_variables
from tests.local_aws import LocalAws

EVENTS = 12
WARM_UP = 2
"""How many events come first and are not counted: they find the functions cold."""

WAIT_SECONDS = 60.0

MAIL_GOAL = 3.0
"""The plain machine has three steps before its mail: claim, choose, function. Tocsin has nine: queue, function, repeat,
claim, start, choose, function, outbox, reserve. Three times as long is a step for a step."""

REPEAT_GOAL = 0.1
ALERT_GOAL = 3.0
CHANNELS = {"soc_mail": {"email": {"from": "tocsin@example.com", "to": ["soc@example.com"]}}}


def measure(work: Path, say: Callable[[str], None]) -> list[Figure]:
    """Apply `examples/local` with one mail channel to a local AWS below `work`, with permissions enforced, and send."""
    with LocalAws(state_dir=work / "aws") as aws:
        say("terraform apply")
        terraform = Terraform(ROOT / "examples" / "local", work, aws.environment())
        terraform.init()
        terraform.apply(*local_variables(aws), f"-var=channels={json.dumps(CHANNELS)}")
        bench = Bench(aws, Watch(aws, terraform.outputs()["tocsin"]), machine.install(aws))
        pairs = []
        for number in range(WARM_UP + EVENTS):
            say(f"event to mail, {number + 1} of {WARM_UP + EVENTS}")
            pair = bench.seconds_to_mail("aws.securityhub"), bench.seconds_to_mail(machine.SOURCE)
            pairs += [pair] if number >= WARM_UP else []
        say("what a repeat and an alert use")
        return _figures(pairs, *bench.usages("aws.securityhub"), *bench.usages(machine.SOURCE))


def _figures(
    pairs: list[tuple[float, float]], alert: Usage, repeat: Usage, plain_alert: Usage, plain_repeat: Usage
) -> list[Figure]:
    ours, theirs = (sorted(times)[len(times) // 2] for times in zip(*pairs, strict=True))
    return [
        Figure(
            "event_to_mail",
            median_ratio(pairs),
            MAIL_GOAL,
            "event to accepted mail : three plain states",
            f"{ours * 1000:.0f} ms : {theirs * 1000:.0f} ms, {len(pairs)} events each",
        ),
        Figure(
            "repeat_cost",
            repeat.dollars() / plain_repeat.dollars(),
            REPEAT_GOAL,
            "cost of a repeat : three plain states",
            plain_repeat.told(),
        ),
        Figure(
            "alert_cost",
            alert.dollars() / plain_alert.dollars(),
            ALERT_GOAL,
            "cost of an alert with one mail : three plain states",
            plain_alert.told(),
        ),
        Figure("repeat_writes", repeat.write_units, 1, "writes for a repeat", repeat.told(), "write units"),
        Figure("repeat_transitions", repeat.transitions, 0, "transitions for a repeat", "", "transitions"),
        Figure("alert_writes", alert.write_units, 12, "writes for an alert, one channel", alert.told(), "write units"),
        Figure("alert_transitions", alert.transitions, 8, "transitions for an alert, one channel", "", "transitions"),
        Figure(
            "dollars_1000_repeats",
            repeat.dollars() * 1000,
            0.01,
            "1,000 repeats, one to a message batch",
            "",
            "dollars",
        ),
        Figure("dollars_1000_alerts", alert.dollars() * 1000, 1, "1,000 alerts by one mail", "", "dollars"),
    ]


class Bench:
    """A local AWS with Tocsin and the plain machine on its bus."""

    def __init__(self, aws: LocalAws, watch: Watch, machine_arn: str) -> None:
        self._aws = aws
        self._watch = watch
        self._machine_arn = machine_arn

    def seconds_to_mail(self, source: str) -> float:
        """From putting a new finding on the bus until SES took the mail about it."""
        finding = _finding()
        begin = time.time()
        self._aws.publish(_event(source, finding))
        at = _until(lambda: [mail.at for mail in self._aws.mails() if finding["Title"] in mail.subject])[0]
        self._settle()
        return float(at) - begin

    def usages(self, source: str) -> tuple[Usage, Usage]:
        """What an alert uses, and a repeat of it."""
        finding = _finding()
        alert = self._usage(_event(source, finding))
        later = datetime.fromisoformat(finding["UpdatedAt"]) + timedelta(minutes=1)
        return alert, self._usage(_event(source, finding | {"UpdatedAt": later.isoformat()}))

    def _usage(self, event: dict[str, Any]) -> Usage:
        self._settle()
        self._aws.clear_journals()
        since = datetime.now(UTC)
        self._aws.publish(event)
        self._settle(event["id"])
        plain = event["source"] == machine.SOURCE
        arn = self._machine_arn if plain else self._watch.outputs["state_machine"]["arn"]
        roles = self._roles(plain)
        calls = [call for call in self._aws.calls() if call.role in roles]
        invoked = [call.resource.rsplit(":", 1)[-1] for call in calls if call.operation == "Invoke"]
        if not plain:
            invoked.append(self._watch.outputs["function_names"]["triage"])
        configured = self._aws.client("lambda").get_function_configuration
        memory_mb = sum(configured(FunctionName=name)["MemorySize"] for name in invoked)
        return Usage(
            transitions=sum(self._transitions(execution) for execution in self._executions(arn, since)),
            write_units=sum(call.write_units for call in calls),
            read_units=sum(call.service == "dynamodb" and call.operation == "GetItem" for call in calls),
            queue_requests=0 if plain else 3,  # EventBridge sends, Lambda receives and deletes
            invocations=len(invoked),
            gigabyte_seconds=memory_mb / 1024 * WARM_SECONDS,
            mails=sum(call.operation == "SendEmail" for call in calls),
        )

    def _roles(self, plain: bool) -> set[str]:
        """Whose calls count: all but the sweeper's, which come each minute whatever happens."""
        if plain:
            return {f"{machine.NAME}-states", f"{machine.NAME}-lambda"}
        arns = self._watch.outputs["role_arns"]
        return {arn.rsplit("/", 1)[-1] for name, arn in arns.items() if name != "sweep"}

    def _executions(self, arn: str, since: datetime) -> Iterable[str]:
        found = self._watch.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
        return [execution["executionArn"] for execution in found if execution["startDate"] >= since]

    def _transitions(self, execution: str) -> int:
        """The states that were entered. https://aws.amazon.com/step-functions/pricing/"""
        pages = self._watch.client("stepfunctions").get_paginator("get_execution_history")
        events = (event for page in pages.paginate(executionArn=execution) for event in page["events"])
        return sum(event["type"].endswith("StateEntered") for event in events)

    def _settle(self, event_id: str | None = None) -> None:
        """Wait until nothing moves any more, and until Tocsin has decided on an event if it was its."""
        _until(lambda: self._aws.idle() and (event_id is None or self._heard(event_id)))

    def _heard(self, event_id: str) -> bool:
        rules = next((event.rules for event in self._aws.events() if event.id == event_id), ())
        if any(rule == machine.NAME for rule in rules):
            return True
        return any(line["event_id"] == event_id for line in self._watch.log("triage", "decided"))


def _until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (value := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing happened in {WAIT_SECONDS:.0f} seconds: see local_aws.log in build/bench")
        time.sleep(0.05)
    return value


def _finding() -> dict[str, Any]:
    """A new HIGH finding of GuardDuty, as Security Hub sends it."""
    name = uuid.uuid4().hex
    now = datetime.now(UTC).isoformat()
    sample = json.loads((ROOT / "tests/events/security_hub/guardduty_command_and_control.json").read_text())
    changes = {"Id": f"{sample['detail']['findings'][0]['Id']}{name}", "Title": f"Finding {name}"}
    return {**sample["detail"]["findings"][0], **changes, "CreatedAt": now, "UpdatedAt": now}


def _event(source: str, finding: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Security Hub Findings - Imported",
        "source": source,
        "account": "111122223333",
        "time": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "region": "eu-west-1",
        "resources": [],
        "detail": {"findings": [finding]},
    }
