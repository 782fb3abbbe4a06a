"""What every channel says of an alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.factories import alert, finding
from tocsin.alerts import compose
from tocsin.alerts.alert import Reason
from tocsin.findings.model import Finding, Resource, Severity

CLAIMED_AT = alert().claimed_at


@pytest.mark.parametrize(
    ("reason", "changes", "sentence"),
    [
        (Reason.FIRST, {}, "New problem: nobody was told of it before."),
        (Reason.REMINDER, {"days": 7}, "Reminder: still open 7 days after it was last told."),
        (Reason.REMINDER, {"days": 0.5}, "Reminder: still open 12 hours after it was last told."),
        (Reason.REMINDER, {"days": 1 / 24}, "Reminder: still open 1 hour after it was last told."),
        (Reason.REMINDER, {}, "Reminder: still open."),
        (Reason.SEVERITY_UP, {"before": Severity.MEDIUM}, "Its severity rose from MEDIUM to HIGH."),
        (Reason.SEVERITY_UP, {"before": Severity.INFORMATIONAL}, "Its severity rose from INFORMATIONAL to HIGH."),
        (Reason.SEVERITY_UP, {}, "Its severity rose to HIGH."),
        (Reason.REOPENED, {}, "It was closed, and is open again."),
        (Reason.NEW_ACTOR, {}, "A remote address that was not seen before takes part."),
        (Reason.REQUESTED, {}, "Somebody asked for it with a custom action."),
    ],
)
def test_every_message_says_why_it_came(reason: Reason, changes: dict[str, Any], sentence: str) -> None:
    told_at = CLAIMED_AT - timedelta(days=changes["days"]) if "days" in changes else None
    told = alert(reason=reason, last_told_at=told_at, from_severity=changes.get("before"))
    assert compose.why(told) == sentence


def test_subject_shortens_the_title_and_keeps_the_place() -> None:
    long = alert({"title": "word " * 100})
    for limit in (99, 200):
        subject = compose.subject(long, limit)
        assert len(subject) <= limit
        assert subject.startswith("[HIGH] word word")
        assert subject.endswith("… on i-0123456789abcdef0 (111122223333, eu-west-1)")


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        (Resource("AwsEc2Instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc"), "i-0abc"),
        (Resource("AwsEc2Instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc", name="web-1"), "web-1"),
        (Resource("AwsS3Bucket", "arn:aws:s3:::invoices"), "invoices"),
        (Resource("AwsAccount", "AWS::::Account:111122223333"), "111122223333"),
        (Resource("AwsIamRole", "arn:aws:iam::111122223333:role/path/admin"), "admin"),
        (Resource("AwsEcrContainerImage", f"arn:aws:ecr:eu-west-1:1:repository/app/sha256:{'0' * 64}"), "app"),
        (Resource("Other", "plain-id"), "plain-id"),
        (Resource("Other", "ends/with/"), "ends/with/"),
    ],
)
def test_subject_names_the_resource_as_people_do(resource: Resource, name: str) -> None:
    assert f" on {name} (" in compose.subject(alert({"resources": (resource,)}), 200)


def test_subject_does_not_repeat_a_resource_that_the_title_names() -> None:
    named = alert({"title": "i-0123456789abcdef0 is searching for ports."})
    assert compose.subject(named, 200) == "[HIGH] i-0123456789abcdef0 is searching for ports (111122223333, eu-west-1)"


def test_sample_is_marked_once_and_first() -> None:
    sample = alert({"sample": True, "title": "[SAMPLE] Something"})
    assert compose.subject(sample, 200).startswith("[SAMPLE] [HIGH] Something on")
    assert compose.view(sample, "tocsin").title == "Something"
    assert compose.plain(sample).startswith("SAMPLE FINDING")
    assert "SAMPLE" not in compose.plain(alert())


def test_reminder_has_the_subject_of_the_first_alert_so_that_mail_programs_join_them() -> None:
    first, reminder = alert(), alert(reason=Reason.REMINDER, seen=9, alert_id="another")
    assert compose.subject(first, 200) == compose.subject(reminder, 200)


def facts(found: Finding, **changes: Any) -> dict[str, tuple[str, ...]]:
    told = replace(alert(**changes), finding=found)
    return {fact.label: fact.values for fact in compose.view(told, "tocsin").facts}


def test_times_are_in_utc_and_the_findings_own_where_it_has_them() -> None:
    zone = timezone(timedelta(hours=9))
    seen = facts(
        finding(
            first_seen=datetime(2026, 2, 1, 9, 0, tzinfo=zone),
            last_seen=datetime(2026, 3, 1, 11, 0, tzinfo=UTC),
        )
    )
    assert seen["First seen"] == ("2026-02-01 00:00:00 UTC",)
    assert seen["Last seen"] == ("2026-03-01 11:00:00 UTC",)
    assert facts(finding(last_seen=None))["Last seen"] == ("2026-03-01 12:00:00 UTC",), "else when it came in"


def test_count_is_ours_and_the_products() -> None:
    assert facts(finding())["Seen"] == ("once",)
    assert facts(finding(count=1), seen=3)["Seen"] == ("3 times",)
    assert facts(finding(count=27), seen=3)["Seen"] == ("3 times; the product counts 27",)


def test_account_and_region_are_the_findings_and_a_resource_elsewhere_says_so() -> None:
    elsewhere = Resource("AwsS3Bucket", "arn:aws:s3:::b", region="us-east-1", account_id="444455556666", name="backups")
    here = Resource("AwsEc2Instance", "i-1", region="eu-west-1", account_id="111122223333")
    shown = facts(finding(resources=(elsewhere, here)))
    assert shown["Account"] == ("111122223333",)
    assert shown["Region"] == ("eu-west-1",)
    assert shown["Resource"] == ("AwsS3Bucket backups: arn:aws:s3:::b (444455556666, us-east-1)", "AwsEc2Instance: i-1")


def test_what_a_finding_lacks_is_not_shown() -> None:
    bare = facts(finding(types=(), resources=(), product=""))
    assert list(bare) == ["Severity", "Account", "Region", "First seen", "Last seen", "Seen"]


def test_white_text_can_be_read_on_every_colour() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert set(compose.COLOURS) == set(Severity)
    for colour in compose.COLOURS.values():
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5
