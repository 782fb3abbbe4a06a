"""What people receive, as files to look at: one for each reason and channel, and for findings that are special."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.factories import alert
from tests.unit.messages.conftest import CHANNELS, GOLDEN
from tocsin.alerts import channels
from tocsin.alerts.alert import Alert, Reason
from tocsin.findings.model import Feed, Resource, Severity

GUARDDUTY = {
    "severity": Severity.HIGH,
    "first_seen": datetime(2026, 2, 27, 8, 30, tzinfo=UTC),
    "last_seen": datetime(2026, 3, 1, 11, 58, tzinfo=UTC),
    "count": 27,
    "actors": ("198.51.100.7", "2001:db8::7"),
    "remediation": "Isolate the instance, then look for malware.",
    "remediation_url": "https://docs.aws.amazon.com/guardduty/latest/ug/compromised-ec2.html",
    "source_url": "https://eu-west-1.console.aws.amazon.com/guardduty/home?region=eu-west-1#/findings?fId=f0",
}
TOLD = {"seen": 3, "last_told_at": datetime(2026, 2, 22, 12, 0, tzinfo=UTC)}

CASES: dict[str, Alert] = {
    "first": alert(GUARDDUTY),
    "reminder": alert(GUARDDUTY, reason=Reason.REMINDER, **TOLD),
    "severity-up": alert(GUARDDUTY, reason=Reason.SEVERITY_UP, from_severity=Severity.MEDIUM, **TOLD),
    "reopened": alert(GUARDDUTY, reason=Reason.REOPENED, **TOLD),
    "new-actor": alert(GUARDDUTY, reason=Reason.NEW_ACTOR, **TOLD),
    "requested": alert(GUARDDUTY, reason=Reason.REQUESTED, **TOLD),
    "sample": alert(
        {
            **GUARDDUTY,
            "feed": Feed.GUARDDUTY,
            "sample": True,
            "title": "[SAMPLE] Credentials of an instance role are used from outside",
            "source_url": None,
        }
    ),
    "control": alert(
        {
            "finding_id": "arn:aws:securityhub:eu-west-1:111122223333:security-control/S3.8/finding/c0",
            "product": "Security Hub",
            "severity": Severity.CRITICAL,
            "title": "S3 general purpose buckets should block public access",
            "description": "Checks whether the bucket blocks public access.\n\nIt fails where a setting is off.",
            "types": ("Software and Configuration Checks/Industry and Regulatory Standards",),
            "control_id": "S3.8",
            "resources": (Resource("AwsS3Bucket", "arn:aws:s3:::invoices", name="invoices", region="eu-central-1"),),
            "remediation": "For information on how to correct this, see the documentation.",
            "remediation_url": "https://docs.aws.amazon.com/console/securityhub/S3.8/remediation",
        }
    ),
    "vulnerability": alert(
        {
            "feed": Feed.INSPECTOR,
            "finding_id": "arn:aws:inspector2:eu-west-1:111122223333:finding/0a1b",
            "product": "Inspector",
            "title": "CVE-2021-44228 - org.apache.logging.log4j:log4j-core",
            "vulnerability_ids": ("CVE-2021-44228", "CVE-2021-45046", "CVE-2021-45105", "CVE-2021-44832"),
            "resources": tuple(
                Resource("AwsEcrContainerImage", f"arn:aws:ecr:eu-west-1:111122223333:repository/app/sha256:{n:064x}")
                for n in range(7)
            ),
            "remediation_url": "https://wiki.example.com/patching",
        }
    ),
    "china": alert(
        {
            "finding_id": "arn:aws-cn:guardduty:cn-north-1:111122223333:detector/d0/finding/f0",
            "partition": "aws-cn",
            "region": "cn-north-1",
            "severity": Severity.LOW,
            "resources": (Resource("AwsIamAccessKey", "AKIAIOSFODNN7EXAMPLE", account_id="444455556666"),),
        }
    ),
    "bare": alert({"description": "", "types": (), "resources": (), "created_at": None, "finding_id": "1"}),
}


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("case", CASES)
def test_message_is_as_it_was(case: str, kind: str, golden: Callable[[str, Mapping[str, str]], Any]) -> None:
    message = channels.compose(CHANNELS[kind], CASES[case], "tocsin")
    assert message.failure == ""
    golden(f"{case}-{kind}", message.files())


def test_every_golden_file_belongs_to_a_case() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {f"{case}-{kind}" for case in CASES for kind in CHANNELS}
