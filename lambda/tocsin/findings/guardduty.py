"""Findings of GuardDuty in its own format, as events and as the API prints them.

https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tocsin.findings.fields import (
    UNRATED,
    Arn,
    Envelope,
    FieldError,
    addresses,
    arn,
    dig,
    items,
    line,
    mapping,
    moment,
    optional_text,
    remote_addresses,
    required,
    text,
    unique,
    whole,
)
from tocsin.findings.model import Feed, Finding, Resource, Severity
from tocsin.findings.resources import asff_id, asff_type, first, resource

_CASE_LEVELS = 24
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_PRIMARY = {
    "Instance": "AwsEc2Instance",
    "AccessKey": "AwsIamAccessKey",
    "S3Bucket": "AwsS3Bucket",
    "S3Object": "AwsS3Object",
    "EKSCluster": "AwsEksCluster",
    "ECSCluster": "AwsEcsCluster",
    "Container": "Container",
    "RDSDBInstance": "AwsRdsDbInstance",
    "Lambda": "AwsLambdaFunction",
}
_SIMPLE_DETAILS = (
    ("eksClusterDetails", "AwsEksCluster", "arn", "name"),
    ("ecsClusterDetails", "AwsEcsCluster", "arn", "name"),
    ("rdsDbInstanceDetails", "AwsRdsDbInstance", "dbInstanceArn", "dbInstanceIdentifier"),
    ("rdsLimitlessDbDetails", "AwsRdsDbShardGroup", "dbShardGroupArn", "dbShardGroupIdentifier"),
    ("lambdaDetails", "AwsLambdaFunction", "functionArn", "functionName"),
    ("containerDetails", "Container", "id", "name"),
    ("ebsSnapshotDetails", "AwsEc2Snapshot", "snapshotArn", ""),
    ("ec2ImageDetails", "AwsEc2Image", "imageArn", ""),
    ("recoveryPointDetails", "AwsBackupRecoveryPoint", "recoveryPointArn", "backupVaultName"),
)
_ASFF_TYPE = re.compile(r"(?:^|.*/)([A-Za-z0-9]+):([A-Za-z0-9]+)[-./](.+)")


def parse(raw: Mapping[str, Any], envelope: Envelope) -> Finding:
    """Read one GuardDuty finding, with camelCase keys (events) or PascalCase keys (the API).

    Raises FieldError that names the field when it cannot be read. `envelope` is used where the finding names no place.
    """
    raw = in_events_spelling(raw)
    service = mapping(raw.get("service"))
    place = _place(raw, envelope)
    finding_id = _finding_id(raw, service, place)
    updated_at = moment(raw.get("updatedAt")) or moment(raw.get("createdAt")) or moment(service.get("eventLastSeen"))
    if updated_at is None:
        raise FieldError("updatedAt, createdAt and service.eventLastSeen are missing or not times")
    native = line(raw.get("type"))
    title = line(raw.get("title")) or native or finding_id
    extra = mapping(service.get("additionalInfo"))
    return Finding(
        feed=Feed.GUARDDUTY,
        finding_id=finding_id,
        product="GuardDuty",
        product_arn=f"arn:{place.partition}:securityhub:{place.region}::product/aws/guardduty",
        partition=place.partition,
        account_id=place.account_id,
        region=place.region,
        title=title,
        description=text(raw.get("description")) or "",
        severity=_severity(raw.get("severity")),
        updated_at=updated_at,
        created_at=moment(raw.get("createdAt")),
        first_seen=moment(service.get("eventFirstSeen")),
        last_seen=moment(service.get("eventLastSeen")),
        closed_by="ARCHIVED" if service.get("archived") is True else None,
        sample=extra.get("sample") is True or is_sample_text(title, extra.get("value")),
        types=unique((native,)),
        resources=_resources(raw, service, place),
        actors=addresses(_remote_addresses(service)),
        count=whole(service.get("count")),
        source_url=_console_url(finding_id, place),
    )


def native_type(asff_type: str) -> str | None:
    """GuardDuty's own type ("UnauthorizedAccess:EC2/SSHBruteForce") for what Security Hub made of it, else None.

    The rules cover the table of https://docs.aws.amazon.com/guardduty/latest/ug/securityhub-integration.html and, with
    a dot for the hyphen, older findings ("Software and Configuration Checks/Backdoor:EC2.C&CActivity.B").
    """
    parents, _, last = asff_type.rpartition("/")
    tactic = parents.rpartition("/")[2].replace(" ", "")
    match = _ASFF_TYPE.fullmatch(asff_type)
    if not match:
        # TTPs/Initial Access/IAMUser-AnomalousBehavior
        target, hyphen, rest = last.partition("-")
        return f"{tactic}:{target}/{rest}" if parents.startswith("TTPs/") and hyphen and rest else None
    purpose, target, rest = match.groups()
    if purpose == "EC2":  # TTPs/DefenseEvasion/EC2:Unusual-DNS-Resolver
        return f"{tactic}:EC2/{target}{rest.replace('-', '')}"
    if tactic == "AnomalousBehavior":  # TTPs/AnomalousBehavior/Discovery:Kubernetes-PermissionChecked
        rest = f"AnomalousBehavior.{rest}"
    return f"{purpose}:{target}/{rest}"


def is_sample_text(title: str, additional_info: object) -> bool:
    """Whether a title, or the JSON text in `additionalInfo.value`, marks a sample finding. Nothing else does.

    https://docs.aws.amazon.com/guardduty/latest/ug/sample_findings.html
    """
    if title.startswith(("[SAMPLE]", "[SAMPLE FINDING]")):
        return True
    if not isinstance(additional_info, str) or '"sample"' not in additional_info or len(additional_info) > 65_536:
        return False
    try:
        return mapping(json.loads(additional_info)).get("sample") in (True, "true")
    except (ValueError, RecursionError):
        return False


def _severity(value: object) -> Severity:
    """https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html"""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10:
        return UNRATED
    if value < 4:
        return Severity.LOW
    if value < 7:
        return Severity.MEDIUM
    return Severity.HIGH if value < 9 else Severity.CRITICAL


def _place(raw: Mapping[str, Any], envelope: Envelope) -> Arn:
    own = arn(raw.get("arn"))
    account_id = optional_text(raw, "accountId") or (own and own.account_id) or envelope.account_id
    region = line(raw.get("region"), 64) or (own and own.region) or envelope.region
    if not account_id:
        raise FieldError("accountId is missing")
    if not region:
        raise FieldError("region is missing")
    return Arn((own and own.partition) or line(raw.get("partition"), 64) or "aws", "", region, account_id)


def _finding_id(raw: Mapping[str, Any], service: Mapping[str, Any], place: Arn) -> str:
    """The ARN, which is what Security Hub has as Id; put together from its parts where an event was trimmed."""
    found = optional_text(raw, "arn")
    if found:
        return found
    if raw.get("id") is None:
        raise FieldError("arn and id are missing")
    finding_id, detector_id = required(raw, "id"), line(service.get("detectorId"))
    if not detector_id:
        return finding_id
    owner = f"arn:{place.partition}:guardduty:{place.region}:{place.account_id}"
    return f"{owner}:detector/{detector_id}/finding/{finding_id}"


def _console_url(finding_id: str, place: Arn) -> str | None:
    """The address that GuardDuty itself gives Security Hub as SourceUrl."""
    console, (_, found, short_id) = _CONSOLES.get(place.partition), finding_id.partition("/finding/")
    plain = re.fullmatch(r"[0-9A-Za-z-]+", short_id) and re.fullmatch(r"[a-z0-9-]+", place.region)
    if not console or not found or not plain:
        return None
    region = place.region
    return f"https://{region}.{console}/guardduty/home?region={region}#/findings?macros=current&fId={short_id}"


def _remote_addresses(service: Mapping[str, Any]) -> Iterator[object]:
    yield from remote_addresses(service.get("action"))
    for endpoint in items(_sequence(service).get("endpoints")):
        yield mapping(endpoint).get("ip")


def _sequence(service: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(dig(service, "detection", "sequence"))


def _resources(raw: Mapping[str, Any], service: Mapping[str, Any], place: Arn) -> tuple[Resource, ...]:
    """What the finding is about; the thing that `resourceType` names first, whoever did it to that after it."""
    details = mapping(raw.get("resource"))
    primary = _PRIMARY.get(line(details.get("resourceType")) or "")
    found = list(first(_candidates(details, _sequence(service), place)))
    return tuple(sorted(found, key=lambda candidate: candidate.type != primary))


def _candidates(details: Mapping[str, Any], sequence: Mapping[str, Any], place: Arn) -> Iterator[Resource | None]:
    instance = mapping(details.get("instanceDetails"))
    yield _resource("AwsEc2Instance", instance.get("instanceId"), place, labels=instance.get("tags"))
    for bucket in map(mapping, items(details.get("s3BucketDetails"))):
        for s3_object in map(mapping, items(bucket.get("s3ObjectDetails"))):
            yield _resource("AwsS3Object", s3_object.get("objectArn"), place, name=s3_object.get("key"))
        bucket_id = bucket.get("arn") or bucket.get("name")
        yield _resource("AwsS3Bucket", bucket_id, place, name=bucket.get("name"), labels=bucket.get("tags"))
    for field, kind, id_field, name_field in _SIMPLE_DETAILS:
        thing = mapping(details.get(field))
        yield _resource(kind, thing.get(id_field), place, name=thing.get(name_field), labels=thing.get("tags"))
    for volume in map(mapping, items(dig(details, "ebsVolumeDetails", "scannedVolumeDetails"))):
        yield _resource("AwsEc2Volume", volume.get("volumeArn"), place)
    key = mapping(details.get("accessKeyDetails"))
    key_id = key.get("accessKeyId") or key.get("principalId") or key.get("userName")
    yield _resource("AwsIamAccessKey", key_id, place, name=key.get("userName"))
    for thing in map(mapping, items(sequence.get("resources"))):
        kind = asff_type(f"AWS_{thing['resourceType']}" if isinstance(thing.get("resourceType"), str) else None)
        yield _resource(
            kind,
            thing.get("uid"),
            place,
            name=thing.get("name"),
            region=thing.get("region"),
            account_id=thing.get("accountId"),
            labels=thing.get("tags"),
        )


def _resource(kind: str, value: object, place: Arn, **more: object) -> Resource | None:
    resource_id = asff_id(value, kind, place)
    return resource(kind, resource_id, place, **more) if resource_id else None


def in_events_spelling(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A finding as an event has it (camelCase keys), also when the API printed it (PascalCase keys)."""
    return mapping(_lower_keys(raw, _CASE_LEVELS)) if "Service" in raw or "Arn" in raw else raw


def _lower_keys(value: object, levels: int) -> object:
    """The value with the first letter of every key in lower case; what is nested deeper than any finding is dropped."""
    if levels == 0:
        return None
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lower_keys(inner, levels - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_lower_keys(inner, levels - 1) for inner in value]
    return value
