"""Inspector findings, as events and as the API prints them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.findings.samples import inspector, raw, read, refusal, sample
from tocsin.findings.documents import read_document
from tocsin.findings.model import Feed, Severity


def test_a_finding_is_read_whole() -> None:
    finding = sample("inspector/package_vulnerability")
    assert finding.feed is Feed.INSPECTOR
    assert finding.product == "Inspector"
    assert finding.updated_at == datetime(2025, 6, 3, 5, 2, 35, tzinfo=UTC)
    assert finding.vulnerability_ids == ("CVE-2025-10001", "CVE-2025-10002")
    assert finding.types == ("Software and Configuration Checks/Vulnerabilities/CVE", "PACKAGE_VULNERABILITY")
    assert finding.remediation is None
    (instance,) = finding.resources
    assert instance.type == "AwsEc2Instance"
    assert instance.id == "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f67890"


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("INFORMATIONAL", Severity.INFORMATIONAL),
        ("LOW", Severity.LOW),
        ("MEDIUM", Severity.MEDIUM),
        ("HIGH", Severity.HIGH),
        ("CRITICAL", Severity.CRITICAL),
        ("UNTRIAGED", Severity.MEDIUM),
        ("SOMETHING", Severity.HIGH),
        (None, Severity.HIGH),
        (5, Severity.HIGH),
        ([], Severity.HIGH),
    ],
)
def test_severity_is_a_word(word: object, severity: Severity) -> None:
    assert read(inspector(severity=word)).severity is severity


@pytest.mark.parametrize(
    ("status", "closed_by"),
    [("ACTIVE", None), ("SUPPRESSED", "SUPPRESSED"), ("CLOSED", "CLOSED"), (None, None), ([], None), ("closed", None)],
)
def test_suppressed_and_closed_close(status: object, closed_by: str | None) -> None:
    assert read(inspector(status=status)).closed_by == closed_by


def test_what_the_api_prints_is_read_like_an_event() -> None:
    image, function = (event.findings[0] for event in read_document(raw("inspector/list_findings")))
    assert image.severity is Severity.MEDIUM
    assert image.resources[0].type == "AwsEcrContainerImage"
    assert function.updated_at == datetime(2025, 6, 8, 9, 0, 0, 250_000, tzinfo=UTC)
    assert function.remediation == "Move the key to Secrets Manager and replace it."
    assert function.remediation_url is not None


def test_the_place_is_the_findings_own() -> None:
    finding = read(inspector(awsAccountId="") | {"resources": []})
    assert (finding.account_id, finding.region) == ("111122223333", "eu-west-1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"findingArn": None}, "findingArn is missing"),
        ({"findingArn": 7}, "findingArn is a number, not a text"),
        ({"awsAccountId": 111122223333}, "awsAccountId is a number, not a text"),
        ({"findingArn": "x", "awsAccountId": None}, "awsAccountId is missing"),
        ({"findingArn": "x"}, "findingArn names no Region, and no resource does"),
        (
            {"updatedAt": None, "lastObservedAt": None, "firstObservedAt": "?"},
            "updatedAt, lastObservedAt and firstObservedAt are missing or not times",
        ),
    ],
)
def test_what_is_needed_and_not_there_is_named(changes: dict[str, Any], reason: str) -> None:
    assert refusal(inspector(**changes), "Inspector2 Finding") == reason
