"""Options of the whole test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the messages below tests/golden anew instead of comparing with them; look at the diff afterwards",
    )


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The end-to-end tests share one installation, so one worker runs them all, and what looks back on them comes last.

    Every other file is a group of its own: its fixtures are made once.
    """
    items.sort(key=lambda item: item.path.name == "test_statements.py")
    for item in items:
        item.add_marker(pytest.mark.xdist_group("e2e" if item.path.parent.name == "e2e" else str(item.path)))
