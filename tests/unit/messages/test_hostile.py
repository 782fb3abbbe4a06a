"""Whoever names a resource or writes a finding adds no element, attribute, link, mention, header or line of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.factories import alert
from tests.unit.messages.conftest import CHANNELS
from tocsin.alerts import channels, email, slack, sns
from tocsin.alerts.alert import Alert
from tocsin.findings.model import Resource

PAYLOADS = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)><a href='https://evil.example'>x</a>",
    "attribute": '" onmouseover="x" style="x" \'>`',
    "template": "{{ 7*7 }}{% include 'x' %}{# x #}{{ config.__class__ }}",
    "link": "https://evil.example/ http://evil.example www.evil.example <https://evil.example|text> [text](https://evil.example)",
    "scheme": "javascript:alert(1) data:text/html,x javascript://x",
    "mention": "<!channel> <!here> <@U012AB3CD> <#C012AB3CD> <!subteam^S012AB3CD> @channel @all `",
    "entity": "&lt;!channel&gt; &amp;lt;script&amp;gt; &#60;b&#62;",
    "formatting": "*bold* _it_ ~no~ ```code``` > quote\n# Heading\n![x](https://evil.example/x.png)",
    "header": "x\r\nBcc: evil@evil.example\r\n\r\n<b>body</b>",
    "line": "x\nAccount:        999999999999\u2028Region: nowhere\x85Finding: x\vAlert: x\fSeverity: LOW",
    "hidden": "\u202egnp.exe\u2066\u200b\u200d\ufeff\x00\x08\x1b[2J\u00ad\U000e0041\ufffe",
    "surrogate": "a\ud800b",
    "json": '", "blocks": [], "x": "\\u003c!channel\\u003e \\',
    "long-word": "A" * 10_000,
    "long": "\"'<&>" * 48_000,
    "wide": "😀" * 60_000,
}

RESOURCE: dict[str, Any] = {
    "type": "AwsEc2Instance",
    "id": "i-0abc",
    "name": "web-1",
    "account_id": "444455556666",
    "region": "eu-west-2",
}
PLAIN_FIELDS = (
    "finding_id",
    "product",
    "product_arn",
    "partition",
    "account_id",
    "region",
    "title",
    "description",
    "control_id",
    "remediation",
    "remediation_url",
    "source_url",
)
FULL: dict[str, Any] = {
    **{field: f"benign {field}" for field in PLAIN_FIELDS},
    "account_id": "111122223333",
    "region": "eu-west-1",
    "partition": "aws",
    "source_url": "https://console.aws.amazon.com/guardduty/home",
    "remediation_url": "https://docs.aws.amazon.com/x",
    "types": ("type",),
    "vulnerability_ids": ("CVE-1",),
    "actors": ("198.51.100.7",),
    "resources": (Resource(**RESOURCE),),
    "sample": True,
}
KNOWN_HOSTS = ("console.aws.amazon.com", "eu-west-1.console.aws.amazon.com", "docs.aws.amazon.com")


def hostile_alerts() -> Iterator[Any]:
    """One alert for each text field and payload, and one with the payload in all fields at once."""
    for name, payload in PAYLOADS.items():
        changes: dict[str, dict[str, Any]] = {
            **{field: {field: payload} for field in PLAIN_FIELDS},
            **{field: {field: (payload,) * 30} for field in ("types", "vulnerability_ids", "actors")},
            **{
                f"resource.{field}": {"resources": (Resource(**{**RESOURCE, field: payload}),) * 30}
                for field in RESOURCE
            },
        }
        everywhere: dict[str, Any] = {}
        for change in changes.values():
            everywhere |= change
        everywhere["resources"] = (Resource(**dict.fromkeys(RESOURCE, payload), tags={payload: payload}),) * 30
        for field, change in {**changes, "everywhere": everywhere}.items():
            yield pytest.param(alert(FULL | change), id=f"{name}-{field}")


HOSTILE = list(hostile_alerts())
BENIGN = [alert(FULL), alert(FULL | {"remediation_url": "https://wiki.example.com/"})]


class Elements(HTMLParser):
    """What a browser would find: the elements with their attributes, and the links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[tuple[str, tuple[tuple[str, str | None], ...]]] = set()
        self.links: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for key, value in attrs if key == "href"]
        self.found.add((tag, tuple(sorted((key, value) for key, value in attrs if key != "href"))))


def compose(kind: str, hostile: Alert) -> Any:
    message = channels.compose(CHANNELS[kind], hostile, "tocsin")
    assert message.failure == ""
    for content in message.files().values():
        content.encode()
    return message


@cache
def ours_in_html() -> set[Any]:
    return set().union(*(Elements(compose("email", benign).html).found for benign in BENIGN))


@cache
def ours_in_slack() -> set[str]:
    return set().union(*(set(shapes(json.loads(compose("slack", benign).payload))) for benign in BENIGN))


def check_text(text: str) -> None:
    """The text part: our lines are ours, nothing hides, nothing becomes a link."""
    assert all(character == "\n" or character.isprintable() or ord(character) > 0x2FFF for character in text)
    assert text.splitlines() == text.removesuffix("\n").split("\n")
    for label in ("Account", "Region", "Finding", "Alert", "Severity"):
        assert len(re.findall(f"^{label}:", text, re.MULTILINE)) <= 1
    for url in re.findall(r"[a-z]+://\S*", text, re.IGNORECASE):
        assert urlsplit(url).scheme == "https"
        assert urlsplit(url).hostname in KNOWN_HOSTS
    assert not re.search(r"\bwww\.", text, re.IGNORECASE)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_mail(hostile: Alert) -> None:
    mail = compose("email", hostile)
    assert isinstance(mail, email.Mail)
    elements = Elements(mail.html)
    assert elements.found <= ours_in_html()
    assert all(urlsplit(link).scheme == "https" and urlsplit(link).hostname in KNOWN_HOSTS for link in elements.links)
    assert len(mail.html.encode()) < 90_000
    check_text(mail.text)

    assert len(mail.subject) <= 200
    assert mail.subject.startswith("[SAMPLE] [HIGH] ")
    request = mail.request()
    headers = request["Content"]["Simple"]["Headers"]
    assert [header["Name"] for header in headers] == ["References", "Auto-Submitted"]
    assert all(re.fullmatch("[ -~]{1,870}", header["Value"]) for header in headers)
    assert request["Destination"] == {"ToAddresses": ["soc@example.com", "on-call@example.com"]}
    assert_one_line(mail.subject)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_sns(hostile: Alert) -> None:
    publication = compose("sns", hostile)
    assert isinstance(publication, sns.Publication)
    check_text(publication.text)
    assert_one_line(publication.subject)
    assert publication.subject.isascii()
    assert len(publication.subject) < 100
    size = sum(len(part.encode()) for pair in publication.attributes.items() for part in pair)
    assert size + len(publication.text.encode()) < 262_144
    assert set(publication.attributes) <= {
        "severity",
        "product",
        "account_id",
        "region",
        "reason",
        "sample",
        "finding_type",
    }
    for value in publication.attributes.values():
        assert value
        assert_one_line(value)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_slack(hostile: Alert) -> None:
    post = compose("slack", hostile)
    assert isinstance(post, slack.Post)
    payload = json.loads(post.payload)
    assert set(shapes(payload)) <= ours_in_slack()
    texts = list(strings(payload))
    for text in texts:
        for inside in re.findall("<[^>]*>?", text):
            url = re.fullmatch(r"<(https://[^|<>]+)\|[A-Za-z' ]+>", inside)
            assert url, inside
            assert urlsplit(url[1]).hostname in KNOWN_HOSTS
        assert ">" not in re.sub("<[^>]*>", "", text)
    check_sizes(payload)
    # Outside of code and blocks only our own words are read as markup.
    for line in payload["text"].splitlines():
        assert re.fullmatch(r"(<[^>]*>|[A-Za-z :.,]|`[^`]*`)*", line), line


def check_sizes(payload: dict[str, Any]) -> None:
    """The limits of https://docs.slack.dev/reference/block-kit/blocks."""
    blocks = payload["blocks"] + payload["attachments"][0]["blocks"]
    assert len(blocks) <= 50
    for block in blocks:
        limit = {"header": 150}.get(block["type"], 3000)
        assert 1 <= units(block.get("text", {"text": "x"})["text"]) <= limit
        assert len(block.get("fields", ())) <= 10
        assert len(block.get("elements", ())) <= 10
        for small in (*block.get("fields", ()), *block.get("elements", ())):
            assert 1 <= units(small["text"]) <= 2000
        for text in (block.get("text", {}), *block.get("fields", ()), *block.get("elements", ())):
            assert text.get("type") != "mrkdwn" or text["verbatim"] is True


def shapes(value: Any, path: str = "") -> Iterator[str]:
    """Every key's path, and the types of blocks and texts."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}.{key}" + (f"={inner}" if key == "type" else "")
            yield from shapes(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from shapes(inner, f"{path}[]")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(inner)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def assert_one_line(text: str) -> None:
    assert text.splitlines() == [text]
    assert all(character.isprintable() for character in text)
