"""`tocsin parse`: shows findings in Tocsin's model, as a person reads them or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tocsin.findings.documents import pieces, read_piece
from tocsin.findings.event import UnreadableEvent
from tocsin.findings.model import Event, Finding, Resource

_LABEL_COLUMNS = 10
_SEVERITY_COLUMNS = 13
_MOST_LISTED = 5
_MOST_COLUMNS = 240


@dataclass(frozen=True, slots=True)
class Refusal:
    """What could not be read, and why; `where` is the file and what in it."""

    where: str
    reason: str


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "parse",
        help="show findings in Tocsin's model",
        description="Shows findings in Tocsin's model: what routes, suppressions and messages see of them.",
        epilog="Exit status: 0 all was read, 1 something was not (it says what), 2 wrong usage.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="an EventBridge event, what `aws securityhub get-findings`, `aws guardduty get-findings` or "
        "`aws inspector2 list-findings` prints, one finding, or a list of these; - is standard input",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document, for scripts")


def run(arguments: argparse.Namespace) -> int:
    """Print what the files hold. Returns 0 when all of it could be read, else 1."""
    found: list[tuple[str, Event]] = []
    refused: list[Refusal] = []
    for name in arguments.files:
        for result in read_file(name):
            if isinstance(result, Refusal):
                refused.append(result)
            else:
                found.append((name, result))
    (_print_json if arguments.json else _print_blocks)(found, refused)
    for refusal in refused:
        print(f"tocsin: {refusal.where}: {refusal.reason}", file=sys.stderr)
    return 1 if refused else 0


def read_file(name: str) -> Iterator[Event | Refusal]:
    """The events of a file (`-`: standard input), and what in it could not be read, in the order of the file."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        found = list(pieces(json.loads(content)))
    except OSError as error:
        yield Refusal(name, error.strerror or str(error))
        return
    except (ValueError, RecursionError) as error:
        yield Refusal(name, f"not JSON: {error}")
        return
    for number, piece in enumerate(found):
        where = name if len(found) == 1 else f"{name}[{number}]"
        try:
            event = read_piece(piece)
        except UnreadableEvent as error:
            yield Refusal(where, str(error))
            continue
        yield event
        for bad in event.unreadable:
            yield Refusal(where, f"findings[{bad.index}]: {bad.reason}" if event.feed.authoritative else bad.reason)


def _print_json(found: list[tuple[str, Event]], refused: list[Refusal]) -> None:
    findings = [
        {"file": name, "event_id": event.event_id, "requested": event.requested, **json.loads(finding.to_json())}
        for name, event in found
        for finding in event.findings
    ]
    unreadable = [{"where": refusal.where, "reason": refusal.reason} for refusal in refused]
    print(json.dumps({"findings": findings, "unreadable": unreadable}, indent=2, ensure_ascii=False))


def _print_blocks(found: list[tuple[str, Event]], refused: list[Refusal]) -> None:
    count, last_name = 0, None
    for name, event in found:
        for finding in event.findings:
            if name != last_name:
                print(f"{name}\n")
                last_name = name
            print(f"  {finding.severity.name:<{_SEVERITY_COLUMNS}} {finding.title}")
            for label, value in _rows(finding, event):
                print(f"  {'':<{_SEVERITY_COLUMNS}} {label:<{_LABEL_COLUMNS}} {_short(value)}")
            print()
            count += 1
    summary = f"{count} finding{'' if count == 1 else 's'}"
    print(f"{summary}, {len(refused)} unreadable" if refused else summary)


def _rows(finding: Finding, event: Event) -> Iterator[tuple[str, str]]:
    yield "product", f"{finding.product}, over {finding.feed}" + (", a person asks" if event.requested else "")
    yield "state", _state(finding)
    yield from _listed("type", finding.types)
    yield (
        "account",
        f"{finding.account_id} {finding.region}" + (f" ({finding.partition})" if finding.partition != "aws" else ""),
    )
    yield from _listed("resource", tuple(_resource(resource) for resource in finding.resources))
    tags = dict.fromkeys(f"{key} = {value}" for resource in finding.resources for key, value in resource.tags.items())
    yield from _listed("tag", tuple(tags))
    if finding.control_id:
        yield "control", finding.control_id
    yield from _listed("weakness", finding.vulnerability_ids)
    yield from _listed("actor", finding.actors)
    yield "seen", _seen(finding)
    yield "updated", _time(finding.updated_at)
    if finding.remediation_url or finding.source_url:
        yield "see", " ".join(filter(None, (finding.source_url, finding.remediation_url)))
    yield "id", finding.finding_id


def _short(value: str) -> str:
    return value if len(value) <= _MOST_COLUMNS else value[: _MOST_COLUMNS - 1] + "…"


def _state(finding: Finding) -> str:
    return f"{finding.closed_by or 'open'}{', a sample' if finding.sample else ''}"


def _resource(resource: Resource) -> str:
    place = " ".join(filter(None, (resource.account_id, resource.region)))
    more = ", ".join(filter(None, (resource.name, place)))
    return f"{resource.type} {resource.id}" + (f" ({more})" if more else "")


def _seen(finding: Finding) -> str:
    moments = [_time(moment) for moment in (finding.first_seen, finding.last_seen) if moment]
    often = f"{finding.count} times" if finding.count and finding.count > 1 else ""
    return ", ".join(filter(None, (" to ".join(dict.fromkeys(moments)), often))) or "not said"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _listed(label: str, values: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for number, value in enumerate(values[:_MOST_LISTED]):
        yield (label if number == 0 else ""), value
    if len(values) > _MOST_LISTED:
        yield "", f"and {len(values) - _MOST_LISTED} more"
