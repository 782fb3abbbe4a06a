"""Findings and alerts for tests, at fixed times; every field can be changed by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tocsin.alerts.alert import Alert, Reason
from tocsin.findings.model import Feed, Finding, Resource, Severity


def finding(**changes: Any) -> Finding:
    """A HIGH GuardDuty finding that came through Security Hub."""
    values: dict[str, Any] = {
        "feed": Feed.SECURITY_HUB,
        "finding_id": "arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding/f0",
        "product": "GuardDuty",
        "product_arn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
        "partition": "aws",
        "account_id": "111122223333",
        "region": "eu-west-1",
        "title": "An instance talks to a known command-and-control server",
        "description": "i-0123456789abcdef0 opened a connection to an address on a threat list.",
        "severity": Severity.HIGH,
        "updated_at": datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        "created_at": datetime(2026, 2, 28, 12, 0, tzinfo=UTC),
        "types": ("Backdoor:EC2/C&CActivity.B",),
        "resources": (Resource("AwsEc2Instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"),),
    }
    return Finding(**(values | changes))


def alert(finding_changes: dict[str, Any] | None = None, **changes: Any) -> Alert:
    """The first alert of `finding()`; `finding_changes` change that."""
    values: dict[str, Any] = {
        "alert_id": "0123456789abcdef0123456789abcdef-mm8d2v40",
        "key": "0123456789abcdef0123456789abcdef",
        "reason": Reason.FIRST,
        "finding": finding(**(finding_changes or {})),
        "seen": 1,
        "first_seen": datetime(2026, 3, 1, 11, 55, tzinfo=UTC),
        "last_seen": datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        "claimed_at": datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC),
    }
    return Alert(**(values | changes))
