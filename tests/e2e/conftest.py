"""The module, applied once to a local AWS by real Terraform with the real provider. Each test empties the ledger."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.demo.watch import End, Watch, pairs_of
from tests.deployment import ROOT, Terraform, local_variables
from tests.local_aws import LocalAws, SlackServer
from tocsin.alerts.problem import Problem


@dataclass
class Installation:
    """Tocsin as `examples/local` applies it, and hands to play with it."""

    aws: LocalAws
    slack: SlackServer
    terraform: Terraform
    watch: Watch

    def publish(self, event: dict[str, Any]) -> dict[str, End]:
        """Deliver an event as its service would, wait until it has settled; how each finding ended, by its id."""
        envelope = envelope_of(event)
        self.aws.publish(envelope)
        pairs = pairs_of(envelope)
        self.watch.settle(pairs, quiet_seconds=30)
        ends = self.watch.ends()
        return {pair[1]: ends[pair] for pair in pairs if pair in ends}

    def told(self, about: str = "") -> dict[str, int]:
        """How many messages each channel has sent, or how many of them have this text in them."""
        topics = self.topic_arns
        return {
            "soc_mail": sum(about in mail.text for mail in self.aws.mails()),
            "audit": sum(about in m.message for m in self.aws.sns_messages() if m.topic_arn in topics),
            "soc_slack": sum(about in json.dumps(post.payload) for post in self.slack.messages()),
        }

    def notices(self) -> list[str]:
        """What the topic of the alarms heard of: a channel by its name, or `alert`, an execution that failed."""
        topic, about_channel = self.watch.outputs["alarm_topic_arn"], f"{self.watch.outputs['name']}: channel "
        subjects = [message.subject or "" for message in self.aws.sns_messages() if message.topic_arn == topic]
        return sorted(
            subject.removeprefix(about_channel).removesuffix(" fails") if about_channel in subject else "alert"
            for subject in subjects
        )

    @property
    def topic_arns(self) -> set[str]:
        """The topics of the SNS channels, not that of the alarms."""
        return set(self.watch.outputs["topic_arns"].values())

    def problem(self, key: str) -> Problem:
        """A record of the ledger."""
        return next(problem for problem in self.watch.ledger()[0] if problem.key == key)

    def let_time_pass(self, key: str, elapsed: timedelta) -> None:
        """Move the times of a record into the past, which to the ledger is the same as waiting."""
        milliseconds = round(elapsed.total_seconds() * 1000)
        problem = self.problem(key)
        item = problem.to_item()
        for name in ("told_at", "lease_until"):
            if name in item:
                item[name]["N"] = str(int(item[name]["N"]) - milliseconds)
        for telling in item["ch"]["M"].values():
            for name in ("next", "until"):
                if name in telling["M"]:
                    telling["M"][name]["N"] = str(int(telling["M"][name]["N"]) - milliseconds)
        self.watch.client("dynamodb").put_item(TableName=self.watch.outputs["ledger_table"]["name"], Item=item)

    def metric(self, function: str, name: str) -> dict[str, Any] | None:
        """The last line of a function's log that is this metric in CloudWatch's embedded format."""
        lines = [line for line in self.watch.lines(function) if name in line and "_aws" in line]
        return lines[-1] if lines else None

    def sweep(self) -> None:
        """Run the sweeper's schedule now."""
        self.aws.fire(f"{self.watch.outputs['name']}-sweep")

    def run(self, function: str) -> None:
        """Run a function of the module once, whatever becomes of it."""
        self.watch.client("lambda").invoke(FunctionName=self.watch.outputs["function_names"][function])

    def role(self, function: str) -> str:
        """The name of the role of a function, or of the state machine (`alert`)."""
        return str(self.watch.outputs["role_arns"][function]).rsplit("/", 1)[-1]

    def until(self, true: Callable[[], bool], seconds: float = 30) -> None:
        """Wait for something to become true; fails the test when it does not."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"not true after {seconds} seconds"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    work = tmp_path_factory.mktemp("e2e")
    with SlackServer() as slack, LocalAws(state_dir=work / "aws") as aws:
        terraform = Terraform(ROOT / "examples" / "local", work, aws.environment())
        terraform.init()
        terraform.apply(*local_variables(aws))
        outputs = terraform.outputs()
        aws.client("secretsmanager").put_secret_value(
            SecretId=outputs["slack_secret_arn"], SecretString=slack.webhook_url()
        )
        yield Installation(aws, slack, terraform, Watch(aws, outputs["tocsin"]))


@pytest.fixture
def tocsin(applied: Installation) -> Installation:
    applied.slack.clear()
    applied.aws.heal()
    applied.watch.empty()
    return applied


def envelope_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with an id and a time of its own, as EventBridge gives every event."""
    return {"id": str(uuid.uuid4()), "time": _iso(datetime.now(UTC)), **event}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stamp(minutes: float = 0) -> str:
    """A time as findings write it, so many minutes from an hour ago."""
    return _iso(datetime.now(UTC) - timedelta(hours=1) + timedelta(minutes=minutes))
