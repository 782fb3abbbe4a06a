"""Findings of Amazon Inspector in its own format, as events and as the API prints them.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tocsin.findings.asff import related_cves
from tocsin.findings.fields import (
    ADVICE_CHARACTERS,
    MOST_RESOURCES,
    SEVERITIES,
    UNRATED,
    Arn,
    Envelope,
    FieldError,
    arn,
    dig,
    items,
    line,
    mapping,
    moment,
    optional_text,
    required,
    text,
    unique,
    url,
)
from tocsin.findings.model import Feed, Finding, Resource, Severity
from tocsin.findings.resources import asff_id, asff_type, first, place_of, resource

_UNTRIAGED = Severity.MEDIUM
"""Inspector's word for a package vulnerability that the vendor has not rated yet.

Not HIGH as other unrated findings: it is a normal state of many new vulnerabilities, and when the vendor rates one
Inspector sends it again, so that a rise is told then.
"""
_ASFF_TYPES = {"PACKAGE_VULNERABILITY": "Software and Configuration Checks/Vulnerabilities/CVE"}


def parse(raw: Mapping[str, Any], envelope: Envelope) -> Finding:
    """Read one Inspector finding. Raises FieldError that names the field when it cannot be read."""
    finding_id = required(raw, "findingArn")
    updated_at = moment(raw.get("updatedAt")) or moment(raw.get("lastObservedAt")) or moment(raw.get("firstObservedAt"))
    if updated_at is None:
        raise FieldError("updatedAt, lastObservedAt and firstObservedAt are missing or not times")
    place = _place(raw, finding_id, envelope)
    native = line(raw.get("type"))
    recommendation = mapping(dig(raw, "remediation", "recommendation"))
    advice = text(recommendation.get("text"), ADVICE_CHARACTERS)
    status = raw.get("status")
    return Finding(
        feed=Feed.INSPECTOR,
        finding_id=finding_id,
        product="Inspector",
        product_arn=f"arn:{place.partition}:securityhub:{place.region}::product/aws/inspector",
        partition=place.partition,
        account_id=place.account_id,
        region=place.region,
        title=line(raw.get("title")) or native or finding_id,
        description=text(raw.get("description")) or "",
        severity=_severity(raw.get("severity")),
        updated_at=updated_at,
        first_seen=moment(raw.get("firstObservedAt")),
        last_seen=moment(raw.get("lastObservedAt")),
        closed_by=str(status) if status in ("SUPPRESSED", "CLOSED") else None,
        types=unique((_ASFF_TYPES.get(native or ""), native)),
        resources=first(_resource(candidate, place) for candidate in items(raw.get("resources"))[:MOST_RESOURCES]),
        vulnerability_ids=unique(_vulnerabilities(raw)),
        remediation=advice if advice != "None Provided" else None,
        remediation_url=url(recommendation.get("Url")) or url(recommendation.get("url")),
    )


def _severity(value: object) -> Severity:
    if value == "UNTRIAGED":
        return _UNTRIAGED
    return SEVERITIES.get(value, UNRATED) if isinstance(value, str) else UNRATED


def _place(raw: Mapping[str, Any], finding_id: str, envelope: Envelope) -> Arn:
    own = arn(finding_id)
    account_id = optional_text(raw, "awsAccountId") or (own and own.account_id)
    region, partition = own and own.region, own and own.partition
    if not (account_id and region and partition):
        near = place_of(mapping(candidate).get("id") for candidate in items(raw.get("resources")))
        account_id = account_id or near.account_id or envelope.account_id
        region, partition = region or near.region or envelope.region, partition or near.partition or "aws"
    if not account_id:
        raise FieldError("awsAccountId is missing")
    if not region:
        raise FieldError("findingArn names no Region, and no resource does")
    return Arn(partition, "", region, account_id)


def _vulnerabilities(raw: Mapping[str, Any]) -> Iterator[str | None]:
    package = mapping(raw.get("packageVulnerabilityDetails"))
    yield line(package.get("vulnerabilityId"), 64)
    yield from related_cves(package.get("relatedVulnerabilities"))


def _resource(candidate: object, place: Arn) -> Resource | None:
    raw = mapping(candidate)
    kind = asff_type(raw.get("type"))
    here = place._replace(region=line(raw.get("region"), 64) or place.region)
    resource_id = asff_id(raw.get("id"), kind, here)
    return resource(kind, resource_id, place, region=raw.get("region"), labels=raw.get("tags")) if resource_id else None
