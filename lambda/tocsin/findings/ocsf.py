"""Findings of Security Hub (V2) in the Open Cybersecurity Schema Framework, versions 1.1 and later.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-ocsf.html, https://schema.ocsf.io/1.6.0/categories/findings
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tocsin.findings.asff import product_name, product_service, related_cves
from tocsin.findings.fields import (
    ADVICE_CHARACTERS,
    MOST_RESOURCES,
    SEVERITIES,
    UNRATED,
    Arn,
    Envelope,
    FieldError,
    address,
    addresses,
    arn,
    dig,
    items,
    line,
    lines,
    mapping,
    moment,
    optional_text,
    required,
    text,
    unique,
    url,
    walk,
    whole,
)
from tocsin.findings.guardduty import is_sample_text
from tocsin.findings.model import Feed, Finding, Resource, Severity
from tocsin.findings.resources import asff_id, asff_type, first, place_of, resource

CLASSES = {2002: "Vulnerability Finding", 2003: "Compliance Finding", 2004: "Detection Finding"}
"""The classes that are read, by class_uid."""

_SEVERITIES = {
    1: Severity.INFORMATIONAL,
    2: Severity.LOW,
    3: Severity.MEDIUM,
    4: Severity.HIGH,
    5: Severity.CRITICAL,
    6: Severity.CRITICAL,  # Fatal
}
_CLOSING_STATUSES = {3: "SUPPRESSED", 4: "RESOLVED", 5: "ARCHIVED", 6: "CLOSED"}
"""6 is Deleted: nothing is left to act on."""
_CLOSE_ACTIVITY = 3
_PASSED = 1
_INBOUND, _OUTBOUND = 1, 2


def parse(raw: Mapping[str, Any], envelope: Envelope) -> Finding:
    """Read one OCSF finding of a class in CLASSES. Raises FieldError that names the field or the class."""
    _check_class(raw)
    info = mapping(raw.get("finding_info"))
    finding_id = required(info, "uid", prefix="finding_info.")
    updated_at = _updated_at(raw, info)
    product = mapping(dig(raw, "metadata", "product"))
    product_id = line(product.get("uid")) or line(product.get("name")) or ""
    product_arn = product_id.replace(":productv2/", ":product/")
    place = _place(raw, finding_id, product_arn, envelope)
    types = lines(info.get("types"))
    title = line(info.get("title")) or (types[0] if types else finding_id)
    remediation = mapping(raw.get("remediation"))
    control = line(dig(raw, "compliance", "control"), 64)
    return Finding(
        feed=Feed.SECURITY_HUB_V2,
        finding_id=finding_id,
        product=product_name(product_arn, line(product.get("name"))),
        product_arn=product_arn,
        partition=place.partition,
        account_id=place.account_id,
        region=place.region,
        title=title,
        description=text(info.get("desc")) or text(raw.get("message")) or "",
        severity=_severity(raw),
        updated_at=updated_at,
        created_at=_time(info, "created_time"),
        first_seen=_time(info, "first_seen_time"),
        last_seen=_time(info, "last_seen_time"),
        closed_by=_closed_by(raw),
        sample=is_sample_text(title, None),
        types=types,
        resources=first(_resource(candidate, place) for candidate in items(raw.get("resources"))[:MOST_RESOURCES]),
        control_id=control if product_service(product_arn) == "securityhub" else None,
        vulnerability_ids=unique(_vulnerabilities(raw)),
        actors=addresses(_remote_addresses(raw)),
        count=whole(raw.get("count")),
        remediation=text(remediation.get("desc"), ADVICE_CHARACTERS),
        remediation_url=next(filter(None, map(url, items(remediation.get("references")))), None),
        source_url=url(info.get("src_url")),
    )


def _check_class(raw: Mapping[str, Any]) -> None:
    class_uid = raw.get("class_uid")
    if isinstance(class_uid, bool) or not isinstance(class_uid, int):
        raise FieldError("class_uid is missing" if class_uid is None else "class_uid is not a number")
    if class_uid not in CLASSES:
        name = line(raw.get("class_name"), 64) or "unnamed"
        raise FieldError(f"OCSF class {line(str(class_uid), 16)} ({name}) is not one of {', '.join(map(str, CLASSES))}")


def _updated_at(raw: Mapping[str, Any], info: Mapping[str, Any]) -> datetime:
    found = _time(info, "modified_time") or _time(raw, "time") or _time(info, "created_time")
    if found is None:
        raise FieldError("finding_info.modified_time, time and finding_info.created_time are missing or not times")
    return found


def _time(raw: Mapping[str, Any], field: str) -> datetime | None:
    """A time of OCSF: RFC 3339 in `..._dt`, milliseconds without it."""
    return moment(raw.get(f"{field}_dt")) or moment(raw.get(field))


def _place(raw: Mapping[str, Any], finding_id: str, product_arn: str, envelope: Envelope) -> Arn:
    own, product, cloud = arn(finding_id), arn(product_arn), mapping(raw.get("cloud"))
    account = mapping(cloud.get("account"))
    account_id = optional_text(account, "uid", prefix="cloud.account.") or (own and own.account_id)
    region = line(cloud.get("region"), 64) or (own and own.region) or (product and product.region)
    partition = (own and own.partition) or (product and product.partition) or line(cloud.get("cloud_partition"), 64)
    if not (account_id and region and partition):
        resources = [mapping(candidate) for candidate in items(raw.get("resources"))]
        near = place_of(value for candidate in resources for value in (candidate.get("uid"), candidate.get("uid_alt")))
        owners = (dig(candidate, "owner", "account", "uid") for candidate in resources)
        regions = (candidate.get("region") for candidate in resources)
        account_id = account_id or next(filter(None, map(line, owners)), None) or near.account_id or envelope.account_id
        region = region or next(filter(None, map(line, regions)), None) or near.region or envelope.region
        partition = partition or near.partition or "aws"
    if not account_id:
        raise FieldError("cloud.account.uid is missing")
    if not region:
        raise FieldError("cloud.region is missing")
    return Arn(partition, "", region, account_id)


def _severity(raw: Mapping[str, Any]) -> Severity:
    """The severity; 0 (Unknown), 99 (Other) and nothing at all fall back to the vendor's, to the word, to UNRATED."""
    for source in (raw, mapping(raw.get("vendor_attributes"))):
        severity_id = source.get("severity_id")
        if isinstance(severity_id, int) and not isinstance(severity_id, bool) and severity_id in _SEVERITIES:
            return _SEVERITIES[severity_id]
    word = raw.get("severity")
    return SEVERITIES.get(word.upper(), UNRATED) if isinstance(word, str) else UNRATED


def _closed_by(raw: Mapping[str, Any]) -> str | None:
    """Why the finding is closed: its status, its closing activity, or the control that passed."""
    status_id = raw.get("status_id")
    if isinstance(status_id, int) and status_id in _CLOSING_STATUSES:
        return _CLOSING_STATUSES[status_id]
    if status_id is None and isinstance(raw.get("status"), str) and raw["status"].upper() in _CLOSING_STATUSES.values():
        return str(raw["status"].upper())
    if raw.get("activity_id") == _CLOSE_ACTIVITY:
        return "CLOSED"
    return "PASSED" if dig(raw, "compliance", "status_id") == _PASSED else None


def _vulnerabilities(raw: Mapping[str, Any]) -> Iterator[str | None]:
    for vulnerability in map(mapping, items(raw.get("vulnerabilities"))):
        yield line(dig(vulnerability, "cve", "uid"), 64) or line(dig(vulnerability, "advisory", "uid"), 64)
        yield from related_cves(vulnerability.get("related_vulnerabilities"))


def _remote_addresses(raw: Mapping[str, Any]) -> Iterator[object]:
    """The far end of each evidence. Without a direction both ends, but not the addresses that our resources have."""
    own: set[str | None] | None = None
    for evidence in map(mapping, items(raw.get("evidences"))):
        source, target = dig(evidence, "src_endpoint", "ip"), dig(evidence, "dst_endpoint", "ip")
        direction = dig(evidence, "connection_info", "direction_id")
        if direction == _INBOUND:
            yield source
        elif direction == _OUTBOUND:
            yield target
        elif source or target:
            if own is None:
                own = {address(value) for _, value in walk(raw.get("resources"))}
            yield from (end for end in (source, target) if address(end) not in own)


def _resource(candidate: object, place: Arn) -> Resource | None:
    raw = mapping(candidate)
    kind = asff_type(raw.get("type"))
    where, who = line(raw.get("region"), 64), line(dig(raw, "owner", "account", "uid"), 64)
    here = place._replace(region=where or place.region, account_id=who or place.account_id)
    # Security Hub puts a bucket's name into uid and its ARN into uid_alt.
    alternative = raw.get("uid_alt")
    resource_id = asff_id(alternative if arn(alternative) and not arn(raw.get("uid")) else raw.get("uid"), kind, here)
    if resource_id is None:
        return None
    return resource(
        kind,
        resource_id,
        place,
        name=raw.get("name"),
        region=where,
        account_id=who,
        labels=raw.get("tags") or dig(raw, "data", "tags"),
    )
