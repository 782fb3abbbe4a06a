"""Findings in any shape that a person has at hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.findings.samples import FEEDS, asff, guardduty, inspector, names, ocsf, raw, read
from tocsin.findings.documents import Delivery, deliveries, pieces, read_document
from tocsin.findings.event import UnreadableEvent, parse_event
from tocsin.findings.model import Feed


@pytest.mark.parametrize(
    ("bare", "feed"),
    [
        (asff(), Feed.SECURITY_HUB),
        (ocsf(), Feed.SECURITY_HUB_V2),
        (guardduty(), Feed.GUARDDUTY),
        (inspector(), Feed.INSPECTOR),
    ],
)
def test_a_bare_finding_is_known_by_its_fields(bare: dict[str, Any], feed: Feed) -> None:
    (event,) = read_document(bare)
    assert event.feed is feed
    assert event.time == event.findings[0].updated_at


@pytest.mark.parametrize(
    ("name", "count", "feed"),
    [
        ("security_hub/get_findings", 2, Feed.SECURITY_HUB),
        ("security_hub_v2/get_findings_v2", 2, Feed.SECURITY_HUB_V2),
        ("guardduty/get_findings", 2, Feed.GUARDDUTY),
        ("inspector/list_findings", 2, Feed.INSPECTOR),
    ],
)
def test_what_the_aws_cli_prints_is_read(name: str, count: int, feed: Feed) -> None:
    events = read_document(raw(name))
    assert [event.feed for event in events] == [feed] * count
    assert len({event.event_id for event in events}) == count


def test_every_sample_of_a_feed_is_read_without_a_refusal() -> None:
    for folder in FEEDS:
        for name in names(folder):
            assert all(event.findings and not event.unreadable for event in read_document(raw(name))), name


def test_a_list_may_mix_everything() -> None:
    mixed = [raw("security_hub/get_findings"), guardduty(), [inspector(), raw("security_hub_v2/closed")]]
    feeds = [event.feed for event in read_document(mixed)]
    hub, hub_v2 = Feed.SECURITY_HUB, Feed.SECURITY_HUB_V2
    assert feeds == [hub, hub, Feed.GUARDDUTY, Feed.INSPECTOR, hub_v2]


def test_the_detail_of_an_event_is_read_without_its_envelope() -> None:
    assert len(read_document(raw("security_hub/custom_action")["detail"])) == 2


def test_nothing_printed_is_nothing_read() -> None:
    assert read_document({"Findings": []}) == []
    assert read_document([]) == []


def test_the_id_of_a_bare_finding_follows_from_its_content() -> None:
    (first,), (again,), (other,) = (read_document(bare) for bare in (asff(), asff(), asff(Title="Another")))
    assert first.event_id == again.event_id != other.event_id


@pytest.mark.parametrize(
    "document",
    [
        None,
        5,
        "text",
        {},
        {"accountId": "1", "type": "SensitiveData:S3Object/Personal", "severity": {"score": 1}},
        {"arn": "arn:aws:inspector:us-east-1:1:target/t", "service": "Inspector", "type": "x"},
        {"detail-type": "AWS Health Event", "detail": {"service": {}, "type": "x"}},
        {"detail-type": "Macie Finding", "detail": {"findings": [{"Id": "1"}]}},
        {"detail-type": "Access Analyzer Finding", "detail": {}},
        [asff(), "odd"],
    ],
)
def test_what_is_no_finding_is_refused(document: object) -> None:
    with pytest.raises(UnreadableEvent):
        read_document(document)


def test_a_refusal_names_what_it_saw() -> None:
    with pytest.raises(UnreadableEvent, match=r"its fields begin with: category, count\)$"):
        read_document({"category": "CLASSIFICATION", "count": 1})


def test_a_trimmed_finding_is_read_with_an_account_that_nobody_has() -> None:
    assert read(guardduty(arn=None, accountId=None, region=None)).account_id == "000000000000"


def test_a_document_nested_without_end_is_refused_not_crashed() -> None:
    deep: Any = {"Id": "1"}
    for _ in range(100_000):
        deep = {"ProductArn": deep}
    with pytest.raises(UnreadableEvent):
        read_document(deep)
    for _ in range(100_000):
        deep = [deep]
    assert len(list(pieces(deep))) == 1


def test_findings_of_security_hub_are_imported_and_the_rest_are_events() -> None:
    assert deliveries(raw("security_hub/minimal")) == [Delivery("asff", asff("minimal"))]
    assert [delivery.kind for delivery in deliveries(raw("security_hub/get_findings"))] == ["asff", "event"]
    for name in (
        "guardduty/command_and_control",
        "inspector/closed",
        "security_hub_v2/closed",
        "security_hub/custom_action",
    ):
        assert deliveries(raw(name)) == [Delivery("event", raw(name))]


@pytest.mark.parametrize(
    "changes",
    [
        {"Title": None},
        {"Id": 5},
        {"Description": ""},
        {"Resources": []},
        {"Resources": [{"Type": "Other"}]},
        {"UpdatedAt": "?"},
        {"Workflow": {"Status": "SUPPRESSED"}},
    ],
)
def test_what_an_import_would_refuse_or_lose_is_an_event(changes: dict[str, Any]) -> None:
    (delivery,) = deliveries(asff(**changes))
    assert delivery.kind == "event"
    assert delivery.raw["detail"]["findings"] == [asff(**changes)]


def test_an_envelope_around_a_bare_finding_is_complete() -> None:
    (delivery,) = deliveries(guardduty())
    assert delivery.raw["account"] == "111122223333"
    assert delivery.raw["region"] == "eu-west-1"
    assert delivery.raw["source"] == "aws.guardduty"
    assert delivery.raw["time"] == "2025-06-03T15:27:05.882000Z"
    assert parse_event(dict(delivery.raw)) == read_document(guardduty())[0]


def test_what_the_api_of_guardduty_prints_is_delivered_as_guardduty_would_have_sent_it() -> None:
    database, _ = deliveries(raw("guardduty/get_findings"))
    assert database.raw["detail"]["severity"] == 8
    assert database.raw["detail"]["service"]["archived"] is False
    assert database.raw["account"] == "111122223333"


def test_events_of_other_kinds_are_delivered_as_they_are() -> None:
    other = raw("malformed/another_service")
    assert deliveries(other) == [Delivery("event", other)]
    with pytest.raises(UnreadableEvent):
        deliveries({"no": "finding"})


def test_each_event_of_a_split_one_has_its_own_id() -> None:
    envelope = raw("security_hub/minimal")
    envelope["detail"]["findings"] = [asff("minimal"), asff("minimal", Title=None), asff("minimal", Description=None)]
    kinds = [delivery.kind for delivery in deliveries(envelope)]
    ids = {delivery.raw["id"] for delivery in deliveries(envelope) if delivery.kind == "event"}
    assert kinds == ["asff", "event", "event"]
    assert len(ids) == 2
