"""Which links a message carries: right ones or none."""

from __future__ import annotations

import pytest

from tests.factories import finding
from tocsin.alerts import links
from tocsin.findings.model import Feed

ID = "arn%3Aaws%3Aguardduty%3Aeu-west-1%3A111122223333%3Adetector%2Fd0%2Ffinding%2Ff0"
SEARCH = "%3D%255Coperator%255C%253AEQUALS%255C%253A" + ID


@pytest.mark.parametrize(
    ("feed", "path"),
    [
        (Feed.SECURITY_HUB, f"/securityhub/home?region=eu-west-1#/findings?search=Id{SEARCH}"),
        (Feed.SECURITY_HUB_V2, f"/securityhub/v2/home?region=eu-west-1#/findings?search=finding_info.uid{SEARCH}"),
        (Feed.GUARDDUTY, "/guardduty/home?region=eu-west-1#/findings?macros=current&fId=f0"),
        (Feed.INSPECTOR, "/inspector/v2/home?region=eu-west-1#/findings/all"),
    ],
)
def test_console_link_of_each_feed(feed: Feed, path: str) -> None:
    (link,) = links.console(finding(feed=feed))
    assert link.url == f"https://eu-west-1.console.aws.amazon.com{path}"


@pytest.mark.parametrize(
    ("partition", "region", "start"),
    [
        ("aws", "il-central-1", "https://il-central-1.console.aws.amazon.com/"),
        ("aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
        ("aws-cn", "cn-northwest-1", "https://cn-northwest-1.console.amazonaws.cn/"),
    ],
)
def test_console_link_of_each_partition(partition: str, region: str, start: str) -> None:
    (link,) = links.console(finding(partition=partition, region=region))
    assert link.url.startswith(f"{start}securityhub/home?region={region}#")


@pytest.mark.parametrize(
    "changes",
    [
        {"partition": "aws-iso"},
        {"partition": ""},
        {"region": "global"},
        {"region": ""},
        {"region": "evil.example/eu-west-1"},
        {"region": "eu-west-1\n"},
        {"feed": Feed.GUARDDUTY, "finding_id": "not an id"},
        {"finding_id": "x" * 5000},
    ],
)
def test_no_console_link_rather_than_a_wrong_one(changes: dict[str, str]) -> None:
    assert links.console(finding(**changes)) == ()


def test_link_of_the_product_is_kept_where_it_leads_to_a_console_of_findings() -> None:
    url = "https://us-west-2.console.aws.amazon.com/access-analyzer/home?region=us-west-2#/findings/details/d0"
    assert links.Link("Open at its source", url) in links.console(finding(source_url=url))


def test_the_same_link_is_there_once() -> None:
    (link,) = links.console(finding(feed=Feed.GUARDDUTY))
    assert links.console(finding(feed=Feed.GUARDDUTY, source_url=link.url)) == (link,)


@pytest.mark.parametrize(
    "url",
    [
        "http://console.aws.amazon.com/guardduty/home",
        "https://console.aws.amazon.com.evil.example/guardduty/home",
        "https://evil.example/guardduty/home",
        "https://console.aws.amazon.com@evil.example/guardduty/home",
        "https://console.aws.amazon.com:8443/guardduty/home",
        "https://evil.console.aws.amazon.com/guardduty/home",
        "https://console.amazonaws.cn/guardduty/home",  # another partition
        "https://console.aws.amazon.com/cloudformation/home#/stacks/create/review?templateURL=https://evil.example/t",
        'https://console.aws.amazon.com/guardduty/home"onclick="x',
        "https://console.aws.amazon.com/guardduty/home|text>",
        "https://console.aws.amazon.com/guardduty/home\nBcc: x",
        "https://console.aws.amazon.com\\@evil.example/guardduty/home",
        "javascript:alert(1)//console.aws.amazon.com/guardduty/",
        "https://console.aws.amazon.com/guardduty/" + "x" * 3000,
        "https://[::1/guardduty",
        "",
    ],
)
def test_other_links_of_the_product_are_dropped(url: str) -> None:
    assert [link.label for link in links.console(finding(source_url=url))] == ["Open in Security Hub"]


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.aws.amazon.com/console/securityhub/S3.8/remediation",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/x.html#securityhub-standards-checks-2.2",
        "https://nvd.nist.gov/vuln/detail/CVE-2021-44228",
        "https://github.com/advisories/GHSA-jfh8-c2jp-5v3q",
    ],
)
def test_remediation_leads_to_documentation(url: str) -> None:
    assert links.remediation(finding(remediation_url=url)) == links.Link("How to fix it", url)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "http://docs.aws.amazon.com/x",
        "https://docs.aws.amazon.com.evil.example/x",
        "https://docs.aws.amazon.com",
        "https://github.com/somebody/advisories/",
        "https://github.com/advisories/../somebody/evil",
        "https://github.com/advisories/%2E%2e/somebody/evil",
        "https://console.aws.amazon.com/guardduty/home",
        "https://docs.aws.amazon.com/<script>",
    ],
)
def test_remediation_leads_nowhere_else(url: str | None) -> None:
    assert links.remediation(finding(remediation_url=url)) is None
