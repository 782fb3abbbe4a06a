"""The vocabulary of routes: globs against a finding's values."""

from __future__ import annotations

import pytest

from tests.factories import finding
from tocsin.findings.match import CRITERIA, matches
from tocsin.findings.model import Resource, Severity

FINDING = finding(
    severity=Severity.CRITICAL,
    types=("Backdoor:EC2/C&CActivity.B", "TTPs/Command and Control"),
    control_id="EC2.8",
    vulnerability_ids=("CVE-2026-0001", "CVE-2026-0002"),
    resources=(
        Resource("AwsEc2Instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc", tags={"team": "payments"}),
        Resource("AwsEc2Subnet", "subnet-1"),
    ),
)


@pytest.mark.parametrize(
    ("criterion", "glob"),
    [
        ("severities", "CRITICAL"),
        ("products", "guard*"),
        ("finding_types", "Backdoor:EC2/*"),
        ("control_ids", "EC2.*"),
        ("vulnerability_ids", "CVE-2026-0002"),
        ("titles", "*command-and-control*"),
        ("account_ids", "111122223333"),
        ("regions", "eu-*"),
        ("resource_types", "AwsEc2Subnet"),
        ("resource_ids", "*/i-0abc"),
        ("tag:team", "PAYMENTS"),
    ],
)
def test_each_criterion_fits_and_fails(criterion: str, glob: str) -> None:
    assert matches({criterion: ("nothing-like-it", glob)}, FINDING)
    assert not matches({criterion: ("nothing-like-it",)}, FINDING)


def test_every_criterion_must_fit_and_none_fits_everything() -> None:
    assert matches({}, FINDING)
    assert not matches({"products": ("GuardDuty",), "regions": ("us-*",)}, FINDING)


def test_a_tag_that_is_not_there_does_not_fit() -> None:
    assert not matches({"tag:owner": ("*",)}, FINDING)


def test_every_criterion_can_be_asked_of_a_finding_without_optional_fields() -> None:
    bare = finding(types=(), resources=())
    for criterion in CRITERIA:
        matches({criterion: ("*",)}, bare)
