"""Over all that the tests before did: each role used what it may do, and was refused nothing.

Runs after the other end-to-end tests (tests/conftest.py sees to it), and says something only with all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from tests.e2e.conftest import Installation, stamp
from tests.e2e.events import asff, imported
from tests.e2e.trial import CHANNELS, Trial
from tests.local_aws.records import Permission

UNUSED = {
    ("tell", "arn:aws:ses:eu-west-1:111122223333:configuration-set/*"): "asked for only where a set is in use",
}
"""What no test needs: role and action, or role and resource, with the reason."""


@pytest.fixture(scope="module")
def asked(applied: Installation) -> dict[str, list[Permission]]:
    """What the policies of each role were asked, by the role's name in the output `role_arns`."""
    names = {arn.rsplit("/", 1)[-1]: name for name, arn in applied.watch.outputs["role_arns"].items()}
    found: dict[str, list[Permission]] = {name: [] for name in names.values()}
    for permission in applied.aws.permissions():
        if permission.role in names:
            found[names[permission.role]].append(permission)
    return found


def parts(applied: Installation) -> Iterator[tuple[str, list[str], list[str]]]:
    """Role, actions and resources of each statement."""
    for name, policy in applied.watch.outputs["role_policies"].items():
        for statement in json.loads(policy)["Statement"]:
            yield name, statement["Action"], statement["Resource"]


def test_a_superseded_alert_leaves_the_outbox(tocsin: Installation) -> None:
    """The one thing that the other tests leave undone: a rise while an earlier alert is in flight."""
    trial = Trial(tocsin, "superseded")
    tocsin.aws.fail("stepfunctions", "StartExecution", "ExecutionLimitExceeded", role=tocsin.role("triage"))
    trial.publish(imported(asff("superseded", stamp())))
    trial.rest()
    assert len(trial.waiting()) == 1
    trial.publish(imported(asff("superseded", stamp(1), label="CRITICAL")))
    trial.rest()
    assert trial.messages() == dict.fromkeys(CHANNELS, 1)
    assert trial.waiting() == []
    assert tocsin.watch.ledger()[1] == set()


def test_every_action_and_every_resource_of_every_statement_was_used(
    applied: Installation, asked: dict[str, list[Permission]]
) -> None:
    unused = set[tuple[str, str]]()
    for role, actions, resources in parts(applied):
        pairs = {
            (action, resource)
            for permission in asked[role]
            for action in actions
            for resource in resources
            if permission.allowed and permission.action == action and fnmatchcase(permission.resource, resource)
        }
        unused |= {(role, action) for action in actions if action not in {used for used, _ in pairs}}
        unused |= {(role, resource) for resource in resources if resource not in {used for _, used in pairs}}
    assert unused == set(UNUSED)


def test_no_role_was_refused_anything(asked: dict[str, list[Permission]]) -> None:
    """What a topic's or queue's own policy does not say is no refusal: the role's policy is asked the same."""
    questions = {
        answer: {
            (p.role, p.action, p.resource) for permissions in asked.values() for p in permissions if p.allowed is answer
        }
        for answer in (True, False)
    }
    assert questions[False] <= questions[True]
