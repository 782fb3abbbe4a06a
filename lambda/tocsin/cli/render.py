"""`tocsin render`: writes the messages that findings would cause, without sending anything."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

from tocsin import settings
from tocsin.alerts import channels, templates, text
from tocsin.alerts.alert import Alert, Reason
from tocsin.cli.parse import Refusal, read_file
from tocsin.findings.identity import problem_key
from tocsin.findings.model import Finding, Severity

REASONS = (
    Reason.FIRST,
    Reason.REMINDER,
    Reason.SEVERITY_UP,
    Reason.REOPENED,
    Reason.NEW_ACTOR,
    Reason.REQUESTED,
)

_CHANNELS: dict[str, settings.Email | settings.Sns | settings.Slack] = {
    "email": settings.Email("tocsin@example.com", ("soc@example.com",)),
    "slack": settings.Slack("arn:aws:secretsmanager:eu-west-1:111122223333:secret:webhook", ("hooks.slack.com",)),
    "sns": settings.Sns("arn:aws:sns:eu-west-1:111122223333:tocsin"),
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "render",
        help="write the message that a finding would cause",
        description="Writes the messages that findings would cause, without sending anything, and prints the files.",
        epilog="Exit status: 0 all was written, 1 something was not (it says what), 2 wrong usage.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="what `tocsin parse` reads; - is standard input")
    parser.add_argument("--channel", required=True, choices=sorted(_CHANNELS), help="the kind of channel")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder to write to")
    parser.add_argument(
        "--templates", type=Path, metavar="DIR", help="templates of your own, as in the module's template_overrides"
    )
    parser.add_argument(
        "--reason", default=Reason.FIRST.value, choices=[reason.value for reason in REASONS], help="why it is told"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the messages and print their paths. Returns 0 when every finding gave one from the templates, else 1.

    A message that a template failed to make is not written: what stands in for it when it is sent is no preview.
    """
    try:
        own = templates.read(arguments.templates) if arguments.templates else {}
    except (templates.TemplateError, OSError) as error:
        print(f"tocsin: {error}", file=sys.stderr)
        return 1
    channel = settings.Channel(arguments.channel, _CHANNELS[arguments.channel])
    code, number = 0, 0
    for result in read_file(arguments.file):
        if isinstance(result, Refusal):
            print(f"tocsin: {result.where}: {result.reason}", file=sys.stderr)
            code = 1
            continue
        for finding in result.findings:
            number += 1
            message = channels.compose(channel, _alert(finding, Reason(arguments.reason)), "tocsin", own)
            if message.failure:
                print(f"tocsin: {text.exact_line(finding.finding_id, 300)}: {message.failure}", file=sys.stderr)
                code = 1
                continue
            try:
                _write(message.files(), arguments.out / f"{number:03}-{arguments.channel}")
            except OSError as error:
                print(f"tocsin: {error.filename}: {error.strerror}", file=sys.stderr)
                return 1
    return code


def _write(files: dict[str, str], stem: Path) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    for extension, content in files.items():
        path = stem.with_name(stem.name + extension)
        path.write_text(content, encoding="utf-8")
        print(path)


def _alert(finding: Finding, reason: Reason) -> Alert:
    """An alert as if the problem was told seven days ago, one severity lower, where the reason asks for that."""
    key = problem_key(finding)
    return Alert(
        alert_id=f"{key}-preview",
        key=key,
        reason=reason,
        finding=finding,
        seen=1 if reason is Reason.FIRST else 2,
        first_seen=finding.first_seen or finding.created_at or finding.updated_at,
        last_seen=finding.last_seen or finding.updated_at,
        claimed_at=finding.updated_at,
        from_severity=Severity(max(finding.severity - 1, 0)) if reason is Reason.SEVERITY_UP else None,
        last_told_at=None if reason is Reason.FIRST else finding.updated_at - timedelta(days=7),
    )
