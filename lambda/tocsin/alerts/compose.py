"""What a message says: one view of an alert for every channel, and what becomes of it when a template fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tocsin.alerts import links, templates, text
from tocsin.alerts.alert import Alert, Reason
from tocsin.alerts.links import Link
from tocsin.findings.model import Finding, Resource, Severity

MAIL_SUBJECT_CHARACTERS = 200
DESCRIPTION_CHARACTERS = 5_000
REMEDIATION_CHARACTERS = 2_000
"""So that a mail stays below 90 KB even when each of these characters needs five: Gmail clips at 102 KB."""

SHOWN_RESOURCES = 5
SHOWN_ACTORS = 10
SHOWN_TYPES = 3

COLOURS = {
    Severity.CRITICAL: "#a8071a",
    Severity.HIGH: "#c2410c",
    Severity.MEDIUM: "#8a6100",
    Severity.LOW: "#1f5fa8",
    Severity.INFORMATIONAL: "#56616e",
}
"""White text on them has a contrast of at least 4.5 to 1: https://www.w3.org/TR/WCAG22/#contrast-minimum"""

Message = TypeVar("Message")


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and its one-line values, most have one."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """What a template may use. Every text is inert: lines without ends, hidden characters or foreign links.

    It is not escaped; the environments of the templates do that. `subject` is the headline of a mail; `name` is that of
    the deployment; `unlinked_remediation` is a remediation page whose host we do not know, as text; `note` says why the
    user's own templates could not be used, empty when they could.
    """

    name: str
    subject: str
    sample: bool
    severity: str
    colour: str
    title: str
    reason: str
    why: str
    facts: tuple[Fact, ...]
    description: str
    remediation: str
    unlinked_remediation: str
    links: tuple[Link, ...]
    finding_id: str
    alert_id: str
    note: str = ""


def view(alert: Alert, name: str, note: str = "") -> View:
    """The facts of an alert in the order in which every channel shows them."""
    finding = alert.finding
    to_fix = links.remediation(finding)
    return View(
        name=text.line(name, 40),
        subject=subject(alert, MAIL_SUBJECT_CHARACTERS),
        sample=finding.sample,
        severity=finding.severity.name,
        colour=COLOURS[finding.severity],
        title=text.clip(text.unlinked(_title(finding, 300)), 300),
        reason=alert.reason.value,
        why=why(alert),
        facts=tuple(_facts(alert)),
        description=text.paragraphs(finding.description, DESCRIPTION_CHARACTERS),
        remediation=text.paragraphs(finding.remediation or "", REMEDIATION_CHARACTERS),
        unlinked_remediation="" if to_fix else text.line(finding.remediation_url or "", 500),
        links=links.console(finding) + ((to_fix,) if to_fix else ()),
        finding_id=text.line(finding.finding_id, 600),
        alert_id=text.line(alert.alert_id, 100),
        note=text.line(note, 500),
    )


def subject(alert: Alert, limit: int) -> str:
    """`[HIGH] what on which resource (account, Region)` in one line of at most `limit` characters.

    The title gives way first: which resource in which account is what people search for. The reason is not in it, so
    that a reminder joins the conversation of the first alert.
    """
    finding = alert.finding
    start = f"{'[SAMPLE] ' if finding.sample else ''}[{finding.severity.name}] "
    place = f" ({text.exact_line(finding.account_id, 20)}, {text.exact_line(finding.region, 30)})"
    title = _title(finding, limit).rstrip(".")
    short = text.clip(_short_name(finding.resources[0]), limit // 4) if finding.resources else ""
    where = f" on {short}" if short and short not in title else ""
    room = limit - len(start) - len(where) - len(place)
    return text.clip(f"{start}{text.clip(title, room)}{where}{place}", limit)


def why(alert: Alert) -> str:
    """One sentence that says why this message came."""
    severity, before, told = alert.finding.severity.name, alert.from_severity, alert.last_told_at
    match alert.reason:
        case Reason.FIRST:
            return "New problem: nobody was told of it before."
        case Reason.REMINDER:
            after = f" {_span(alert.claimed_at - told)} after it was last told" if told else ""
            return f"Reminder: still open{after}."
        case Reason.SEVERITY_UP:
            return (
                f"Its severity rose from {before.name} to {severity}."
                if before is not None
                else f"Its severity rose to {severity}."
            )
        case Reason.REOPENED:
            return "It was closed, and is open again."
        case Reason.NEW_ACTOR:
            return "A remote address that was not seen before takes part."
        case Reason.REQUESTED:
            return "Somebody asked for it with a custom action."
        case other:
            return f"The reason is {other}."


def plain(alert: Alert) -> str:
    """The built-in message, for when a template fails: no template, nothing optional, and it says so."""
    finding = alert.finding
    lines = [
        *(["SAMPLE FINDING: nothing happened, somebody tries things out.", ""] if finding.sample else []),
        f"{finding.severity.name}: {text.line(finding.title, 300)}",
        why(alert),
        "",
        *(f"Resource: {text.line(resource.id, 300)}" for resource in finding.resources[:SHOWN_RESOURCES]),
        f"Account: {text.line(finding.account_id, 40)}",
        f"Region: {text.line(finding.region, 40)}",
        f"First seen: {moment(alert.first_seen)}",
        f"Last seen: {moment(alert.last_seen)}",
        f"Finding: {text.line(finding.finding_id, 600)}",
        f"Alert: {text.line(alert.alert_id, 100)}",
        "",
        "A message template failed, so this is the built-in message. The log of the sending function says why.",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a message is made of. `failure` is why the user's own templates are not used, empty when they are."""

    view: View
    templates: Mapping[str, str]
    failure: str = ""

    def render(self, template: str, **helpers: Any) -> str:
        """The template filled in with the view's fields and with `helpers`. Raises TemplateError."""
        fields = {field: getattr(self.view, field) for field in View.__slots__}
        return templates.render(template, self.templates, fields | helpers)


def composed(
    build: Callable[[Draft], Message],
    fallback: Callable[[str, str], Message],
    alert: Alert,
    name: str,
    own: Mapping[str, str],
) -> Message:
    """What `build` makes of the user's own templates; if one fails, of Tocsin's own, with a note that names it.

    If these fail as well, it is what `fallback` makes of the built-in message and of why they failed. So a broken
    template loses no alert. All templates of a message change together: half of one and half of the other was never
    looked at by anybody. Whoever sends the message logs why.
    """
    failures: list[str] = []
    note = ""
    for chosen in (own, {}) if own else ({},):
        try:
            return build(Draft(view(alert, name, note), chosen, "; ".join(failures)))
        except templates.TemplateError as error:
            failures.append(text.exact_line(str(error), 300))
            note = f"The template {error.template} could not be used ({error.why}); this is Tocsin's own."
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the finding, it is told
            failures.append(text.exact_line(f"{type(error).__name__}: {error}", 300))
    return fallback(plain(alert), "; ".join(failures))


def moment(when: datetime) -> str:
    """`2026-03-01 12:00:00 UTC`"""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _title(finding: Finding, limit: int) -> str:
    """The title in one line. GuardDuty writes [SAMPLE] before those of samples; we mark them ourselves."""
    title = text.exact_line(finding.title, limit)
    if finding.sample:
        title = title.removeprefix("[SAMPLE]").lstrip()
    return title or "Finding without a title"


def _facts(alert: Alert) -> list[Fact]:
    finding = alert.finding
    facts = [
        ("Severity", [finding.severity.name]),
        ("Resource", _resources(finding)),
        ("Account", [finding.account_id]),
        ("Region", [finding.region]),
        ("First seen", [moment(min(filter(None, (alert.first_seen, finding.first_seen))))]),
        ("Last seen", [moment(finding.last_seen or alert.last_seen)]),
        ("Seen", [_times(alert)]),
        ("Type", _some(finding.types, SHOWN_TYPES)),
        ("Control", [finding.control_id or ""]),
        ("Vulnerability", _some(finding.vulnerability_ids, SHOWN_TYPES)),
        ("Remote address", _some(finding.actors, SHOWN_ACTORS)),
        ("Product", [finding.product]),
    ]
    clean = ((label, tuple(filter(None, (text.line(value, 700) for value in values)))) for label, values in facts)
    return [Fact(label, values) for label, values in clean if values]


def _resources(finding: Finding) -> list[str]:
    shown = [_resource(resource, finding) for resource in finding.resources[:SHOWN_RESOURCES]]
    more = len(finding.resources) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def _resource(resource: Resource, finding: Finding) -> str:
    """`AwsEc2Instance web-1: arn:aws:...`, with account and Region where they are not the finding's."""
    name = f" {text.exact_line(resource.name, 100)}" if resource.name and resource.name not in resource.id else ""
    elsewhere = [
        place
        for place, usual in ((resource.account_id, finding.account_id), (resource.region, finding.region))
        if place and place != usual
    ]
    aside = f" ({text.exact_line(', '.join(elsewhere), 60)})" if elsewhere else ""
    return f"{text.exact_line(resource.type, 80)}{name}: {text.exact_line(resource.id, 400)}{aside}"


def _short_name(resource: Resource) -> str:
    """What people call it: its name, or the end of its ARN (`i-0abc`; `admin` of `role/admin`), but no digest."""
    path, _, end = resource.id.rpartition("/")
    if end.startswith("sha256:"):
        end = path.rpartition("/")[2]
    return text.exact_line(resource.name or end.rpartition(":")[2] or resource.id, 100)


def _times(alert: Alert) -> str:
    seen = "once" if alert.seen == 1 else f"{alert.seen} times"
    counted = alert.finding.count
    return seen if counted is None or counted <= 1 else f"{seen}; the product counts {counted}"


def _some(values: tuple[str, ...], most: int) -> list[str]:
    shown = [text.exact_line(value, 200) for value in values[:most]]
    return [*shown, f"and {len(values) - most} more"] if len(values) > most else shown


def _span(time: timedelta) -> str:
    """`7 days`, or hours below two days: a window may be half a day."""
    hours = round(time / timedelta(hours=1))
    if hours >= 48:
        return f"{round(hours / 24)} days"
    return "1 hour" if hours == 1 else f"{hours} hours"
