"""The ledger's conditions on a DynamoDB that evaluates them."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.alerts import NOW, event, settings, sighting
from tests.functional.alerts.conftest import TABLE, World
from tests.functional.alerts.table import Table
from tocsin.alerts import machine
from tocsin.alerts import sweep as sweeping
from tocsin.alerts.alert import Reason
from tocsin.alerts.channels import Clients
from tocsin.alerts.decide import MOST_ACTORS, Decision, Sighting
from tocsin.alerts.errand import Errand, Outcome
from tocsin.alerts.ledger import RESERVED_MS, Conflict, Ledger
from tocsin.alerts.problem import DEAD, DROPPED, Problem
from tocsin.alerts.settle import settle
from tocsin.alerts.sweep import GIVE_UP_MS, MOST_TRIES, notify, sweep
from tocsin.alerts.tell import APPLYING_MS, tell
from tocsin.alerts.triage import decide_and_record
from tocsin.findings.model import Severity
from tocsin.settings import Route, Settings


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
        settle(errand, Outcome("SENT", message_id=f"{name}-1"), world.ledger)


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


def test_a_repeat_about_fifty_actors_is_one_write_of_one_unit_too(world: World) -> None:
    many = tuple(f"2001:db8:85a3:8d3:1319:8a2e:370:{number:04x}" for number in range(MOST_ACTORS))
    problem = claim(world, sighting(actors=many))
    sent(world, problem)
    decision, _ = decide_and_record(sighting("e2", at_seconds=60, actors=many), world.desk())
    assert decision.reason is Reason.REPEAT
    item = world.client.get_item(TableName=TABLE, Key={"pk": {"S": f"P#{problem.key}"}, "sk": {"S": "P"}})["Item"]
    assert item_bytes(item) <= 1024


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
    settle(errand, Outcome("FAILED", why="500", tries=1), world.ledger)
    assert sweep(world.ledger, world.started.append) == 0, "not due for a minute"
    world.later(seconds=67)
    assert sweep(world.ledger, world.started.append) == 1
    assert world.started[-1].attempt == 2
    assert world.started[-1].untold == ("slack",)
    assert world.ledger.reserve(problem.key, errand.alert_id, 1, "slack")[0] == "SUPERSEDED", "the old attempt is over"
    assert world.ledger.reserve(problem.key, errand.alert_id, 2, "slack") == ("RESERVED", 2)
    assert world.ledger.reserve(problem.key, errand.alert_id, 2, "mail")[0] == "DONE"


def test_a_channel_that_asks_to_wait_has_not_failed(world: World) -> None:
    problem = claim(world)
    errand = Errand(problem.key, str(problem.alert_id), 1, "slack")
    world.ledger.reserve(problem.key, errand.alert_id, 1, "slack")
    settle(errand, Outcome("DEFERRED", why="429", tries=1, wait_seconds=30), world.ledger)
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
    sweep(world.ledger, world.started.append)
    assert world.ledger.reserve(key, alert_id, 2, "slack")[0] == "RESERVED"
    world.ledger.release(key, alert_id, 1, "slack", why="500", wait_ms=0, counted=True)
    assert world.ledger.reserve(key, alert_id, 2, "slack")[0] == "BUSY"


def test_the_sweeper_starts_what_was_never_started(world: World) -> None:
    problem = claim(world)
    assert sweep(world.ledger, world.started.append) == 0, "the first attempt still has its lease"
    world.later(seconds=301)
    assert sweep(world.ledger, world.started.append) == 1
    assert world.started[-1].alert_id == problem.alert_id


def test_an_attempt_that_did_not_start_leaves_its_place_to_the_next_sweep(world: World) -> None:
    gone = "arn:aws:states:eu-west-1:123456789012:stateMachine:gone"
    machine.start(boto3.client("stepfunctions"), gone, world.ledger, claim(world))
    assert sweep(world.ledger, world.started.append) == 1, "without waiting for the lease"
    assert world.started[-1].attempt == 2


def test_the_sweeper_finishes_what_was_told_but_not_taken_out(world: World) -> None:
    problem = claim(world)
    for name in problem.ch:
        world.ledger.settle(problem.key, str(problem.alert_id), name, "m")
    assert outbox(world)
    sweep(world.ledger, world.started.append)
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
    sweep(world.ledger, world.started.append)
    assert world.problem(problem.key).ch["slack"].st == DEAD
    assert outbox(world) == []
    assert [(row.channel, row.dead) for row in world.ledger.failing()] == [("slack", 1)]


def estate(*names: str) -> Settings:
    """Settings with these channels alone, and a route to each."""
    routes = (Route(names, {}, {}, False),)
    return settings(channels={name: settings().channels[name] for name in names}, routes=routes)


def test_what_takes_the_place_of_a_channel_no_longer_configured_is_told_instead(world: World) -> None:
    _, problem = decide_and_record(sighting(), world.desk(estate("mail", "slack")))
    assert problem is not None
    sent(world, problem, "mail")
    errand = Errand(problem.key, str(problem.alert_id), 1, "slack")
    world.now += APPLYING_MS
    outcome = tell(errand, world.ledger, estate("audit", "mail"), Clients())
    assert (outcome.outcome, outcome.instead) == ("DROPPED", ("audit", "mail"))
    settle(errand, outcome, world.ledger)
    after = world.problem(problem.key)
    assert after.ch["slack"].st == DROPPED
    assert after.untold == ("audit",), "and mail, which was told, is not told again"
    assert sweep(world.ledger, world.started.append) == 1, "at once, without waiting for the lease"
    sent(world, world.started[-1], "audit")
    assert outbox(world) == []


def test_a_dropped_channel_with_nothing_in_its_place_ends_the_alert_aloud(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    _, problem = decide_and_record(sighting(), world.desk(estate("slack")))
    assert problem is not None
    errand = Errand(problem.key, str(problem.alert_id), 1, "slack")
    settle(errand, Outcome("DROPPED", why="gone", instead=["slack"]), world.ledger)
    assert outbox(world) == []
    assert "nobody is left to tell" in caplog.text


def test_a_row_never_goes_while_a_dropped_channel_is_being_replaced(world: World) -> None:
    """Two look at the same record with older and newer settings: neither may think that everything is done."""
    _, problem = decide_and_record(sighting(), world.desk(estate("slack")))
    assert problem is not None
    world.ledger.end(problem.key, str(problem.alert_id), "slack", DROPPED, "gone", instead=["mail"])
    sweep(world.ledger, world.started.append)
    assert outbox(world) == [problem.alert_id]


def test_what_an_alert_in_flight_had_to_say_is_told_by_the_one_that_supersedes_it(world: World) -> None:
    claim(world, sighting(severity=Severity.CRITICAL, actors=("198.51.100.7",)))
    world.later(seconds=1)
    second = claim(world, sighting("e2", at_seconds=1, actors=("203.0.113.9",)))
    alert = world.ledger.alert(second.key, str(second.alert_id))
    assert alert is not None
    assert alert.finding.severity is Severity.CRITICAL
    assert alert.finding.actors == ("203.0.113.9", "198.51.100.7")


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
    assert sweep(world.ledger, world.started.append) == 2, "no more than this at once"
    assert sweep(world.ledger, world.started.append) == 1
    assert {problem.key for problem in world.started if problem.attempt == 2} == {problem.key for problem in others}


def test_more_than_a_hundred_records_are_read_in_batches() -> None:
    client: Any = Table(TABLE)  # which refuses a batch of more, as DynamoDB does
    ledger = Ledger(client, TABLE, lambda: NOW)
    seen = [sighting(finding_id=f"arn:aws:guardduty:{number}") for number in range(103)]
    for each in seen:
        ledger.store(None, each, Decision(Reason.OBSERVED))
    problems = ledger.read_all(each.key for each in seen)
    assert [problem.key for problem in problems.values() if problem] == [each.key for each in seen]
    assert ledger.read_all([]) == {}


@pytest.mark.parametrize(("reads", "answered", "pauses"), [(1, 3, 2), (0, 0, 5)])
def test_what_a_batch_leaves_over_is_asked_for_again_with_pauses_and_not_for_ever(
    reads: int, answered: int, pauses: int
) -> None:
    slept: list[float] = []
    client: Any = Table(TABLE, batch_items=reads)
    found = Ledger(client, TABLE, lambda: NOW, slept.append).read_all(["0", "1", "2"])
    assert list(found.values()) == [None] * answered, "None where there is no record, no entry where none was read"
    assert len(slept) == pauses


def test_a_record_that_was_not_read_keeps_its_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = claim(world)
    world.later(seconds=400)
    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "read_all", lambda keys: {})
        sweep(world.ledger, world.started.append)
    assert outbox(world) == [problem.alert_id]


def test_a_record_that_cannot_be_understood_does_not_stop_the_sweep(world: World) -> None:
    bad = claim(world, sighting(finding_id="arn:aws:guardduty:bad"))
    good = claim(world, sighting(finding_id="arn:aws:guardduty:good"))
    world.client.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"P#{bad.key}"}, "sk": {"S": "P"}},
        UpdateExpression="SET ch = :text",
        ExpressionAttributeValues={":text": {"S": "by hand"}},
    )
    world.later(seconds=400)
    world.started.clear()
    assert sweep(world.ledger, world.started.append) == 1
    assert world.started[-1].key == good.key
    assert str(bad.alert_id) in outbox(world), "it stays, and its age raises the alarm"


def test_time_outs_for_two_days_do_not_use_up_the_tries(world: World) -> None:
    problem = claim(world)
    sent(world, problem, "mail", "audit")
    begun, attempts = world.now, [problem]
    while world.now - begun < 48 * 3_600_000:
        for attempt in attempts:
            errand = Errand(problem.key, str(problem.alert_id), attempt.attempt, "slack")
            if world.ledger.reserve(errand.key, errand.alert_id, errand.attempt, "slack")[0] == "RESERVED":
                settle(errand, Outcome("UNKNOWN", why="no answer in 10 seconds"), world.ledger)
        attempts = []
        world.later(seconds=3_600)
        sweep(world.ledger, attempts.append)
    assert world.problem(problem.key).ch["slack"].untold


def unknown(world: World, problem: Problem, channel: str) -> None:
    """The machine heard nothing from tell, or of an error that says nothing."""
    errand = Errand(problem.key, str(problem.alert_id), problem.attempt, channel)
    settle(errand, Outcome("UNKNOWN", why="Runtime.ExitError"), world.ledger)


def test_a_tell_that_died_before_it_reserved_is_a_try_that_failed(world: World) -> None:
    """Nothing was sent: it comes again as after any failure, not when the attempt's lease is over."""
    problem = claim(world)
    sent(world, problem, "mail", "audit")
    unknown(world, problem, "slack")
    unknown(world, problem, "slack")
    assert world.problem(problem.key).ch["slack"].tries == 1, "settle may run twice"
    assert sweep(world.ledger, world.started.append) == 0
    world.later(seconds=60)
    assert sweep(world.ledger, world.started.append) == 1


def test_a_reservation_of_unknown_outcome_comes_again_when_it_lapses(world: World) -> None:
    problem = claim(world)
    sent(world, problem, "mail", "audit")
    world.ledger.reserve(problem.key, str(problem.alert_id), problem.attempt, "slack")
    unknown(world, problem, "slack")
    world.later(seconds=RESERVED_MS / 1000)
    assert sweep(world.ledger, world.started.append) == 0
    world.later(seconds=0.001)
    assert sweep(world.ledger, world.started.append) == 1


def test_a_young_row_without_its_record_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper may read one half of a claim that is being committed."""
    problem = claim(world)
    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "read_all", lambda keys: {problem.key: None})
        sweep(world.ledger, world.started.append)
    assert outbox(world) == [problem.alert_id]


def test_a_row_that_was_superseded_goes_once_it_is_old(world: World) -> None:
    first = claim(world)
    row = world.client.get_item(TableName=TABLE, Key={"pk": {"S": f"DUE#{first.key[0]}"}, "sk": {"S": first.alert_id}})
    world.later(seconds=1)
    second = claim(world, sighting("e2", at_seconds=1, severity=Severity.CRITICAL))
    world.client.put_item(TableName=TABLE, Item=row["Item"])
    world.later(seconds=400)
    sweep(world.ledger, world.started.append)
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
    assert sweep(world.ledger, world.started.append) == 1
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
