"""Options of the whole test run."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the messages below tests/golden anew instead of comparing with them; look at the diff afterwards",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back on all end-to-end tests comes after them."""
    items.sort(key=lambda item: item.path.name == "test_statements.py")


class Scheduling(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """A file is run by one worker, so that its fixtures are made once; so are the end-to-end tests, which share one.

    https://pytest-xdist.readthedocs.io/en/stable/distribution.html
    """

    def _split_scope(self, nodeid: str) -> str:
        return "tests/e2e" if nodeid.startswith("tests/e2e/") else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None
