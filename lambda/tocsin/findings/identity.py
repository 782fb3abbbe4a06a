"""Which problem a finding is about, and which copy of it this is."""

from __future__ import annotations

import hashlib

from tocsin.findings.model import Finding


def problem_key(finding: Finding) -> str:
    """32 hex digits that name the problem, the same over every feed, account copy and standard.

    A control is one problem per resource, however many standards report it, and in whatever order they name several.
    A finding whose id is an ARN is itself, wherever it is read. Any other id means something only within its product:
    two products may both send "1".
    """
    subject: tuple[str, ...]
    if finding.control_id and finding.resources:
        subject = ("control", finding.control_id, min(resource.id for resource in finding.resources))
    elif finding.finding_id.startswith("arn:"):
        subject = ("arn", finding.finding_id)
    else:
        subject = ("id", finding.product_arn, finding.finding_id)
    return _digest("1", finding.partition, finding.account_id, finding.region, *subject)[:32]


def copy_id(finding: Finding) -> str:
    """A short name for this feed's finding among the copies of its problem.

    It begins with `s` where the feed carries the workflow (Security Hub) and with `n` for a native feed.
    """
    origin = "s" if finding.feed.authoritative else "n"
    return origin + _digest(finding.feed, finding.product_arn, finding.finding_id)[:8]


def _digest(*parts: str) -> str:
    """SHA-256 over length-prefixed parts, so that no two lists of parts read the same."""
    encoded = [part.encode() for part in parts]
    return hashlib.sha256(b"".join([b"%d:%b" % (len(part), part) for part in encoded])).hexdigest()
