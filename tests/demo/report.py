"""What the demo leaves behind: the table on the screen, result.json, and the messages as files."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.demo.story import Unsent
from tests.demo.watch import End, Pair
from tests.local_aws import LocalAws, SlackServer

STYLES = {"ALERT": "bold red", "SILENT": "dim", "DEAD_LETTER": "yellow", "LOST": "bold white on red"}


@dataclass(frozen=True)
class Outcome:
    """One finding of one event, and how it ended; `end` is None when it is lost."""

    step: str
    file: str
    pair: Pair
    end: End | None
    channels: Mapping[str, str]

    @property
    def lost(self) -> bool:
        """No end, or an alert that is nowhere, or a channel of it that nobody would ever tell."""
        if self.end is None:
            return True
        return self.end.decision == "ALERT" and (not self.channels or "LOST" in self.channels.values())


def result(
    outcomes: Sequence[Outcome], messages: list[dict[str, Any]], executions: int, unsent: Sequence[Unsent]
) -> dict[str, Any]:
    """The content of result.json."""
    ended = [outcome for outcome in outcomes if outcome.end is not None]
    decisions = Counter(outcome.end.decision for outcome in ended if outcome.end)
    silent = Counter(outcome.end.reason for outcome in ended if outcome.end and outcome.end.decision == "SILENT")
    return {
        "sent": len(outcomes),
        "alerted": decisions["ALERT"],
        "silent": dict(sorted(silent.items())),
        "dead_lettered": decisions["DEAD_LETTER"],
        "lost": len({outcome.pair for outcome in outcomes if outcome.lost}),
        "executions": executions,
        "findings": [
            {
                "file": outcome.file,
                "finding_id": outcome.pair[1],
                "decision": outcome.end.decision if outcome.end else "LOST",
                "reason": outcome.end.reason if outcome.end else "",
                "channels": dict(outcome.channels),
            }
            for outcome in outcomes
        ],
        "messages": messages,
        "unsent": [{"file": file.file, "why": file.why} for file in unsent],
    }


def show(console: Console, outcomes: Sequence[Outcome], summary: Mapping[str, Any], unsent: Sequence[Unsent]) -> None:
    """The table: what was sent, what was decided and why, and where it was told."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("finding", "decision", "reason", "channels"):
        table.add_column(name, overflow="fold")
    steps = len({outcome.step for outcome in outcomes}) > 1
    for before, outcome in zip((None, *outcomes), outcomes, strict=False):
        if steps and (before is None or outcome.step != before.step):
            table.add_row(Text(outcome.step, style="bold"))
        decision = "LOST" if outcome.lost else outcome.end.decision if outcome.end else "LOST"
        channels = ", ".join(
            name if state == "SENT" else f"{name} ({state.lower()})" for name, state in sorted(outcome.channels.items())
        )
        table.add_row(
            Text(f"  {PurePath(outcome.file).name}" if steps else outcome.file),
            Text(decision, style=STYLES[decision]),
            Text(outcome.end.reason if outcome.end else ""),
            Text(channels),
        )
    console.print(table)
    for file in unsent:
        console.print(Text(f"not sent: {file.file}: {file.why}", style="dim"))
    silent = ", ".join(f"{reason} {count}" for reason, count in summary["silent"].items()) or "none"
    console.print(
        f"[bold]{summary['sent']}[/] findings sent: [bold]{summary['alerted']}[/] alerted with "
        f"{len(summary['messages'])} messages in {summary['executions']} executions; silent: {silent}; "
        f"{summary['dead_lettered']} in the dead-letter queue; [bold]{summary['lost']}[/] lost."
    )


def write_messages(
    aws: LocalAws,
    slack: SlackServer,
    tells: Sequence[Mapping[str, Any]],
    channel_types: Mapping[str, str],
    folder: Path,
) -> list[dict[str, Any]]:
    """Write every message below `folder`/messages; `tells` are the lines of tell's log that name what was sent.

    Returns the entries of result.json, in the order of sending.
    """
    mails = {mail.message_id: mail for mail in aws.mails()}
    topics = {message.message_id: message for message in aws.sns_messages()}
    posts = {post.request_id: post.payload for post in slack.messages()}
    entries = []
    for number, told in enumerate(tells, 1):
        channel, kind = told["channel"], channel_types[told["channel"]]
        stem = f"{number:03}-{channel}-{_slug(told['finding_id'])}"
        files: dict[str, str] = {}
        about: dict[str, Any]
        if kind == "email" and told["message_id"] in mails:
            mail = mails[told["message_id"]]
            about = {"from": mail.sender, "to": list(mail.to), "subject": mail.subject, "headers": dict(mail.headers)}
            files = {".html": mail.html, ".txt": mail.text, ".json": _pretty(about)}
        elif kind == "sns" and told["message_id"] in topics:
            message = topics[told["message_id"]]
            about = {"topic_arn": message.topic_arn, "subject": message.subject, "attributes": message.attributes}
            files = {".txt": message.message, ".json": _pretty(about)}
        elif kind == "slack":
            files = {".json": _pretty(posts[told["message_id"]])} if told["message_id"] in posts else {}
        for suffix, content in files.items():
            (folder / f"{stem}{suffix}").write_text(content, encoding="utf-8")
        entries.append(
            {
                "channel": channel,
                "type": kind,
                "finding_id": told["finding_id"],
                "files": [f"{folder.name}/{stem}{suffix}" for suffix in files],
            }
        )
    return entries


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text.rpartition("/")[2])[:40].strip("-") or "finding"
