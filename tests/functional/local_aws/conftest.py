"""One local AWS for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.local_aws.kit import Kit
from tests.local_aws import LocalAws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    state_dir = tmp_path_factory.mktemp("local-aws")
    with LocalAws(state_dir=state_dir) as aws:
        yield aws


@pytest.fixture(scope="session")
def session_kit(local_aws: LocalAws) -> Kit:
    return Kit(local_aws)


@pytest.fixture
def kit(session_kit: Kit) -> Iterator[Kit]:
    session_kit.aws.clear_journals()
    yield session_kit
    session_kit.aws.heal()
    session_kit.aws.wait_scale(1.0)
