"""ASFF findings: what is demanded, what is read, and what closes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.findings.samples import asff, raw, read, refusal, sample
from tocsin.findings.model import Feed, Resource, Severity

IMPORTED = "Security Hub Findings - Imported"


def minimal(**changes: Any) -> dict[str, Any]:
    return asff("minimal", **changes)


def test_a_guardduty_finding_is_read_whole() -> None:
    finding = sample("security_hub/guardduty_command_and_control")
    assert finding.feed is Feed.SECURITY_HUB
    assert finding.product == "GuardDuty"
    assert finding.product_arn == "arn:aws:securityhub:eu-west-1::product/aws/guardduty"
    assert (finding.partition, finding.account_id, finding.region) == ("aws", "111122223333", "eu-west-1")
    assert finding.severity is Severity.HIGH
    assert finding.open
    assert not finding.sample
    assert finding.types[0] == "Backdoor:EC2/C&CActivity.B"
    assert finding.actors == ("198.51.100.7",)
    assert finding.count == 4
    assert finding.first_seen == datetime(2025, 6, 3, 9, 2, 11, tzinfo=UTC)
    assert finding.updated_at == datetime(2025, 6, 3, 15, 27, 5, 882_000, tzinfo=UTC)
    assert finding.source_url is not None
    assert finding.resources == (
        Resource(
            "AwsEc2Instance",
            "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f67890",
            name="payments-api-2",
            tags={"Name": "payments-api-2", "team": "payments", "environment": "production"},
        ),
    )


def test_the_ten_promised_fields_are_enough() -> None:
    finding = sample("security_hub/minimal")
    assert (finding.product, finding.account_id, finding.region) == ("default", "444455556666", "eu-west-1")
    assert finding.resources == (Resource("Other", "gateway.staging.example.com"),)


def test_three_fields_are_enough() -> None:
    finding = read(
        {
            "Id": "1",
            "ProductArn": "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default",
            "AwsAccountId": "111122223333",
            "CreatedAt": "2025-06-04T01:00:00Z",
        }
    )
    assert finding.title == "1"
    assert finding.updated_at == finding.created_at
    assert finding.resources == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Id": None}, "Id is missing"),
        ({"Id": 42}, "Id is a number, not a text"),
        ({"Id": "x" * 3000}, "Id has 3000 characters, more than 2048"),
        ({"ProductArn": None}, "ProductArn is missing"),
        ({"ProductArn": []}, "ProductArn is a list, not a text"),
        ({"AwsAccountId": 111122223333}, "AwsAccountId is a number, not a text"),
        ({"AwsAccountId": None}, "AwsAccountId is missing"),
        ({"UpdatedAt": None, "CreatedAt": "soon"}, "UpdatedAt and CreatedAt are missing or not times"),
        ({"ProductArn": "mine"}, "Region is missing"),
    ],
)
def test_what_is_needed_and_not_there_is_named(changes: dict[str, Any], reason: str) -> None:
    assert refusal(minimal(**changes), IMPORTED) == reason


def test_the_place_is_the_findings_own() -> None:
    finding = read(asff(Region=None, AwsAccountId=None))
    assert (finding.partition, finding.account_id, finding.region) == ("aws", "111122223333", "eu-west-1")


def test_the_place_of_a_finding_without_one_is_its_resources() -> None:
    bare = minimal(
        AwsAccountId=None,
        ProductArn="scanner",
        Resources=[
            {"Type": "Other", "Id": "x"},
            {"Type": "Other", "Id": "arn:aws-cn:ec2:cn-north-1:111122223333:vpc/v"},
        ],
    )
    finding = read(bare)
    assert (finding.partition, finding.account_id, finding.region) == ("aws-cn", "111122223333", "cn-north-1")


def test_a_gov_cloud_finding_keeps_its_partition() -> None:
    arn = "arn:aws-us-gov:securityhub:us-gov-west-1::product/aws/guardduty"
    assert read(minimal(ProductArn=arn)).partition == "aws-us-gov"


@pytest.mark.parametrize(
    ("severity", "read_as"),
    [
        ({"Label": "LOW", "Normalized": 90}, Severity.LOW),
        ({"Label": "INFORMATIONAL"}, Severity.INFORMATIONAL),
        ({"Normalized": 0}, Severity.INFORMATIONAL),
        ({"Normalized": 1}, Severity.LOW),
        ({"Normalized": 39}, Severity.LOW),
        ({"Normalized": 40}, Severity.MEDIUM),
        ({"Normalized": 69}, Severity.MEDIUM),
        ({"Normalized": 70}, Severity.HIGH),
        ({"Normalized": 89}, Severity.HIGH),
        ({"Normalized": 90}, Severity.CRITICAL),
        ({"Normalized": 100}, Severity.CRITICAL),
        ({"Label": "low", "Normalized": 40}, Severity.MEDIUM),
    ],
)
def test_severity_is_the_label_else_the_number(severity: dict[str, Any], read_as: Severity) -> None:
    assert read(minimal(Severity=severity)).severity is read_as


def test_severity_falls_back_to_the_providers() -> None:
    assert read(minimal(FindingProviderFields={"Severity": {"Label": "CRITICAL"}})).severity is Severity.CRITICAL


@pytest.mark.parametrize("severity", [None, {}, "HIGH", {"Label": "URGENT"}, {"Normalized": 101}, {"Normalized": True}])
def test_a_finding_that_nobody_rated_passes_the_default_minimum(severity: object) -> None:
    assert read(minimal(Severity=severity)).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("changes", "closed_by"),
    [
        ({"RecordState": "ARCHIVED"}, "ARCHIVED"),
        ({"Workflow": {"Status": "SUPPRESSED"}}, "SUPPRESSED"),
        ({"Workflow": {"Status": "RESOLVED"}}, "RESOLVED"),
        ({"Compliance": {"Status": "PASSED"}}, "PASSED"),
        ({"RecordState": "ARCHIVED", "Workflow": {"Status": "SUPPRESSED"}}, "ARCHIVED"),
        ({"RecordState": "ACTIVE", "Workflow": {"Status": "NEW"}}, None),
        ({"Workflow": {"Status": "NOTIFIED"}}, None),
        ({"Compliance": {"Status": "FAILED"}}, None),
        ({"Compliance": {"Status": "WARNING"}}, None),
        ({"Compliance": {"Status": "NOT_AVAILABLE"}}, None),
        ({"Workflow": "SUPPRESSED", "Compliance": []}, None),
    ],
)
def test_what_closes_a_finding(changes: dict[str, Any], closed_by: str | None) -> None:
    assert read(minimal(**changes)).closed_by == closed_by


@pytest.mark.parametrize(
    "changes",
    [
        {"Sample": True},
        {"Title": "[SAMPLE] Something"},
        {"Title": "[SAMPLE FINDING] Something"},
        {"ProductFields": {"aws/guardduty/service/additionalInfo/sample": "true"}},
        {"ProductFields": {"aws/guardduty/service/additionalInfo/value": '{"sample":true}'}},
    ],
)
def test_explicit_marks_make_a_sample(changes: dict[str, Any]) -> None:
    assert read(minimal(**changes)).sample


@pytest.mark.parametrize(
    "changes",
    [
        {"Sample": "true"},
        {"Title": "A SAMPLE was found"},
        {"ProductFields": {"aws/guardduty/service/additionalInfo/sample": "false"}},
        {"ProductFields": {"aws/guardduty/service/additionalInfo/value": '{"sample":false}'}},
        {"ProductFields": {"aws/guardduty/service/additionalInfo/value": '{"sample":'}},
        {"Resources": [{"Type": "AwsEc2Instance", "Id": "i-99999999"}]},
    ],
)
def test_nothing_else_makes_a_sample(changes: dict[str, Any]) -> None:
    assert not read(minimal(**changes)).sample


def test_one_control_under_two_standards_has_one_id() -> None:
    best_practices = sample("security_hub/control_root_mfa_best_practices")
    benchmark = sample("security_hub/control_root_mfa_cis")
    assert best_practices.finding_id != benchmark.finding_id
    assert best_practices.control_id == benchmark.control_id == "IAM.6"
    assert best_practices.resources == benchmark.resources
    assert sample("security_hub/control_root_mfa_passed").closed_by == "RESOLVED"


@pytest.mark.parametrize(
    ("generator", "control_id"),
    [
        ("security-control/CloudTrail.2", "CloudTrail.2"),
        ("aws-foundational-security-best-practices/v/1.0.0/EC2.7", "EC2.7"),
        ("cis-aws-foundations-benchmark/v/1.4.0/1.6", None),
        ("arn:aws:securityhub:::ruleset/x/rule/1.3", None),
        (5, None),
    ],
)
def test_a_control_without_its_id_is_known_by_its_generator(generator: object, control_id: str | None) -> None:
    bare = asff("control_root_mfa_cis", Compliance={"Status": "FAILED"}, GeneratorId=generator)
    assert read(bare).control_id == control_id


def test_another_product_does_not_speak_for_a_control() -> None:
    assert read(minimal(Compliance={"Status": "PASSED", "SecurityControlId": "IAM.6"})).control_id is None


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("guardduty", "GuardDuty"),
        ("inspector", "Inspector"),
        ("securityhub", "Security Hub"),
        ("macie", "Macie"),
        ("access-analyzer", "IAM Access Analyzer"),
        ("firewall-manager", "Firewall Manager"),
        ("something-new", "What it calls itself"),
    ],
)
def test_products_have_the_same_name_over_all_feeds(service: str, name: str) -> None:
    bare = minimal(
        ProductArn=f"arn:aws:securityhub:eu-west-1::product/aws/{service}", ProductName="What it calls itself"
    )
    assert read(bare).product == name


def test_a_product_without_a_name_is_called_by_its_arn() -> None:
    assert read(minimal(ProductArn="arn:aws:securityhub:eu-west-1::product/prowler/prowler")).product == "prowler"


def test_actors_come_from_the_action_and_from_the_product_fields_each_once() -> None:
    action = {
        "PortProbeAction": {
            "PortProbeDetails": [
                {"RemoteIpDetails": {"IpAddressV4": "192.0.2.1"}},
                {"RemoteIpDetails": {"IpAddressV4": "192.0.2.2"}},
            ]
        },
        "AwsApiCallAction": {"RemoteIpDetails": {"IpAddressV4": "192.0.2.3"}},
    }
    prefix = "aws/guardduty/service"
    fields = {
        f"{prefix}/action/portProbeAction/portProbeDetails.0_/remoteIpDetails/ipAddressV4": "192.0.2.1",
        f"{prefix}/action/networkConnectionAction/remoteIpDetails/ipAddressV6": "2001:DB8::5",
        f"{prefix}/action/networkConnectionAction/localIpDetails/ipAddressV4": "10.0.0.1",
        f"{prefix}/detection/sequence/endpoints.0_/ip": "192.0.2.4",
        "action/awsApiCallAction/remoteIpDetails/ipAddressV4": "192.0.2.5",
    }
    actors = read(minimal(Action=action, ProductFields=fields)).actors
    assert actors == ("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::5", "192.0.2.4", "192.0.2.5")


def test_vulnerabilities_name_the_cves_they_are_about() -> None:
    finding = sample("security_hub/inspector_package_vulnerability")
    assert finding.vulnerability_ids == ("CVE-2025-10001", "CVE-2025-10002")


def test_a_resource_elsewhere_says_where() -> None:
    bare = minimal(Resources=[{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::b", "Region": "us-east-1"}])
    assert read(bare).resources == (Resource("AwsS3Bucket", "arn:aws:s3:::b", region="us-east-1"),)


def test_no_more_than_thirty_two_resources_are_kept() -> None:
    bare = minimal(Resources=[{"Type": "Other", "Id": str(number)} for number in range(100)])
    assert len(read(bare).resources) == 32


def test_links_that_are_not_plain_https_are_dropped() -> None:
    finding = sample("security_hub/hostile")
    assert finding.source_url is None
    assert finding.remediation_url is None


def test_wrong_types_in_optional_fields_are_as_if_they_were_not_there() -> None:
    odd: list[Any] = [5, [], {}, "x", True]
    optional = (
        "Types FirstObservedAt LastObservedAt Severity Title Description Remediation SourceUrl ProductFields Action"
        " Vulnerabilities Resources Workflow RecordState Compliance FindingProviderFields ProductName Region"
    )
    for field in optional.split():
        for value in odd:
            assert read(asff(**{field: value})).finding_id == raw_id()


def raw_id() -> str:
    identifier: str = raw("security_hub/guardduty_command_and_control")["detail"]["findings"][0]["Id"]
    return identifier
