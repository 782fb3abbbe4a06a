"""A finding small enough for the outbox: at most 30 KB once compressed, whatever a product wrote into it."""

from __future__ import annotations

from dataclasses import replace

from tocsin.findings.model import Finding, Resource

MOST_DESCRIPTION = 4_000
MOST_RESOURCES = 5
MOST_TAGS = 10
MOST_URL = 1_000


def slim(finding: Finding) -> Finding:
    """The finding with only as much of each long part as a message shows.

    The sum of the limits is below 30 KB even before compression, so that a claim never fails for its size.
    """
    return replace(
        finding,
        title=finding.title[:500],
        description=cut(finding.description, MOST_DESCRIPTION),
        remediation=cut(finding.remediation, 1_000) if finding.remediation else None,
        remediation_url=_short(finding.remediation_url),
        source_url=_short(finding.source_url),
        types=tuple(kind[:200] for kind in finding.types[:5]),
        resources=tuple(_slim_resource(resource) for resource in finding.resources[:MOST_RESOURCES]),
        vulnerability_ids=finding.vulnerability_ids[:20],
        actors=finding.actors[:20],
    )


def cut(text: str, most: int) -> str:
    """The text, or its beginning with an ellipsis, at most `most` characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _short(url: str | None) -> str | None:
    """The link, or none: half a link leads nowhere."""
    return url if url is not None and len(url) <= MOST_URL else None


def _slim_resource(resource: Resource) -> Resource:
    tags = sorted(resource.tags.items())[:MOST_TAGS]
    return replace(
        resource,
        id=resource.id[:600],
        name=resource.name[:200] if resource.name else None,
        tags={key[:130]: value[:100] for key, value in tags},
    )
