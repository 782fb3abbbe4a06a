"""EventBridge envelopes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.findings.samples import asff, changed, names, raw, read
from tocsin.findings.event import UnreadableEvent, parse_event
from tocsin.findings.model import Feed

EVENT = "security_hub/guardduty_command_and_control"


@pytest.mark.parametrize(
    ("name", "feed"),
    [
        (EVENT, Feed.SECURITY_HUB),
        ("security_hub_v2/guardduty_command_and_control", Feed.SECURITY_HUB_V2),
        ("guardduty/command_and_control", Feed.GUARDDUTY),
        ("inspector/package_vulnerability", Feed.INSPECTOR),
    ],
)
def test_each_feed_is_known_by_its_detail_type(name: str, feed: Feed) -> None:
    envelope = raw(name)
    event = parse_event(envelope)
    assert event.feed is feed
    assert event.event_id == envelope["id"]
    assert event.time == datetime.fromisoformat(envelope["time"])
    assert not event.requested
    assert [finding.feed for finding in event.findings] == [feed]


def test_a_custom_action_is_a_request_and_may_carry_several_findings() -> None:
    event = parse_event(raw("security_hub/custom_action"))
    assert event.requested
    assert [finding.product for finding in event.findings] == ["GuardDuty", "Macie"]


def test_one_bad_finding_does_not_spoil_the_good_one() -> None:
    event = parse_event(raw("malformed/one_good_one_bad"))
    assert [finding.finding_id for finding in event.findings] == ["scan-42/finding-8"]
    assert [(bad.index, bad.reason) for bad in event.unreadable] == [(0, "ProductArn is missing")]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("account_is_a_list", "AwsAccountId is a list, not a text"),
        ("guardduty_without_identity", "arn and id are missing"),
        ("id_is_a_number", "Id is a number, not a text"),
        ("id_missing", "Id is missing"),
        ("inspector_without_arn", "findingArn is missing"),
        ("ocsf_class_2001", "OCSF class 2001 (Security Finding) is not one of 2002, 2003, 2004"),
        ("ocsf_without_uid", "finding_info.uid is missing"),
        ("product_arn_missing", "ProductArn is missing"),
        ("times_unusable", "UpdatedAt and CreatedAt are missing or not times"),
    ],
)
def test_a_finding_that_cannot_be_read_says_why(name: str, reason: str) -> None:
    event = parse_event(raw(f"malformed/{name}"))
    assert event.findings == ()
    assert [bad.reason for bad in event.unreadable] == [reason]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([], "an event is an object, not a list"),
        (None, "an event is an object, not null"),
        ({}, "detail-type is null: not an event of a feed"),
        ({"detail-type": 5}, "detail-type is a number: not an event of a feed"),
        ({"detail-type": []}, "detail-type is a list: not an event of a feed"),
        ({"detail-type": "Macie Finding"}, 'detail-type is "Macie Finding": not an event of a feed'),
        ({"detail-type": "GuardDuty Finding"}, "detail is missing"),
        ({"detail-type": "GuardDuty Finding", "detail": []}, "detail is a list, not an object"),
        ({"detail-type": "Findings Imported V2", "detail": {}}, "detail.findings is missing"),
        ({"detail-type": "Findings Imported V2", "detail": {"findings": []}}, "detail.findings is empty"),
        (
            {"detail-type": "Findings Imported V2", "detail": {"findings": {}}},
            "detail.findings is an object, not a list",
        ),
        ({"detail-type": "Inspector2 Finding", "detail": {}}, "findingArn is missing (and the event has no time)"),
    ],
)
def test_an_event_that_is_none_of_ours_says_why(event: Any, reason: str) -> None:
    with pytest.raises(UnreadableEvent, match=f"^{re.escape(reason)}$"):
        parse_event(event)


@pytest.mark.parametrize("name", ["another_service", "detail_missing", "findings_empty"])
def test_events_that_are_none_of_ours_are_refused(name: str) -> None:
    with pytest.raises(UnreadableEvent):
        parse_event(raw(f"malformed/{name}"))


def test_a_finding_that_is_no_object_is_unreadable_alone() -> None:
    event = parse_event(raw(EVENT) | {"detail": {"findings": [asff(), 5, None]}})
    assert len(event.findings) == 1
    assert [(bad.index, bad.reason) for bad in event.unreadable] == [
        (1, "a finding is an object, not a number"),
        (2, "a finding is an object, not null"),
    ]


def test_the_envelopes_place_is_the_last_resort() -> None:
    envelope = raw("security_hub/minimal") | {"account": "999999999999", "region": "us-west-2"}
    (finding,) = parse_event(envelope).findings
    assert (finding.account_id, finding.region) == ("444455556666", "eu-west-1")
    nowhere = asff("minimal", AwsAccountId=None, ProductArn="scanner")
    (finding,) = parse_event(envelope | {"detail": {"findings": [nowhere]}}).findings
    assert (finding.account_id, finding.region) == ("999999999999", "us-west-2")


def test_an_id_that_was_cut_off_follows_from_the_content() -> None:
    envelope = changed(raw(EVENT), {"id": None})
    assert parse_event(envelope).event_id == parse_event(json.loads(json.dumps(envelope))).event_id
    assert parse_event(envelope).event_id != parse_event(envelope | {"region": "eu-west-2"}).event_id


def test_a_time_that_was_cut_off_is_that_of_the_newest_finding() -> None:
    event = parse_event(raw("security_hub/custom_action") | {"time": "?"})
    assert event.time == datetime(2025, 6, 5, 11, 20, 31, tzinfo=UTC)


@pytest.mark.parametrize("folder", ["guardduty", "inspector", "security_hub", "security_hub_v2"])
def test_what_is_read_survives_the_outbox(folder: str) -> None:
    for name in names(folder):
        if "detail-type" in raw(name):
            for finding in parse_event(raw(name)).findings:
                assert type(finding).from_json(finding.to_json()) == finding


def test_a_count_of_nothing_is_a_count_and_survives_the_outbox_too() -> None:
    counted = read(asff(ProductFields={"aws/guardduty/service/count": "0"}))
    assert counted.count == 0
    assert type(counted).from_json(counted.to_json()) == counted


def test_reading_needs_no_library() -> None:
    code = "import sys, tocsin.findings.documents, tocsin.cli.parse; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "lambda"})
    assert not {"boto3", "botocore", "jinja2", "requests", "aws_lambda_powertools"} & set(printed.stdout.split())
