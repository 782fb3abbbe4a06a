"""Findings of Security Hub CSPM in the AWS Security Finding Format.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-syntax.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tocsin.findings.fields import (
    ADVICE_CHARACTERS,
    ID_CHARACTERS,
    MOST_RESOURCES,
    SEVERITIES,
    UNRATED,
    Arn,
    Envelope,
    FieldError,
    addresses,
    arn,
    dig,
    items,
    line,
    lines,
    mapping,
    moment,
    optional_text,
    remote_addresses,
    required,
    text,
    unique,
    url,
    whole,
)
from tocsin.findings.guardduty import is_sample_text, native_type
from tocsin.findings.model import Feed, Finding, Resource, Severity
from tocsin.findings.resources import first, place_of, resource

_PRODUCTS = {
    "access-analyzer": "IAM Access Analyzer",
    "config": "Config",
    "detective": "Detective",
    "firewall-manager": "Firewall Manager",
    "guardduty": "GuardDuty",
    "health": "Health",
    "inspector": "Inspector",
    "macie": "Macie",
    "securityhub": "Security Hub",
    "ssm-patch-manager": "Systems Manager Patch Manager",
}
_CONTROL_GENERATOR = re.compile(
    r"(?:security-control|aws-foundational-security-best-practices/v/[0-9.]+)/([A-Za-z0-9]+\.[0-9]+)"
)
_REMOTE_ADDRESS_FIELD = re.compile(
    # Some findings have these fields without the prefix.
    r"(?:aws/guardduty/service/)?(?:action/.*remoteIpDetails/ipAddressV[46]|detection/sequence/endpoints\.\d+_/ip)"
)
_SAMPLE_FIELD = "aws/guardduty/service/additionalInfo/sample"
_SAMPLE_VALUE_FIELD = "aws/guardduty/service/additionalInfo/value"
_COUNT_FIELD = "aws/guardduty/service/count"


def parse(raw: Mapping[str, Any], envelope: Envelope) -> Finding:
    """Read one ASFF finding. Raises FieldError that names the field when it cannot be read.

    Of the ten fields that ASFF promises only Id, ProductArn and a time are demanded; the account and the Region may be
    read off the ARNs. `envelope` is used where the finding itself names no place.
    """
    finding_id = required(raw, "Id")
    product_arn = required(raw, "ProductArn").replace(":productv2/", ":product/")
    updated_at = moment(raw.get("UpdatedAt")) or moment(raw.get("CreatedAt"))
    if updated_at is None:
        raise FieldError("UpdatedAt and CreatedAt are missing or not times")
    fields = mapping(raw.get("ProductFields"))
    place = _place(raw, finding_id, product_arn, envelope)
    service = product_service(product_arn)
    types = lines(raw.get("Types"))
    if service == "guardduty":
        types = unique((*map(native_type, types), *types))
    recommendation = mapping(dig(raw, "Remediation", "Recommendation"))
    title = line(raw.get("Title")) or (types[0] if types else finding_id)
    return Finding(
        feed=Feed.SECURITY_HUB,
        finding_id=finding_id,
        product=product_name(
            product_arn, line(raw.get("ProductName")) or line(fields.get("aws/securityhub/ProductName"))
        ),
        product_arn=product_arn,
        partition=place.partition,
        account_id=place.account_id,
        region=place.region,
        title=title,
        description=text(raw.get("Description")) or "",
        severity=_severity(raw),
        updated_at=updated_at,
        created_at=moment(raw.get("CreatedAt")),
        first_seen=moment(raw.get("FirstObservedAt")),
        last_seen=moment(raw.get("LastObservedAt")),
        closed_by=_closed_by(raw),
        sample=_is_sample(raw, fields, title),
        types=types,
        resources=first(_resource(candidate, place) for candidate in items(raw.get("Resources"))[:MOST_RESOURCES]),
        control_id=_control_id(raw) if service == "securityhub" else None,
        vulnerability_ids=unique(_vulnerabilities(raw)),
        actors=addresses(_remote_addresses(raw, fields)),
        count=whole(fields.get(_COUNT_FIELD)),
        remediation=text(recommendation.get("Text"), ADVICE_CHARACTERS),
        remediation_url=url(recommendation.get("Url")),
        source_url=url(raw.get("SourceUrl")),
    )


def product_service(product_arn: str) -> str | None:
    """The AWS service that a product ARN names ("guardduty"), None for the products of others.

    https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html
    """
    _, found, service = product_arn.partition("::product/aws/")
    return service if found else None


def product_name(product_arn: str, given: str | None) -> str:
    """A product's readable name, the same over all feeds: ours for AWS services, else the given one, else the ARN's."""
    service = product_service(product_arn)
    if service in _PRODUCTS:
        return _PRODUCTS[service]
    return given or line(product_arn.rsplit("/", 1)[-1]) or product_arn


def _place(raw: Mapping[str, Any], finding_id: str, product_arn: str, envelope: Envelope) -> Arn:
    """The finding's own place: what it says, else its ARN, its product's, its resources'; last the envelope's."""
    account_id, region = optional_text(raw, "AwsAccountId"), line(raw.get("Region"), 64)
    own = arn(finding_id)
    partition = own and own.partition
    if not (account_id and region and partition):
        product = arn(product_arn)
        account_id = account_id or (own and own.account_id)
        region = region or (own and own.region) or (product and product.region)
        partition = partition or (product and product.partition)
    if not (account_id and region and partition):
        resources = [mapping(candidate) for candidate in items(raw.get("Resources"))]
        near = place_of(candidate.get("Id") for candidate in resources)
        account_id = account_id or near.account_id or envelope.account_id
        region = region or near.region or _first_line(resources, "Region") or envelope.region
        partition = partition or near.partition or _first_line(resources, "Partition") or "aws"
    if not account_id:
        raise FieldError("AwsAccountId is missing")
    if not region:
        raise FieldError("Region is missing")
    return Arn(partition, "", region, account_id)


def _first_line(candidates: list[Mapping[str, Any]], field: str) -> str | None:
    return next(filter(None, (line(candidate.get(field), 64) for candidate in candidates)), None)


def _severity(raw: Mapping[str, Any]) -> Severity:
    for severity in (raw.get("Severity"), dig(raw, "FindingProviderFields", "Severity")):
        label, normalized = dig(severity, "Label"), dig(severity, "Normalized")
        if isinstance(label, str) and label in SEVERITIES:
            return SEVERITIES[label]
        if isinstance(normalized, int | float) and not isinstance(normalized, bool) and 0 <= normalized <= 100:
            return normalized_severity(normalized)
    return UNRATED


def normalized_severity(value: float) -> Severity:
    """The label of a number from 0 to 100. https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Severity.html"""
    if value < 1:
        return Severity.INFORMATIONAL
    if value < 40:
        return Severity.LOW
    if value < 70:
        return Severity.MEDIUM
    return Severity.HIGH if value < 90 else Severity.CRITICAL


def _closed_by(raw: Mapping[str, Any]) -> str | None:
    """Why the finding is closed. NOTIFIED is open: it says that somebody was told, which our own write-back does too.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_WorkflowUpdate.html
    """
    if raw.get("RecordState") == "ARCHIVED":
        return "ARCHIVED"
    status = dig(raw, "Workflow", "Status")
    if status in ("SUPPRESSED", "RESOLVED"):
        return str(status)
    return "PASSED" if dig(raw, "Compliance", "Status") == "PASSED" else None


def _is_sample(raw: Mapping[str, Any], fields: Mapping[str, Any], title: str) -> bool:
    return (
        raw.get("Sample") is True
        or fields.get(_SAMPLE_FIELD) == "true"
        or is_sample_text(title, fields.get(_SAMPLE_VALUE_FIELD))
    )


def _control_id(raw: Mapping[str, Any]) -> str | None:
    """The control of a finding of Security Hub's own; another product cannot name one and so speak for that control.

    Before consolidated control findings only the generator of one standard had the same id.
    """
    named = line(dig(raw, "Compliance", "SecurityControlId"), 64)
    generator = raw.get("GeneratorId")
    if named or not isinstance(generator, str) or len(generator) >= 256:
        return named
    match = _CONTROL_GENERATOR.fullmatch(generator)
    return match[1] if match else None


def _vulnerabilities(raw: Mapping[str, Any]) -> Iterator[str | None]:
    for vulnerability in map(mapping, items(raw.get("Vulnerabilities"))):
        yield line(vulnerability.get("Id"), 64)
        yield from related_cves(vulnerability.get("RelatedVulnerabilities"))


def related_cves(values: object) -> Iterator[str]:
    """The CVE ids among related vulnerabilities, so that a vendor's advisory is found by the CVE it is about."""
    return (value for value in lines(values, 64) if value.startswith("CVE-"))


def _remote_addresses(raw: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[object]:
    yield from remote_addresses(raw.get("Action"))
    for key, value in fields.items():
        if key.endswith(("/ipAddressV4", "/ipAddressV6", "_/ip")) and _REMOTE_ADDRESS_FIELD.fullmatch(key):
            yield value


def _resource(candidate: object, place: Arn) -> Resource | None:
    raw = mapping(candidate)
    resource_id = line(raw.get("Id"), ID_CHARACTERS)
    if resource_id is None:
        return None
    kind = line(raw.get("Type"), 128) or "Other"
    return resource(kind, resource_id, place, region=raw.get("Region"), labels=raw.get("Tags"))
