"""Links that a message may carry: https, to hosts we know, built or checked by us. No link rather than a wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from tocsin.findings.model import Feed, Finding

CONSOLE_HOSTS = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
"""The management console of each partition; in front of it, the Region. Other partitions get no link.

https://docs.aws.amazon.com/awsconsolehelpdocs/latest/gsg/what-is.html,
https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html,
https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/getting-started-sign-in.html
"""

_CONSOLES_OF_FINDINGS = (
    "access-analyzer",
    "config",
    "detective",
    "guardduty",
    "inspector",
    "macie",
    "securityhub",
    "systems-manager",
)
"""Consoles that a finding's own link may lead to. Not others: a link that creates a stack is a console link, too."""

_READING = (
    "access.redhat.com/",
    "alas.aws.amazon.com/",
    "avd.aquasec.com/",
    "aws.amazon.com/security/",
    "cve.mitre.org/",
    "docs.amazonaws.cn/",
    "docs.aws.amazon.com/",
    "github.com/advisories/",
    "nvd.nist.gov/",
    "security-tracker.debian.org/",
    "ubuntu.com/security/",
    "www.cve.org/",
)
"""Where a remediation may lead: the documentation of AWS and the public vulnerability databases (host and path)."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+){1,3}-\d{1,2}")
_SAFE_URL = re.compile(r"https://[A-Za-z0-9.-]+/[A-Za-z0-9._~/?#%&=+:;,@!$()*-]*")
_GUARDDUTY_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_ENCODED_EQUALS = "%3D%255Coperator%255C%253AEQUALS%255C%253A"
"""`=\\operator\\:EQUALS\\:` as the Security Hub console writes a filter into its address."""

_LONGEST_URL = 2000


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str


def known(url: str) -> bool:
    """Whether a message may link to this page of documentation or of a vulnerability database."""
    return _safe(url) and any(_leads_to(url, page) for page in _READING)


def remediation(finding: Finding) -> Link | None:
    """The product's own page on how to fix it, where we know its host."""
    url = finding.remediation_url
    return Link("How to fix it", url) if url is not None and known(url) else None


def console(finding: Finding) -> tuple[Link, ...]:
    """Links to the finding in the console of its partition and Region, the feed's first; none where we cannot know.

    The address leads to the finding for somebody who is signed in to its account or to the administrator's.
    """
    found: dict[str, Link] = {}
    for link in (*_of_feed(finding), *_of_product(finding)):
        found.setdefault(link.url, link)
    return tuple(found.values())


def _of_feed(finding: Finding) -> Iterator[Link]:
    """The pages' addresses are those that the consoles show (observed; AWS documents the start pages only)."""
    host, region = CONSOLE_HOSTS.get(finding.partition), finding.region
    if host is None or not _REGION.fullmatch(region) or not finding.finding_id.isprintable():
        return
    start, wanted = f"https://{region}.{host}", quote(finding.finding_id, safe="")
    if len(wanted) > _LONGEST_URL // 2:
        return
    match finding.feed:
        case Feed.SECURITY_HUB:
            path = f"/securityhub/home?region={region}#/findings?search=Id{_ENCODED_EQUALS}{wanted}"
            yield Link("Open in Security Hub", start + path)
        case Feed.SECURITY_HUB_V2:
            path = f"/securityhub/v2/home?region={region}#/findings?search=finding_info.uid{_ENCODED_EQUALS}{wanted}"
            yield Link("Open in Security Hub", start + path)
        case Feed.GUARDDUTY:
            own_id = finding.finding_id.rpartition("/")[2]
            if _GUARDDUTY_ID.fullmatch(own_id):
                path = f"/guardduty/home?region={region}#/findings?macros=current&fId={own_id}"
                yield Link("Open in GuardDuty", start + path)
        case Feed.INSPECTOR:
            # The console has no address for one finding.
            yield Link("Open Inspector's findings", f"{start}/inspector/v2/home?region={region}#/findings/all")


def _of_product(finding: Finding) -> Iterator[Link]:
    """The link that the product put into the finding, if it leads to a console of findings in the same partition."""
    url, host = finding.source_url, CONSOLE_HOSTS.get(finding.partition)
    if url is None or host is None or not _safe(url):
        return
    name = urlsplit(url).hostname or ""
    region = name.removesuffix(host).removesuffix(".")
    at_home = name == host or (name.endswith(f".{host}") and _REGION.fullmatch(region))
    if at_home and urlsplit(url).path.split("/")[1] in _CONSOLES_OF_FINDINGS:
        yield Link("Open at its source", url)


def _safe(url: str) -> bool:
    """https, a plain host without user or port, and no character that ends an address in HTML, a chat or a header."""
    return len(url) <= _LONGEST_URL and _SAFE_URL.fullmatch(url) is not None


def _leads_to(url: str, page: str) -> bool:
    host, _, path = page.partition("/")
    parts = urlsplit(url)
    # "/advisories/../somebody" would lead out again, also when written with %2e.
    return parts.hostname == host and parts.path.startswith(f"/{path}") and ".." not in unquote(parts.path)
