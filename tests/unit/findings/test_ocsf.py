"""OCSF findings of Security Hub V2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.findings.samples import changed, ocsf, read, refusal, sample
from tocsin.findings.model import Feed, Severity


def with_info(**changes: Any) -> dict[str, Any]:
    finding = ocsf()
    return finding | {"finding_info": changed(finding["finding_info"], changes)}


def with_evidence(*evidences: object) -> dict[str, Any]:
    return ocsf(evidences=list(evidences))


def test_a_detection_is_read_whole() -> None:
    finding = sample("security_hub_v2/guardduty_command_and_control")
    assert finding.feed is Feed.SECURITY_HUB_V2
    assert finding.product == "GuardDuty"
    assert finding.product_arn == "arn:aws:securityhub:eu-west-1::product/aws/guardduty"
    assert "Backdoor:EC2/C&CActivity.B" in finding.types
    assert finding.actors == ("198.51.100.7",)
    assert finding.count == 4
    assert finding.remediation_url == "https://docs.aws.amazon.com/guardduty/latest/ug/compromised-ec2.html"
    assert finding.resources[0].tags["team"] == "payments"


def test_a_vulnerability_names_its_cve() -> None:
    assert sample("security_hub_v2/inspector_package_vulnerability").vulnerability_ids == (
        "CVE-2025-10001",
        "CVE-2025-10002",
    )


def test_a_compliance_finding_names_its_control() -> None:
    assert sample("security_hub_v2/control_root_mfa").control_id == "IAM.6"


def test_another_product_does_not_speak_for_a_control() -> None:
    assert read(ocsf(compliance={"control": "IAM.6"})).control_id is None


@pytest.mark.parametrize(
    ("severity_id", "severity"),
    [
        (1, Severity.INFORMATIONAL),
        (2, Severity.LOW),
        (3, Severity.MEDIUM),
        (4, Severity.HIGH),
        (5, Severity.CRITICAL),
        (6, Severity.CRITICAL),
    ],
)
def test_severity_is_an_id(severity_id: int, severity: Severity) -> None:
    assert read(ocsf(severity_id=severity_id)).severity is severity


@pytest.mark.parametrize("severity_id", [0, 99, None, "5", True, []])
def test_severity_falls_back_to_the_vendors_then_to_the_word_then_to_high(severity_id: object) -> None:
    unknown = ocsf(severity_id=severity_id, severity="Unknown")
    assert read(unknown | {"vendor_attributes": {"severity_id": 2}}).severity is Severity.LOW
    assert read(unknown | {"vendor_attributes": {}, "severity": "Critical"}).severity is Severity.CRITICAL
    assert read(unknown | {"vendor_attributes": {}}).severity is Severity.HIGH
    assert read(unknown | {"vendor_attributes": [], "severity": 5}).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("changes", "closed_by"),
    [
        ({"status_id": 1}, None),
        ({"status_id": 2}, None),
        ({"status_id": 3}, "SUPPRESSED"),
        ({"status_id": 4}, "RESOLVED"),
        ({"status_id": 5}, "ARCHIVED"),
        ({"status_id": 6}, "CLOSED"),
        ({"status_id": 99, "status": "Resolved"}, None),
        ({"status_id": None, "status": "Resolved"}, "RESOLVED"),
        ({"status_id": None, "status": "New"}, None),
        ({"status_id": None, "status": 4}, None),
        ({"status_id": [3]}, None),
        ({"activity_id": 3}, "CLOSED"),
        ({"activity_id": 3, "status_id": 5}, "ARCHIVED"),
        ({"compliance": {"status_id": 1}}, "PASSED"),
        ({"compliance": {"status_id": 2}}, None),
        ({"compliance": {"status_id": 3}}, None),
        ({"compliance": {"status_id": 99}}, None),
    ],
)
def test_what_closes_a_finding(changes: dict[str, Any], closed_by: str | None) -> None:
    assert read(ocsf(**changes)).closed_by == closed_by


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"class_uid": 2001}, "OCSF class 2001 (Detection Finding) is not one of 2002, 2003, 2004"),
        ({"class_uid": 2006, "class_name": None}, "OCSF class 2006 (unnamed) is not one of 2002, 2003, 2004"),
        ({"class_uid": 10**400}, f"OCSF class {10**14}… (Detection Finding) is not one of 2002, 2003, 2004"),
        ({"class_uid": None}, "class_uid is missing"),
        ({"class_uid": "2004"}, "class_uid is not a number"),
        ({"finding_info": None}, "finding_info.uid is missing"),
        ({"finding_info": {"uid": 5}}, "finding_info.uid is a number, not a text"),
        (
            {"finding_info": {"uid": "1"}, "time": None, "time_dt": None},
            "finding_info.modified_time, time and finding_info.created_time are missing or not times",
        ),
        ({"cloud": {"account": {"uid": 5}}}, "cloud.account.uid is a number, not a text"),
    ],
)
def test_what_is_needed_and_not_there_is_named(changes: dict[str, Any], reason: str) -> None:
    assert refusal(ocsf(**changes), "Findings Imported V2") == reason


def test_a_place_that_is_nowhere_is_named() -> None:
    nowhere = with_info(uid="1") | {"cloud": {}, "metadata": {}, "resources": []}
    assert refusal(nowhere, "Findings Imported V2") == "cloud.account.uid is missing"
    assert refusal(nowhere | {"cloud": {"account": {"uid": "1"}}}, "Findings Imported V2") == "cloud.region is missing"


def test_the_place_is_the_findings_own() -> None:
    from_arn = read(ocsf(cloud=None))
    assert (from_arn.partition, from_arn.account_id, from_arn.region) == ("aws", "111122223333", "eu-west-1")
    from_resource = read(with_info(uid="1") | {"cloud": {}, "metadata": {}})
    assert (from_resource.account_id, from_resource.region) == ("111122223333", "eu-west-1")


def test_times_are_read_from_text_or_from_milliseconds() -> None:
    written = datetime(2025, 6, 3, 15, 27, 5, 882_000, tzinfo=UTC)
    assert read(ocsf()).updated_at == written
    assert read(with_info(modified_time_dt=None)).updated_at == written
    assert read(with_info(modified_time_dt=None, modified_time=None)).updated_at == written
    created = read(with_info(modified_time_dt=None, modified_time=None) | {"time": None, "time_dt": None})
    assert created.updated_at == created.created_at


def test_an_actor_is_the_far_end() -> None:
    ours, theirs = {"ip": "10.20.30.40"}, {"ip": "192.0.2.9"}
    inbound = {"src_endpoint": theirs, "dst_endpoint": ours, "connection_info": {"direction_id": 1}}
    outbound = {"src_endpoint": ours, "dst_endpoint": theirs, "connection_info": {"direction_id": 2}}
    assert read(with_evidence(inbound)).actors == ("192.0.2.9",)
    assert read(with_evidence(outbound)).actors == ("192.0.2.9",)


def test_without_a_direction_our_own_addresses_are_no_actors() -> None:
    evidence = {"src_endpoint": {"ip": "203.0.113.80"}, "dst_endpoint": {"ip": "192.0.2.9"}}
    call = {"src_endpoint": {"ip": "192.0.2.10"}, "api": {"operation": "ListBuckets"}}
    assert read(with_evidence(evidence, call, "odd", {"src_endpoint": {"ip": 5}})).actors == ("192.0.2.9", "192.0.2.10")


def test_a_title_prefix_marks_a_sample() -> None:
    assert read(with_info(title="[SAMPLE] x")).sample
    assert not read(ocsf()).sample
