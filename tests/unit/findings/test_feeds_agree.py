"""The same problem over several feeds is one problem, matches the same patterns and names the same actors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.findings.samples import raw, sample
from tocsin.findings.documents import read_document
from tocsin.findings.identity import problem_key
from tocsin.findings.model import Finding

SAME: dict[str, tuple[str, ...]] = {
    "guardduty": (
        "guardduty/command_and_control",
        "security_hub/guardduty_command_and_control",
        "security_hub_v2/guardduty_command_and_control",
    ),
    "inspector": (
        "inspector/package_vulnerability",
        "security_hub/inspector_package_vulnerability",
        "security_hub_v2/inspector_package_vulnerability",
    ),
    "control": (
        "security_hub/control_root_mfa_best_practices",
        "security_hub/control_root_mfa_cis",
        "security_hub_v2/control_root_mfa",
    ),
}
ASPECTS: dict[str, Callable[[Finding], Any]] = {
    "problem": problem_key,
    "place": lambda finding: (finding.partition, finding.account_id, finding.region),
    "product": lambda finding: (finding.product, finding.product_arn),
    "severity": lambda finding: finding.severity,
    "resources": lambda finding: [(resource.type, resource.id) for resource in finding.resources],
    "tags": lambda finding: [resource.tags for resource in finding.resources],
    "actors": lambda finding: finding.actors,
    "vulnerabilities": lambda finding: finding.vulnerability_ids,
    "control": lambda finding: finding.control_id,
    "count": lambda finding: finding.count,
    "first seen": lambda finding: finding.first_seen,
    "description": lambda finding: finding.description,
}


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("problem", SAME)
def test_feeds_agree(problem: str, aspect: str) -> None:
    seen = [ASPECTS[aspect](sample(name)) for name in SAME[problem]]
    assert all(value == seen[0] for value in seen)


def test_a_pattern_for_guarddutys_type_fits_over_every_feed() -> None:
    for name in SAME["guardduty"]:
        assert "Backdoor:EC2/C&CActivity.B" in sample(name).types


def test_a_bucket_is_the_same_resource_in_both_security_hubs() -> None:
    by_asff = sample("security_hub/control_public_bucket")
    by_ocsf = read_document(raw("security_hub_v2/get_findings_v2"))[0].findings[0]
    assert problem_key(by_asff) == problem_key(by_ocsf)
    assert by_asff.resources == by_ocsf.resources


def test_an_access_key_is_the_same_resource_in_guardduty_and_security_hub() -> None:
    native, copy = sample("guardduty/stolen_credentials"), sample("security_hub_v2/closed")
    assert problem_key(native) == problem_key(copy)
    assert native.resources[0].id == copy.resources[0].id
