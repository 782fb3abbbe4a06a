"""Resources have ASFF's types and ids, whatever feed they come from."""

from __future__ import annotations

import pytest

from tocsin.findings.fields import Arn
from tocsin.findings.resources import asff_id, asff_type, tags

PLACE = Arn("aws", "", "eu-west-1", "111122223333")


@pytest.mark.parametrize(
    ("name", "asff"),
    [
        ("AwsEc2Instance", "AwsEc2Instance"),
        ("AWS_EC2_INSTANCE", "AwsEc2Instance"),
        ("AWS_ECR_CONTAINER_IMAGE", "AwsEcrContainerImage"),
        ("AWS_LAMBDA_FUNCTION", "AwsLambdaFunction"),
        ("AWS::EC2::Instance", "AwsEc2Instance"),
        ("AWS::EC2::VPC", "AwsEc2Vpc"),
        ("AWS::EC2::SecurityGroup", "AwsEc2SecurityGroup"),
        ("AWS::S3::Bucket", "AwsS3Bucket"),
        ("AWS::IAM::AccessKey", "AwsIamAccessKey"),
        ("AWS::RDS::DBInstance", "AwsRdsDbInstance"),
        ("AWS::DynamoDB::Table", "AwsDynamoDbTable"),
        ("AWS::CloudTrail::Trail", "AwsCloudTrailTrail"),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "AwsElbv2LoadBalancer"),
        ("AWS::::Account", "AwsAccount"),
        ("AWS::Container::Container", "Container"),
        ("Other", "Other"),
        (None, "Other"),
        (5, "Other"),
    ],
)
def test_a_type_is_spelt_as_in_asff(name: object, asff: str) -> None:
    assert asff_type(name) == asff


@pytest.mark.parametrize(
    ("value", "kind", "resource_id"),
    [
        ("i-0abc", "AwsEc2Instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc"),
        ("sg-0abc", "AwsEc2SecurityGroup", "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0abc"),
        ("arn:aws:ec2:us-east-1:4:instance/i-1", "AwsEc2Instance", "arn:aws:ec2:us-east-1:4:instance/i-1"),
        ("invoices", "AwsS3Bucket", "arn:aws:s3:::invoices"),
        ("111122223333", "AwsAccount", "AWS::::Account:111122223333"),
        ("AKIAEXAMPLE", "AwsIamAccessKey", "AWS::IAM::AccessKey:AKIAEXAMPLE"),
        ("AWS::::Account:111122223333", "AwsAccount", "AWS::::Account:111122223333"),
        ("i-0abc", "Other", "i-0abc"),
        ("payload.zip", "Container", "payload.zip"),
        (None, "AwsEc2Instance", None),
        ({}, "AwsEc2Instance", None),
    ],
)
def test_an_id_has_the_form_of_asff(value: object, kind: str, resource_id: str | None) -> None:
    assert asff_id(value, kind, PLACE) == resource_id


def test_tags_are_read_from_every_form() -> None:
    read = {"team": "payments", "empty": ""}
    assert tags({"team": "payments", "empty": "", "odd": 5}) == read
    assert tags([{"key": "team", "value": "payments"}, {"key": "empty", "value": ""}, {"key": "odd"}, "x"]) == read
    assert (
        tags([{"name": "team", "value": "payments"}, {"name": "empty", "value": ""}, {"name": 5, "value": "x"}]) == read
    )
    assert tags("team") == {}


def test_a_resource_has_at_most_fifty_tags() -> None:
    assert len(tags({f"key{number}": "x" for number in range(200)})) == 50
