"""Routes: the first match decides, unless it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.alerts import settings
from tests.factories import finding
from tocsin.alerts.route import channels_for
from tocsin.findings.model import Severity
from tocsin.settings import Route


def route(*to: str, match: Any = None, excluded: Any = None, go_on: bool = False) -> Route:
    return Route(to, match or {}, excluded or {}, go_on)


@pytest.mark.parametrize(
    ("routes", "heard"),
    [
        ([route("mail"), route("slack")], ("mail",)),
        ([route("mail", go_on=True), route("slack")], ("mail", "slack")),
        ([route("mail", match={"severities": ("CRITICAL",)}), route("slack")], ("slack",)),
        ([route("mail", excluded={"products": ("GuardDuty",)}), route("slack")], ("slack",)),
        ([route("mail", excluded={"products": ("Inspector",)}), route("slack")], ("mail",)),
        ([route("mail", go_on=True), route("mail", "audit")], ("mail", "audit")),
        ([route("gone", go_on=True), route("audit")], ("audit",)),
        ([route("mail", match={"severities": ("LOW",)})], ()),
        ([], ()),
    ],
)
def test_which_channels_hear(routes: list[Route], heard: tuple[str, ...]) -> None:
    assert channels_for(finding(severity=Severity.HIGH), settings(routes=tuple(routes))) == heard
