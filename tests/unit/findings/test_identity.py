"""Which findings are one problem, and which are not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import finding
from tocsin.findings.identity import copy_id, problem_key
from tocsin.findings.model import Feed, Resource

BUCKET = (Resource("AwsS3Bucket", "arn:aws:s3:::b"),)


def test_a_finding_is_one_problem_over_every_feed() -> None:
    keys = {problem_key(finding(feed=feed, product_arn=feed)) for feed in Feed}
    assert len(keys) == 1
    assert len({copy_id(finding(feed=feed)) for feed in Feed}) == len(Feed)


def test_a_control_is_one_problem_under_every_standard() -> None:
    one = finding(finding_id="arn:aws:securityhub:a", control_id="S3.1", resources=BUCKET)
    other = finding(finding_id="arn:aws:securityhub:b", control_id="S3.1", resources=BUCKET)
    assert problem_key(one) == problem_key(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"account_id": "444455556666"},
        {"region": "us-east-1"},
        {"partition": "aws-cn"},
        {"finding_id": "arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding/f1"},
        {"control_id": "S3.1"},
    ],
)
def test_another_place_or_thing_is_another_problem(changes: dict[str, Any]) -> None:
    assert problem_key(finding(**changes)) != problem_key(finding())


def test_the_same_short_id_of_two_products_is_two_problems() -> None:
    assert problem_key(finding(finding_id="1", product_arn="a")) != problem_key(
        finding(finding_id="1", product_arn="b")
    )


def test_a_control_is_a_problem_per_resource() -> None:
    other = (Resource("AwsS3Bucket", "arn:aws:s3:::c"),)
    assert problem_key(finding(control_id="S3.1", resources=BUCKET)) != problem_key(
        finding(control_id="S3.1", resources=other)
    )


def test_a_control_is_one_problem_in_whatever_order_its_resources_come() -> None:
    both = (*BUCKET, Resource("AwsAccount", "AWS::::Account:111122223333"))
    one, other = (finding(control_id="S3.1", resources=resources) for resources in (both, both[::-1]))
    assert problem_key(one) == problem_key(other)


@given(st.text(), st.text(), st.text(), st.text())
def test_no_two_pairs_of_parts_read_the_same(product: str, one: str, other_product: str, other: str) -> None:
    first, second = finding(product_arn=product, finding_id=one), finding(product_arn=other_product, finding_id=other)
    same = (product, one) == (other_product, other) or (one == other and one.startswith("arn:"))
    assert (problem_key(first) == problem_key(second)) is same


def test_the_key_never_changes() -> None:
    """Records of an estate are found by it: a change here forgets every problem that was told."""
    assert problem_key(finding()) == "3301d09ff6dd5e7acbf4cdff329d0475"


def test_only_security_hub_carries_the_workflow() -> None:
    assert copy_id(finding(feed=Feed.SECURITY_HUB_V2)).startswith("s")
    assert copy_id(finding(feed=Feed.INSPECTOR)).startswith("n")
