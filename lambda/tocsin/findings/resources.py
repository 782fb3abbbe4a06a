"""What a finding is about, in the words of ASFF whatever the feed, so that one tfvars pattern matches over all feeds.

https://docs.aws.amazon.com/securityhub/latest/userguide/asff-resources-attributes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tocsin.findings.fields import ID_CHARACTERS, MOST_RESOURCES, MOST_TAGS, Arn, arn, items, line, mapping
from tocsin.findings.model import Resource

_EC2_KINDS = {
    "i": "instance",
    "sg": "security-group",
    "vpc": "vpc",
    "subnet": "subnet",
    "vol": "volume",
    "snap": "snapshot",
    "eni": "network-interface",
    "acl": "network-acl",
    "ami": "image",
    "eipalloc": "elastic-ip",
}
_EC2_ID = re.compile(r"([a-z]+)-[0-9A-Za-z-]+")
_ACRONYM = re.compile(r"[A-Z][A-Z0-9]+(?![a-z])")
_OWN_SPELLING = {
    "AWS_ACCESS_KEY": "AwsIamAccessKey",
    "AWS_CONTAINER": "Container",
    "AWS::::Account": "AwsAccount",
    "AWS::Container::Container": "Container",
    "AWS::ElasticLoadBalancing::LoadBalancer": "AwsElbLoadBalancer",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "AwsElbv2LoadBalancer",
    "AWS::WAFv2::WebACL": "AwsWafv2WebAcl",
}


def asff_type(value: object) -> str:
    """A resource type in ASFF's spelling: "AWS::EC2::Instance" and "AWS_EC2_INSTANCE" are "AwsEc2Instance".

    Unknown forms stay as they are; nothing at all is "Other", as in ASFF.
    """
    name = line(value, 128)
    if name is None:
        return "Other"
    if name in _OWN_SPELLING:
        return _OWN_SPELLING[name]
    if name.startswith("AWS::"):
        return "Aws" + "".join(_ACRONYM.sub(lambda run: run[0].capitalize(), part) for part in name[5:].split("::"))
    if name.startswith("AWS_"):
        return "".join(part.capitalize() for part in name.split("_"))
    return name


def asff_id(value: object, kind: str, place: Arn) -> str | None:
    """A resource id in ASFF's form: an ARN where ASFF has one, "AWS::IAM::AccessKey:..." and the like where it has not.

    `kind` is the type in ASFF's spelling, `place` (partition and so on) completes a bare id such as "i-0abc".
    """
    found = line(value, ID_CHARACTERS)
    if found is None or found.startswith(("arn:", "AWS::")):
        return found
    if kind == "AwsAccount":
        return f"AWS::::Account:{found}"
    if kind == "AwsIamAccessKey":
        return f"AWS::IAM::AccessKey:{found}"
    if kind == "AwsS3Bucket":
        return f"arn:{place.partition}:s3:::{found}"
    match = _EC2_ID.fullmatch(found)
    if match and match[1] in _EC2_KINDS and kind.startswith("AwsEc2"):
        return f"arn:{place.partition}:ec2:{place.region}:{place.account_id}:{_EC2_KINDS[match[1]]}/{found}"
    return found


def resource(
    kind: str,
    resource_id: str,
    place: Arn,
    *,
    name: object = None,
    region: object = None,
    account_id: object = None,
    labels: object = None,
) -> Resource:
    """A resource; its account and Region are kept where they are not those of the finding (`place`).

    `labels` are its tags as any feed has them. The name is the given one, else the tag "Name".
    """
    named = tags(labels)
    where, who = line(region, 64), line(account_id, 64)
    return Resource(
        type=kind,
        id=resource_id,
        region=where if where != place.region else None,
        account_id=who if who != place.account_id else None,
        name=line(name) or named.get("Name"),
        tags=named,
    )


def first(resources: Iterable[Resource | None]) -> tuple[Resource, ...]:
    """The resources that could be read, each id once, at most as many as ASFF allows."""
    found: dict[str, Resource] = {}
    for candidate in resources:
        if candidate is not None and candidate.id not in found:
            found[candidate.id] = candidate
            if len(found) == MOST_RESOURCES:
                break
    return tuple(found.values())


def tags(value: object) -> dict[str, str]:
    """Tags from an object (ASFF, Inspector) or from a list of key or name and value (GuardDuty, OCSF)."""
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(value, dict):
        pairs = value.items()
    else:
        pairs = ((tag.get("key", tag.get("name")), tag.get("value")) for tag in map(mapping, items(value)))
    found: dict[str, str] = {}
    for key, content in pairs:
        label = line(key, 128)
        if label is not None and isinstance(content, str):
            found[label] = line(content, 256) or ""
            if len(found) == MOST_TAGS:
                break
    return found


def place_of(resource_ids: Iterable[object]) -> Arn:
    """The first account and Region that ARNs of resources name; empty where none does."""
    account_id = region = partition = ""
    for resource_id in resource_ids:
        found = arn(resource_id)
        if found:
            partition = partition or found.partition
            account_id = account_id or found.account_id
            region = region or found.region
    return Arn(partition, "", region, account_id)
