"""The ledger's conditions on a DynamoDB that evaluates them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.alerts import NOW, event, settings, sighting
from tests.functional.alerts.conftest import TABLE, World
from tocsin.alerts import sweep as sweeping
from tocsin.alerts.alert import Reason
from tocsin.alerts.channels import Clients
from tocsin.alerts.decide import Sighting
from tocsin.alerts.errand import Errand, Outcome
from tocsin.alerts.ledger import RESERVED_MS, Conflict
from tocsin.alerts.outbox import finish
from tocsin.alerts.problem import DEAD, DROPPED, Problem
from tocsin.alerts.settle import settle
from tocsin.alerts.sweep import GIVE_UP_MS, MOST_TRIES, notify, sweep
from tocsin.alerts.tell import APPLYING_MS, tell
from tocsin.alerts.triage import decide_and_record
from tocsin.findings.model import Severity


def claim(world: World, seen: Sighting | None = None) -> Problem:
    _, problem = decide_and_record(seen or sighting(), world.desk())
    assert problem is not None
    return problem


def sent(world: World, problem: Problem, *names: str) -> None:
    """Tell and settle the named channels, or all."""
    assert problem.alert_id is not None
    for name in names or tuple(problem.ch):
        errand = Errand(problem.key, problem.alert_id, problem.attempt, name)
        assert world.ledger.reserve(problem.key, problem.alert_id, problem.attempt, name)[0] == "RESERVED"
        settle(errand, Outcome("SENT", message_id=f"{name}-1"), world.ledger, settings())


def outbox(world: World) -> list[str]:
    return [row.alert_id for row in world.ledger.outbox()]


class Journal:
    """Counts what a piece of code asks of DynamoDB, by operation."""

    def __init__(self, client: Any) -> None:
        self.operations: list[str] = []
        client.meta.events.register("before-call.dynamodb.*", self._note)

    def _note(self, model: Any, **_: Any) -> None:
        self.operations.append(model.name)


def item_bytes(item: dict[str, Any]) -> int:
    """An item's size as DynamoDB bills it, in bytes.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """

    def size(value: dict[str, Any]) -> int:
        ((kind, inner),) = value.items()
        if kind == "S":
            return len(inner.encode())
        if kind == "N":
            return len(inner.lstrip("-").rstrip("0")) // 2 + 2
        if kind in ("BOOL", "NULL"):
            return 1
        if kind == "SS":
            return sum(len(text.encode()) for text in inner)
        if kind == "M":
            return 3 + sum(1 + len(name.encode()) + size(nested) for name, nested in inner.items())
        if kind == "L":
            return 3 + sum(1 + size(nested) for nested in inner)
        raise AssertionError(kind)

    return sum(len(name.encode()) + size(value) for name, value in item.items())


def test_a_repeat_costs_one_write_of_one_unit_and_no_execution(world: World) -> None:
    problem = claim(world)
    sent(world, problem)
    world.started.clear()
    journal = Journal(world.client)
    decision, _ = decide_and_record(sighting("e2", at_seconds=60), world.desk())
    assert decision.reason is Reason.REPEAT
    assert journal.operations == ["UpdateItem"]
    assert world.started == []
    item = world.client.get_item(TableName=TABLE, Key={"pk": {"S": f"P#{problem.key}"}, "sk": {"S": "P"}})["Item"]
    assert item_bytes(item) <= 1024, "one write unit is one kilobyte"
    assert item["seen"] == {"N": "2"}


def test_a_repeat_needs_a_newer_stamp_a_known_actor_and_a_told_rank(world: World) -> None:
    first = sighting(actors=("198.51.100.7",))
    sent(world, claim(world, first))
    week = 7 * 86_400_000

    def repeats(seen: Sighting) -> bool:
        return world.ledger.repeat(seen, week)[0]

    assert not repeats(sighting("e2", at_seconds=0, actors=("198.51.100.7",))), "equal stamp"
    assert not repeats(sighting("e2", at_seconds=9, actors=("198.51.100.8",))), "new actor"
    assert not repeats(sighting("e2", at_seconds=9, actors=("198.51.100.7",), severity=Severity.CRITICAL)), "rise"
    assert not repeats(sighting("e2", at_seconds=9, account_id="444455556666")), "another problem"
    assert repeats(sighting("e2", at_seconds=9, actors=("198.51.100.7",)))
    world.later(days=7)
    assert not repeats(sighting("e3", at_seconds=19, actors=("198.51.100.7",))), "the window is over"


def test_two_claims_of_one_problem_leave_one(world: World) -> None:
    one, other = sighting("e1"), sighting("e2", at_seconds=1)
    decision, problem = decide_and_record(one, world.desk())
    assert problem is not None
    with pytest.raises(Conflict):
        world.ledger.claim(None, other, decision)
    assert outbox(world) == [problem.alert_id]


def test_a_race_that_others_win_five_times_fails_the_message_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(world)

    def lost(*_: Any) -> None:
        raise Conflict

    monkeypatch.setattr(world.ledger, "store", lost)
    with pytest.raises(Conflict, match="5 times"):
        decide_and_record(sighting("e2", at_seconds=60), world.desk())


def test_a_rise_supersedes_the_alert_in_flight(world: World) -> None:
    first = claim(world)
    assert first.alert_id is not None
    world.later(seconds=1)
    second = claim(world, sighting("e2", at_seconds=1, severity=Severity.CRITICAL))
    assert outbox(world) == [second.alert_id]
    assert world.ledger.reserve(first.key, first.alert_id, 1, "mail")[0] == "SUPERSEDED"
    alert = world.ledger.alert(second.key, str(second.alert_id))
    assert alert is not None
    assert (alert.reason, alert.from_severity) == (Reason.SEVERITY_UP, Severity.HIGH)
    sent(world, second)
    assert outbox(world) == []


def test_a_reservation_holds_until_it_lapses(world: World) -> None:
    problem = claim(world)
    errand = (problem.key, str(problem.alert_id), 1, "mail")
    assert world.ledger.reserve(*errand) == ("RESERVED", 1)
    assert world.ledger.reserve(*errand)[0] == "BUSY"
    world.now += RESERVED_MS + 1
    assert world.ledger.reserve(*errand) == ("RESERVED", 2)


def test_settling_twice_records_once(world: World) -> None:
    problem = claim(world)
    key, alert_id = problem.key, str(problem.alert_id)
    assert world.ledger.settle(key, alert_id, "mail", "m1") is not None
    assert world.ledger.settle(key, alert_id, "mail", "m2") is None
    assert world.problem(key).ch["mail"].msg == "m1"


def test_the_window_counts_from_the_first_channel_told(world: World) -> None:
    problem = claim(world)
    sent(world, problem, "mail")
    world.later(seconds=600)
    sent(world, problem, "audit")
    assert world.problem(problem.key).told_at == NOW
    assert world.problem(problem.key).heard == {"mail", "audit"}


def test_a_failed_channel_waits_longer_each_time_and_leaves_the_others_alone(world: World) -> None:
    problem = claim(world)
    sent(world, problem, "mail", "audit")
    errand = Errand(problem.key, str(problem.alert_id), 1, "slack")
    world.ledger.reserve(problem.key, errand.alert_id, 1, "slack")
    settle(errand, Outcome("FAILED", why="500", tries=1), world.ledger, settings())
    assert sweep(world.ledger, settings(), world.started.append) == 0, "not due for a minute"
    world.later(seconds=67)
    assert sweep(world.ledger, settings(), world.started.append) == 1
    assert world.started[-1].attempt == 2
    assert world.started[-1].untold == ("slack",)
    assert world.ledger.reserve(problem.key, errand.alert_id, 1, "slack")[0] == "SUPERSEDED", "the old attempt is over"
    assert world.ledger.reserve(problem.key, errand.alert_id, 2, "slack") == ("RESERVED", 2)
    assert world.ledger.reserve(problem.key, errand.alert_id, 2, "mail")[0] == "DONE"


def test_a_channel_that_asks_to_wait_has_not_failed(world: World) -> None:
    problem = claim(world)
    errand = Errand(problem.key, str(problem.alert_id), 1, "slack")
    world.ledger.reserve(problem.key, errand.alert_id, 1, "slack")
    settle(errand, Outcome("DEFERRED", why="429", tries=1, wait_seconds=30), world.ledger, settings())
    assert world.problem(problem.key).ch["slack"].tries == 0
    assert world.ledger.failing() == []
    assert world.ledger.reserve(problem.key, errand.alert_id, 1, "slack")[0] == "LATER"
    world.later(seconds=34)
    assert world.ledger.reserve(problem.key, errand.alert_id, 1, "slack")[0] == "RESERVED"


def test_a_late_release_does_not_free_the_reservation_of_the_next_attempt(world: World) -> None:
    problem = claim(world)
    key, alert_id = problem.key, str(problem.alert_id)
    world.ledger.reserve(key, alert_id, 1, "slack")
    world.later(seconds=400)
    sweep(world.ledger, settings(), world.started.append)
    assert world.ledger.reserve(key, alert_id, 2, "slack")[0] == "RESERVED"
    world.ledger.release(key, alert_id, 1, "slack", why="500", wait_ms=0, counted=True)
    assert world.ledger.reserve(key, alert_id, 2, "slack")[0] == "BUSY"


def test_the_sweeper_starts_what_was_never_started(world: World) -> None:
    problem = claim(world)
    assert sweep(world.ledger, settings(), world.started.append) == 0, "the first attempt still has its lease"
    world.later(seconds=301)
    assert sweep(world.ledger, settings(), world.started.append) == 1
    assert world.started[-1].alert_id == problem.alert_id


def test_the_sweeper_finishes_what_was_told_but_not_taken_out(world: World) -> None:
    problem = claim(world)
    for name in problem.ch:
        world.ledger.settle(problem.key, str(problem.alert_id), name, "m")
    assert outbox(world)
    sweep(world.ledger, settings(), world.started.append)
    assert outbox(world) == []


@pytest.mark.parametrize("how", ["tries", "hours"])
def test_a_channel_is_given_up_after_twenty_tries_or_three_days(world: World, how: str) -> None:
    problem = claim(world)
    sent(world, problem, "mail", "audit")
    for attempt in range(1, MOST_TRIES + 1 if how == "tries" else 2):
        world.ledger.reserve(problem.key, str(problem.alert_id), 1, "slack")
        world.ledger.release(
            problem.key, str(problem.alert_id), 1, "slack", why=f"404 no_team {attempt}", wait_ms=0, counted=True
        )
    if how == "hours":
        world.now += GIVE_UP_MS
    sweep(world.ledger, settings(), world.started.append)
    assert world.problem(problem.key).ch["slack"].st == DEAD
    assert outbox(world) == []
    assert [(row.channel, row.dead) for row in world.ledger.failing()] == [("slack", 1)]


def test_a_channel_no_longer_configured_is_dropped_and_routed_once_more_if_nobody_was_told(world: World) -> None:
    only_slack = settings(channels={"slack": settings().channels["slack"]})
    _, problem = decide_and_record(sighting(), world.desk(only_slack))
    assert problem is not None
    key, alert_id = problem.key, str(problem.alert_id)
    only_mail = settings(channels={"mail": settings().channels["mail"]})
    settle(Errand(key, alert_id, 1, "slack"), Outcome("DROPPED", why="gone"), world.ledger, only_mail)
    rerouted = world.problem(key)
    assert rerouted.ch["slack"].st == DROPPED
    assert rerouted.untold == ("mail",)
    world.later(seconds=1)
    assert sweep(world.ledger, only_mail, world.started.append) == 1
    ended = world.ledger.end(key, alert_id, "mail", DROPPED, "gone")
    assert ended is not None
    finish(ended, world.ledger, settings())
    assert outbox(world) == [], "only once"


class Topic:
    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []

    def publish(self, **message: str) -> None:
        self.sent.append(message)


def test_failures_are_noticed_once_per_channel_and_hour_with_a_count(world: World) -> None:
    topic: Any = Topic()

    def notice() -> int:
        notify(world.ledger, topic, "arn:aws:sns:eu-west-1:111122223333:trouble", "tocsin")
        return len(topic.sent)

    for number in range(3):
        world.ledger.note_failure("slack", f"a-{number}", "500 server error", dead=False)
    assert (notice(), notice()) == (1, 1)
    assert "failed 3 times" in topic.sent[0]["Message"]
    world.ledger.note_failure("slack", "a-4", "500 server error", dead=True)
    world.ledger.note_failure("mail", "a-4", "throttled", dead=False)
    assert notice() == 2, "the other channel is noticed, this one waits for its hour"
    world.later(seconds=3_601)
    assert notice() == 3
    assert "failed once" in topic.sent[2]["Message"]
    assert "1 of them were given up" in topic.sent[2]["Message"]


def test_the_finding_survives_the_outbox(world: World) -> None:
    _, finding = event(description="d" * 100_000, severity=Severity.CRITICAL)
    problem = claim(world, sighting(description="d" * 100_000, severity=Severity.CRITICAL))
    alert = world.ledger.alert(problem.key, str(problem.alert_id))
    assert alert is not None
    assert alert.finding.finding_id == finding.finding_id
    assert alert.finding.updated_at == finding.updated_at
    assert len(alert.finding.description) == 4_000


def test_rows_that_wait_for_a_channel_do_not_keep_the_sweeper_from_those_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "MOST_STARTS", 2)
    for number in range(3):
        problem = claim(world, sighting(finding_id=f"arn:aws:guardduty:{number}", severity=Severity.CRITICAL))
        world.ledger.reserve(problem.key, str(problem.alert_id), 1, "slack")
        world.ledger.release(
            problem.key, str(problem.alert_id), 1, "slack", why="500", wait_ms=6 * 3_600_000, counted=True
        )
        sent(world, problem, "mail", "audit")
    others = [claim(world, sighting(finding_id=f"arn:aws:guardduty:{number}")) for number in range(3, 6)]
    world.later(seconds=301)
    assert sweep(world.ledger, settings(), world.started.append) == 2, "no more than this at once"
    assert sweep(world.ledger, settings(), world.started.append) == 1
    assert {problem.key for problem in world.started if problem.attempt == 2} == {problem.key for problem in others}


def test_more_than_a_hundred_records_are_read_in_batches(world: World) -> None:
    keys = [claim(world, sighting(finding_id=f"arn:aws:guardduty:{number}")).key for number in range(103)]
    assert set(world.ledger.read_all(keys)) == set(keys)
    assert world.ledger.read_all([]) == {}


def test_time_outs_for_two_days_do_not_use_up_the_tries(world: World) -> None:
    problem = claim(world)
    sent(world, problem, "mail", "audit")
    begun, attempts = world.now, [problem]
    while world.now - begun < 48 * 3_600_000:
        for attempt in attempts:
            errand = Errand(problem.key, str(problem.alert_id), attempt.attempt, "slack")
            if world.ledger.reserve(errand.key, errand.alert_id, errand.attempt, "slack")[0] == "RESERVED":
                settle(errand, Outcome("UNKNOWN", why="no answer in 10 seconds"), world.ledger, settings())
        attempts = []
        world.later(seconds=3_600)
        sweep(world.ledger, settings(), attempts.append)
    assert world.problem(problem.key).ch["slack"].untold


def test_a_young_row_without_its_record_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper may read one half of a claim that is being committed."""
    problem = claim(world)
    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "read_all", lambda keys: {})
        sweep(world.ledger, settings(), world.started.append)
    assert outbox(world) == [problem.alert_id]


def test_a_row_that_was_superseded_goes_once_it_is_old(world: World) -> None:
    first = claim(world)
    row = world.client.get_item(TableName=TABLE, Key={"pk": {"S": f"DUE#{first.key[0]}"}, "sk": {"S": first.alert_id}})
    world.later(seconds=1)
    second = claim(world, sighting("e2", at_seconds=1, severity=Severity.CRITICAL))
    world.client.put_item(TableName=TABLE, Item=row["Item"])
    world.later(seconds=400)
    sweep(world.ledger, settings(), world.started.append)
    assert outbox(world) == [second.alert_id]


def test_one_alert_that_cannot_be_swept_does_not_keep_the_others_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = claim(world, sighting(severity=Severity.CRITICAL, finding_id="arn:aws:guardduty:bad"))
    good = claim(world, sighting(finding_id="arn:aws:guardduty:good"))
    real = world.ledger.next_attempt

    def refuse(problem: Problem) -> Problem | None:
        if problem.key == bad.key:
            raise RuntimeError("refused")
        return real(problem)

    monkeypatch.setattr(world.ledger, "next_attempt", refuse)
    world.later(seconds=400)
    assert sweep(world.ledger, settings(), world.started.append) == 1
    assert world.started[-1].key == good.key


def test_what_a_newer_version_wrote_can_still_be_read(world: World) -> None:
    problem = claim(world)
    item = problem.to_item()
    item["later"] = {"S": "x"}
    for nested in (*item["src"]["M"].values(), *item["ch"]["M"].values()):
        nested["M"]["later"] = {"S": "x"}
    assert Problem.from_item(item) == problem


def test_a_channel_that_is_not_configured_yet_is_not_dropped(world: World) -> None:
    """While the module is applied, triage may know a channel that tell does not know yet."""
    problem = claim(world)
    errand = Errand(problem.key, str(problem.alert_id), 1, "audit")
    older = settings(channels={"mail": settings().channels["mail"]})
    assert tell(errand, world.ledger, older, Clients()).outcome == "LATER"
    world.now += APPLYING_MS
    assert tell(errand, world.ledger, older, Clients()).outcome == "DROPPED"


def test_a_problem_that_came_back_unheard_is_no_repeat(world: World) -> None:
    sent(world, claim(world))
    decide_and_record(sighting("e2", at_seconds=1, closed_by="RESOLVED"), world.desk())
    decide_and_record(sighting("e3", at_seconds=2, severity=Severity.MEDIUM), world.desk())
    decision, _ = decide_and_record(sighting("e4", at_seconds=3), world.desk())
    assert decision.reason is Reason.REOPENED
