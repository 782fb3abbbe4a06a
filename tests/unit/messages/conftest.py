"""Channels to compose for, and the golden files to compare with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tocsin.settings import Channel, Email, Slack, Sns

GOLDEN = Path(__file__).parents[2] / "golden" / "messages"

CHANNELS = {
    "email": Channel("soc_mail", Email("tocsin@example.com", ("soc@example.com", "on-call@example.com"))),
    "slack": Channel(
        "soc_slack",
        Slack("arn:aws:secretsmanager:eu-west-1:111122223333:secret:hook", ("hooks.slack.com",)),
    ),
    "sns": Channel("audit", Sns("arn:aws:sns:eu-west-1:111122223333:audit")),
}


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Mapping[str, str]], None]:
    """Compare what a message writes to disk with the golden files of that name.

    `pytest tests/unit/messages --update-golden` writes them; the diff is then for a person to read.
    """

    def compare(name: str, files: Mapping[str, str]) -> None:
        for extension, content in files.items():
            path = GOLDEN / f"{name}{extension}"
            if request.config.getoption("--update-golden"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8", newline="")
            assert content == path.read_text(encoding="utf-8"), f"{path} differs: see --update-golden"

    return compare
