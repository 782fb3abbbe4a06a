"""Every value is hostile until it has passed one of these functions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tocsin.findings import fields

NOON = datetime(2025, 6, 3, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2025-06-03T12:00:00Z", NOON),
        ("2025-06-03t12:00:00z", NOON),
        ("2025-06-03T12:00Z", NOON),
        ("2025-06-03T14:00:00+02:00", NOON),
        ("2025-06-03T12:00:00.000+0000", NOON),
        ("2025-06-03 12:00:00.000000000", NOON),
        ("2025-06-03T12:00:00", NOON),
        ("2025-06-03T12:00:00.5Z", NOON.replace(microsecond=500_000)),
        ("2025-06-03T12:00:00.123456789Z", NOON.replace(microsecond=123_456)),
        (" 2025-06-03T12:00:00Z\n", NOON),
        (1748952000, NOON),
        (1748952000.25, NOON.replace(microsecond=250_000)),
        (1748952000123, NOON.replace(microsecond=123_000)),
        ("Jun 3, 2025, 12:00:00 PM", NOON),
        ("Jun 3, 2025, 12:00:00\u202fPM", NOON),
        ("Jun 3, 2025 12:00:00 PM", NOON),
        ("Jun 3, 2025, 12:00:00 AM", NOON.replace(hour=0)),
        ("Nov 14, 2023, 5:02:35 PM", datetime(2023, 11, 14, 17, 2, 35, tzinfo=UTC)),
        ("Tue Jun 03 12:00:00.356 UTC 2025", NOON.replace(microsecond=356_000)),
        ({"__class__": "datetime", "year": 2025, "month": 6, "day": 3, "hour": 12}, NOON),
    ],
)
def test_times_of_every_feed_are_read_as_utc(written: object, read: datetime) -> None:
    moment = fields.moment(written)
    assert moment == read
    assert moment is not None
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "yesterday",
        "2025-13-03T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "Foo 3, 2025, 12:00:00 PM",
        "Jun 31, 2025, 12:00:00 PM",
        "Jun 3, 12:00:00 PM",
        "9" * 5000,
        True,
        0,
        -5,
        float("nan"),
        float("inf"),
        10**400,
        [],
        {},
        {"year": "2025", "month": 6, "day": 3},
        {"year": 2025, "month": 6, "day": 3, "hour": 99},
    ],
)
def test_what_is_no_time_is_none(written: object) -> None:
    assert fields.moment(written) is None


def test_a_line_is_one_line_without_traps() -> None:
    assert fields.line(" a\r\nBcc: b\x1b[2J\x00\u2028c ") == "a Bcc: b [2J c"
    assert fields.line("invoice\u202egnp.exe") == "invoicegnp.exe"
    assert fields.line("\ud800x") == "\ufffdx"
    assert fields.line("Zürich 日本 👍") == "Zürich 日本 👍"


def test_a_line_is_cut_with_an_ellipsis() -> None:
    assert fields.line("x" * 600) == "x" * 511 + "…"
    assert fields.line("x" * 512) == "x" * 512


@pytest.mark.parametrize("value", [None, "", " \n\t", "\u202e", 5, True, [], {}, ["a"]])
def test_what_is_no_text_is_none(value: object) -> None:
    assert fields.line(value) is None
    assert fields.text(value) is None


def test_a_text_keeps_its_line_breaks_only() -> None:
    assert fields.text("a\r\nb\rc\u2029d\te\x07f") == "a\nb\nc\nd e f"
    assert len(fields.text("x" * 10_000) or "") == 8192


def test_lines_are_read_each_once_and_no_more_than_fifty() -> None:
    assert fields.lines(["a", 5, "b", None, "a", ""]) == ("a", "b")
    assert len(fields.lines([str(number) for number in range(200)])) == 50
    assert fields.lines("ab") == ()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "Id is missing"),
        ("", "Id is empty"),
        ("\x00", "Id is empty"),
        (5, "Id is a number, not a text"),
        (1.5, "Id is a number, not a text"),
        (True, "Id is a truth value, not a text"),
        ([], "Id is a list, not a text"),
        ({}, "Id is an object, not a text"),
        ("x" * 2049, "Id has 2049 characters, more than 2048"),
    ],
)
def test_a_required_text_says_what_is_wrong_with_it(value: object, reason: str) -> None:
    with pytest.raises(fields.FieldError, match=f"^{reason}$"):
        fields.required({"Id": value}, "Id")


@pytest.mark.parametrize(("value", "count"), [(0, 0), (7, 7), ("7", 7), (2**53, 2**53)])
def test_a_count_may_be_written_as_text(value: object, count: int) -> None:
    assert fields.whole(value) == count


@pytest.mark.parametrize("value", [-1, 2**53 + 1, 1.0, True, "-1", "1.5", "٣", "9" * 17, "", None, []])
def test_what_is_no_count_is_none(value: object) -> None:
    assert fields.whole(value) is None


@pytest.mark.parametrize(
    "link",
    [
        "https://docs.aws.amazon.com/console/securityhub/IAM.6/remediation",
        "https://eu-west-1.console.aws.amazon.com/guardduty/home?region=eu-west-1#/findings?macros=current&fId=0a",
        "https://example.com:8443",
    ],
)
def test_plain_https_addresses_are_links(link: str) -> None:
    assert fields.url(link) == link


@pytest.mark.parametrize(
    "link",
    [
        "http://example.com/",
        "javascript:alert(1)",
        "https://console.aws.amazon.com@evil.example/",
        'https://example.com/"onmouseover="alert(1)',
        "https://example.com/<script>",
        "https://example.com/a b",
        "https://example.com/\nb",
        "https://example.com/|text",
        "HTTPS:/example.com",
        "https://" + "a" * 3000,
        "https://",
        "",
        None,
        5,
    ],
)
def test_anything_else_is_no_link(link: object) -> None:
    assert fields.url(link) is None


def test_addresses_are_valid_short_and_each_once() -> None:
    written = ["198.51.100.7", "2001:DB8:0:0::1", "2001:db8::1", "198.51.100.7", "198.51.100.700", "evil", None, 5]
    assert fields.addresses(written) == ("198.51.100.7", "2001:db8::1")


@pytest.mark.parametrize("value", ["fe80::1%<script>", "1" * 5000, "", " 198.51.100.7", "198.51.100.7/32", 3325256711])
def test_what_is_no_address_is_none(value: object) -> None:
    assert fields.address(value) is None


def test_an_arn_says_where() -> None:
    assert fields.arn("arn:aws-cn:ec2:cn-north-1:111122223333:instance/i-0abc") == (
        "aws-cn",
        "ec2",
        "cn-north-1",
        "111122223333",
    )
    assert fields.arn("arn:aws:s3:::bucket") == ("aws", "s3", "", "")


@pytest.mark.parametrize(
    "value", ["arn:aws:s3", "urn:aws:s3:::x", "arn:aws:s3:<b>:111122223333:x", "arn:a\nb:s3:::x", None, 5]
)
def test_what_is_no_arn_is_none(value: object) -> None:
    assert fields.arn(value) is None


def test_walking_stops_at_sixteen_levels() -> None:
    deep: dict[str, object] = {}
    for _ in range(5000):
        deep = {"inner": deep}
    assert len(list(fields.walk(deep))) == 16
