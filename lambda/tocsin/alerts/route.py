"""Which channels hear of a finding."""

from __future__ import annotations

from tocsin.findings.match import matches
from tocsin.findings.model import Finding
from tocsin.settings import Settings


def channels_for(finding: Finding, settings: Settings) -> tuple[str, ...]:
    """The names of the channels, each once, in the order of the routes.

    The first route that matches decides, unless it says `continue`. Nothing is returned when nobody would hear,
    which the caller must never let pass in silence.
    """
    heard: dict[str, None] = {}
    for route in settings.routes:
        excluded = bool(route.excluded) and matches(route.excluded, finding)
        if matches(route.match, finding) and not excluded:
            heard.update(dict.fromkeys(name for name in route.to if name in settings.channels))
            if not route.go_on:
                break
    return tuple(heard)
