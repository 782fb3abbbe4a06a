"""GuardDuty findings, as events and as the API prints them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.findings.samples import changed, guardduty, raw, read, refusal, sample
from tocsin.findings.documents import read_document
from tocsin.findings.guardduty import native_type
from tocsin.findings.model import Feed, Severity

GUARDDUTY = "GuardDuty Finding"


def with_service(**changes: Any) -> dict[str, Any]:
    finding = guardduty()
    return finding | {"service": changed(finding["service"], changes)}


def test_a_finding_is_read_whole() -> None:
    finding = sample("guardduty/command_and_control")
    assert finding.feed is Feed.GUARDDUTY
    assert finding.product == "GuardDuty"
    assert finding.types == ("Backdoor:EC2/C&CActivity.B",)
    assert finding.actors == ("198.51.100.7",)
    assert finding.count == 4
    assert finding.resources[0].name == "payments-api-2"
    assert finding.resources[0].tags["team"] == "payments"


@pytest.mark.parametrize(
    ("number", "severity"),
    [
        (1, Severity.LOW),
        (3.9, Severity.LOW),
        (4, Severity.MEDIUM),
        (6.9, Severity.MEDIUM),
        (7, Severity.HIGH),
        (8.9, Severity.HIGH),
        (9, Severity.CRITICAL),
        (10, Severity.CRITICAL),
    ],
)
def test_severity_is_a_number(number: float, severity: Severity) -> None:
    assert read(guardduty(severity=number)).severity is severity


@pytest.mark.parametrize("number", [None, "8", True, -1, 11, float("nan"), float("inf"), [], {}])
def test_a_finding_that_nobody_rated_passes_the_default_minimum(number: object) -> None:
    assert read(guardduty(severity=number)).severity is Severity.HIGH


def test_only_archived_closes() -> None:
    assert sample("guardduty/archived").closed_by == "ARCHIVED"
    assert read(with_service(archived="true")).open


@pytest.mark.parametrize(
    ("extra", "is_sample"),
    [
        ({"sample": True}, True),
        ({"value": '{"sample":true}'}, True),
        ({"value": '{"sample": "true", "x": 1}'}, True),
        ({"sample": False}, False),
        ({"sample": "yes"}, False),
        ({"value": '{"sample":false}'}, False),
        ({"value": '"sample"'}, False),
        ({"value": '{"sample"'}, False),
        ({"value": '{"sample":' + "[" * 50_000}, False),
        ("sample", False),
        (None, False),
    ],
)
def test_only_explicit_marks_make_a_sample(extra: object, is_sample: bool) -> None:
    assert read(with_service(additionalInfo=extra)).sample is is_sample


def test_every_remote_address_of_a_port_probe_is_an_actor() -> None:
    assert sample("guardduty/port_probe").actors == ("192.0.2.11", "192.0.2.12", "2001:db8::12")


def test_the_caller_of_an_api_is_an_actor() -> None:
    assert sample("guardduty/stolen_credentials").actors == ("198.51.100.23",)


def test_the_endpoints_of_a_sequence_are_actors_and_its_resources_are_resources() -> None:
    finding = sample("guardduty/attack_sequence")
    assert finding.severity is Severity.CRITICAL
    assert finding.actors == ("203.0.113.140", "2001:db8:ffff::8")
    assert [(resource.type, resource.id) for resource in finding.resources] == [
        ("AwsS3Bucket", "arn:aws:s3:::invoices-archive"),
        ("AwsIamAccessKey", "AWS::IAM::AccessKey:AKIAEXAMPLEKEY000002"),
    ]


def test_what_the_api_prints_is_read_like_an_event() -> None:
    database, cluster = (event.findings[0] for event in read_document(raw("guardduty/get_findings")))
    assert database.actors == ("192.0.2.77",)
    assert database.resources[0].type == "AwsRdsDbInstance"
    assert database.resources[0].tags == {"team": "orders"}
    assert cluster.actors == ("192.0.2.150",)
    assert cluster.resources[0].name == "shop"


def test_the_thing_that_the_finding_is_about_comes_first() -> None:
    types = [resource.type for resource in sample("guardduty/stolen_credentials").resources]
    assert types == ["AwsIamAccessKey", "AwsEc2Instance"]


def test_an_id_without_its_arn_is_put_together_again() -> None:
    assert read(guardduty(arn=None)).finding_id == guardduty()["arn"]


def test_an_id_without_its_detector_is_the_short_one() -> None:
    bare = with_service(detectorId=None) | {"arn": None}
    assert read(changed(bare, {})).finding_id == guardduty()["id"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"arn": None, "id": None}, "arn and id are missing"),
        ({"arn": 5}, "arn is a number, not a text"),
        ({"arn": None, "id": []}, "id is a list, not a text"),
        ({"arn": None, "accountId": None}, "accountId is missing"),
        ({"arn": None, "region": None}, "region is missing"),
        ({"accountId": {}}, "accountId is an object, not a text"),
    ],
)
def test_what_is_needed_and_not_there_is_named(changes: dict[str, Any], reason: str) -> None:
    assert refusal(guardduty(**changes), GUARDDUTY) == reason


def test_a_finding_needs_a_time() -> None:
    bare = changed(with_service(eventLastSeen="?"), {"updatedAt": "?", "createdAt": []})
    reason = "updatedAt, createdAt and service.eventLastSeen are missing or not times"
    assert refusal(bare | {"updatedAt": "?", "createdAt": []}, GUARDDUTY) == reason


def test_the_console_link_is_the_one_that_security_hub_has() -> None:
    assert (
        sample("guardduty/command_and_control").source_url
        == sample("security_hub/guardduty_command_and_control").source_url
    )


@pytest.mark.parametrize(
    ("asff", "native"),
    [
        ("TTPs/Initial Access/UnauthorizedAccess:EC2-SSHBruteForce", "UnauthorizedAccess:EC2/SSHBruteForce"),
        ("TTPs/Command and Control/Backdoor:EC2-C&CActivity.B!DNS", "Backdoor:EC2/C&CActivity.B!DNS"),
        ("Software and Configuration Checks/Backdoor:EC2.C&CActivity.B", "Backdoor:EC2/C&CActivity.B"),
        ("TTPs/AttackSequence:IAM/CompromisedCredentials", "AttackSequence:IAM/CompromisedCredentials"),
        ("TTPs/Discovery:S3-BucketEnumeration.Unusual", "Discovery:S3/BucketEnumeration.Unusual"),
        ("TTPs/Credential Access/IAMUser-AnomalousBehavior", "CredentialAccess:IAMUser/AnomalousBehavior"),
        ("TTPs/Discovery/RDS-TorIPCaller", "Discovery:RDS/TorIPCaller"),
        ("TTPs/DefenseEvasion/EC2:Unusual-DNS-Resolver", "DefenseEvasion:EC2/UnusualDNSResolver"),
        ("TTPs/DefenseEvasion/EC2:Unusual-DoH-Activity", "DefenseEvasion:EC2/UnusualDoHActivity"),
        (
            "TTPs/AnomalousBehavior/Persistence:Kubernetes-WorkloadDeployed!ContainerWithSensitiveMount",
            "Persistence:Kubernetes/AnomalousBehavior.WorkloadDeployed!ContainerWithSensitiveMount",
        ),
        ("Unusual Behaviors/VM/Behavior:EC2-NetworkPortUnusual", "Behavior:EC2/NetworkPortUnusual"),
        (
            "Effects/Data Exposure/Policy:S3-BucketBlockPublicAccessDisabled",
            "Policy:S3/BucketBlockPublicAccessDisabled",
        ),
        ("Unusual Behaviors", None),
        ("Software and Configuration Checks/well-meant", None),
        ("TTPs/Discovery", None),
        ("-", None),
    ],
)
def test_guarddutys_own_type_is_read_off_the_one_of_security_hub(asff: str, native: str | None) -> None:
    assert native_type(asff) == native
