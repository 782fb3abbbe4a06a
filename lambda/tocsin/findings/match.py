"""The one vocabulary of routes (later: suppressions, blocking, responses): criteria and globs against a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tocsin.findings.model import Finding

if TYPE_CHECKING:
    from tocsin.settings import Match

CRITERIA: dict[str, Callable[[Finding], Iterable[str]]] = {
    "severities": lambda finding: (finding.severity.name,),
    "products": lambda finding: (finding.product,),
    "finding_types": lambda finding: finding.types,
    "control_ids": lambda finding: (finding.control_id or "",),
    "vulnerability_ids": lambda finding: finding.vulnerability_ids,
    "titles": lambda finding: (finding.title,),
    "account_ids": lambda finding: (finding.account_id,),
    "regions": lambda finding: (finding.region,),
    "resource_types": lambda finding: (resource.type for resource in finding.resources),
    "resource_ids": lambda finding: (resource.id for resource in finding.resources),
}


def matches(match: Match, finding: Finding) -> bool:
    """Whether every criterion has a glob that fits one of the finding's values. An empty match fits everything.

    Globs are `*`, `?` and `[...]`, without regard to case. `tag:KEY` compares that tag of any resource.
    Raises KeyError for a criterion that does not exist; the module validates them at plan time.
    """
    return all(_fits(_values(criterion, finding), globs) for criterion, globs in match.items())


def _values(criterion: str, finding: Finding) -> Iterable[str]:
    if criterion.startswith("tag:"):
        key = criterion.removeprefix("tag:")
        return (resource.tags[key] for resource in finding.resources if key in resource.tags)
    return CRITERIA[criterion](finding)


def _fits(values: Iterable[str], globs: Iterable[str]) -> bool:
    lowered = [glob.lower() for glob in globs]
    return any(fnmatchcase(value.lower(), glob) for value in values for glob in lowered)
