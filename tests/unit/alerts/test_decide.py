"""Deciding, rule by rule: the record of a problem and a sighting in, a reason out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alerts import INSTALLED_AT, NOW, START, settings, sighting
from tocsin.alerts.alert import Reason
from tocsin.alerts.decide import (
    DAY_MS,
    FORGOTTEN_MS,
    MOST_ACTORS,
    MOST_COPIES,
    STAMP_AHEAD_MS,
    Decision,
    Sighting,
    decide,
    is_open,
    record,
    screen,
)
from tocsin.alerts.problem import CLOSED, DEAD, OPEN, SENT, Copy, Problem, Telling
from tocsin.findings.model import Feed, Resource, Severity
from tocsin.settings import Route

LATER = 60


def answer(old: Problem | None, seen: Sighting, *, now: int = NOW, **changes: Any) -> Decision:
    return decide(old, seen, settings(**changes), now, INSTALLED_AT)


def claimed(seen: Sighting | None = None, *, now: int = NOW) -> Problem:
    """The record right after a first alert was claimed: every channel pending."""
    seen = seen or sighting()
    decision = answer(None, seen, now=now)
    assert decision.alert
    return record(None, seen, decision, now, f"{seen.key}-1")


def told(seen: Sighting | None = None, *, now: int = NOW) -> Problem:
    problem = claimed(seen, now=now)
    sent = {name: Telling(SENT, msg="m") for name in problem.ch}
    return replace(problem, ch=sent, heard=frozenset(sent), told_at=now, told_rank=problem.alert_rank)


def test_a_problem_never_seen_is_told_first_on_every_channel_of_its_route() -> None:
    assert answer(None, sighting()) == Decision(Reason.FIRST, alert=True, channels=("audit", "mail", "slack"))


def test_the_same_event_again_gets_the_same_answer_and_writes_nothing() -> None:
    again = answer(told(), sighting("e1"))
    assert (again.reason, again.alert, again.again, again.store) == (Reason.FIRST, True, True, False)


def test_inside_the_window_a_told_problem_is_a_repeat() -> None:
    assert answer(told(), sighting("e2", at_seconds=LATER)).reason is Reason.REPEAT


@pytest.mark.parametrize(("elapsed_ms", "reason"), [(7 * DAY_MS - 1, Reason.REPEAT), (7 * DAY_MS, Reason.REMINDER)])
def test_the_window_ends_to_the_millisecond(elapsed_ms: int, reason: Reason) -> None:
    assert answer(told(), sighting("e2", at_seconds=LATER), now=NOW + elapsed_ms).reason is reason


def test_the_window_is_that_of_the_severity() -> None:
    critical = told(sighting(severity=Severity.CRITICAL))
    event = sighting("e2", at_seconds=LATER, severity=Severity.CRITICAL)
    assert answer(critical, event, now=NOW + DAY_MS).reason is Reason.REMINDER


def test_an_equal_stamp_after_the_window_is_no_reminder() -> None:
    """Our own write-back to Security Hub leaves UpdatedAt as it is: nothing new was seen."""
    echo = sighting("e2", at_seconds=LATER, stamp_seconds=0)
    decision = answer(told(), echo, now=NOW + 8 * DAY_MS)
    assert decision.reason is Reason.REPEAT
    stored = record(told(), echo, decision, NOW, None)
    assert (stored.seen, stored.src[echo.copy].time) == (1, echo.time), "not counted, but the newest that is known"


def test_a_rise_is_told_inside_the_window_and_in_flight() -> None:
    risen = sighting("e2", at_seconds=LATER, severity=Severity.CRITICAL)
    assert answer(told(), risen).reason is Reason.SEVERITY_UP
    assert answer(claimed(), risen).reason is Reason.SEVERITY_UP


def test_in_flight_the_rank_being_told_counts() -> None:
    in_flight = claimed(sighting(severity=Severity.CRITICAL))
    assert answer(in_flight, sighting("e2", at_seconds=LATER, severity=Severity.CRITICAL)).reason is Reason.REPEAT


def test_a_severity_that_fell_and_came_back_is_no_rise() -> None:
    fallen = sighting("e2", at_seconds=LATER, severity=Severity.MEDIUM)
    decision = answer(told(), fallen)
    assert decision.reason is Reason.BELOW_SEVERITY
    problem = record(told(), fallen, decision, NOW, None)
    assert answer(problem, sighting("e3", at_seconds=2 * LATER)).reason is Reason.REPEAT


def test_a_rise_over_what_nobody_was_told_is_a_rise() -> None:
    low = sighting(severity=Severity.MEDIUM)
    below = record(None, low, answer(None, low), NOW, None)
    assert answer(below, sighting("e2", at_seconds=LATER)).reason is Reason.SEVERITY_UP


def test_an_older_event_changes_nothing() -> None:
    newer = told(sighting(at_seconds=LATER))
    older = answer(newer, sighting("e0", at_seconds=0, closed_by="ARCHIVED"))
    assert (older.reason, older.store) == (Reason.OLDER, False)


def test_equal_stamps_with_another_state_are_a_change() -> None:
    closing = sighting("e2", at_seconds=1, stamp_seconds=0, closed_by="SUPPRESSED")
    decision = answer(told(), closing)
    assert (decision.reason, decision.store) == (Reason.CLOSED, True)


def test_of_equal_stamps_the_newest_event_counts_whatever_came_between() -> None:
    """Suppressed and opened again by a person: the suppression is delivered last."""
    opened = sighting("e3", at_seconds=3, stamp_seconds=0)
    known = record(told(), opened, answer(told(), opened), NOW, None)
    suppressed = sighting("e2", at_seconds=2, stamp_seconds=0, closed_by="SUPPRESSED")
    assert answer(known, suppressed).reason is Reason.OLDER


def test_a_stamp_in_the_future_cannot_silence_what_comes() -> None:
    ahead = sighting(stamp_seconds=10**9)
    assert ahead.stamp == ahead.time + STAMP_AHEAD_MS
    assert answer(told(ahead), sighting("e2", at_seconds=600, severity=Severity.CRITICAL)).reason is Reason.SEVERITY_UP


def test_closing_never_alerts_and_a_return_is_reopened() -> None:
    closing = sighting("e2", at_seconds=LATER, closed_by="RESOLVED")
    decision = answer(told(), closing)
    closed = record(told(), closing, decision, NOW, None)
    assert (decision.alert, decision.reason, closed.state) == (False, Reason.CLOSED, CLOSED)
    assert answer(closed, sighting("e3", at_seconds=2 * LATER)).reason is Reason.REOPENED


def test_a_late_active_event_does_not_resurrect_a_closed_problem() -> None:
    closing = sighting("e2", at_seconds=LATER, closed_by="ARCHIVED")
    closed = record(None, closing, answer(None, closing), NOW, None)
    assert answer(closed, sighting("e1", at_seconds=0)).reason is Reason.OLDER


def test_a_problem_first_seen_closed_is_told_first_when_it_opens() -> None:
    passed = sighting(closed_by="PASSED", severity=Severity.INFORMATIONAL)
    closed = record(None, passed, answer(None, passed), NOW, None)
    old = sighting("e2", at_seconds=LATER, created_at=START.replace(year=2020))
    assert answer(closed, old).reason is Reason.FIRST, "a closing that we saw makes the opening news, however old it is"


def test_an_expired_record_is_no_record() -> None:
    """DynamoDB removes expired items days late."""
    expired = replace(told(), expires_at=NOW // 1000)
    assert answer(expired, sighting("e2", at_seconds=LATER)).reason is Reason.FIRST
    again = record(expired, sighting("e2"), Decision(Reason.FIRST, alert=True, channels=("mail",)), NOW, "a-2")
    assert (again.rev, again.seen, again.heard) == (expired.rev + 1, 1, frozenset())


def test_a_request_is_told_whatever_the_window_and_the_severity_say() -> None:
    asked = sighting("e2", at_seconds=LATER, stamp_seconds=0, requested=True, severity=Severity.LOW)
    assert answer(told(), asked).reason is Reason.REQUESTED
    assert answer(claimed(), asked).reason is Reason.REQUESTED


def test_a_request_that_was_overtaken_is_told_and_changes_nothing_of_what_is_newer() -> None:
    newer = told(sighting(at_seconds=LATER))
    asked = sighting("e0", at_seconds=0, requested=True)
    decision = answer(newer, asked)
    assert decision.reason is Reason.REQUESTED
    assert record(newer, asked, decision, NOW, "a-2").src == newer.src


def test_a_request_that_a_closing_overtook_does_not_open_the_problem() -> None:
    closing = sighting("e2", at_seconds=LATER, closed_by="ARCHIVED")
    closed = record(told(), closing, answer(told(), closing), NOW, None)
    assert answer(closed, sighting("e3", at_seconds=1, requested=True)).reason is Reason.CLOSED


def test_a_request_delivered_again_is_not_a_second_request() -> None:
    asked = sighting("ask", at_seconds=1, requested=True)
    first = record(told(), asked, answer(told(), asked), NOW, "a-2")
    risen = sighting("e3", at_seconds=2, severity=Severity.CRITICAL)
    then = record(first, risen, answer(first, risen), NOW, "a-3")
    assert not answer(then, asked).alert


def test_a_second_finding_of_the_same_request_can_raise_the_problem() -> None:
    bucket = (Resource("AwsS3Bucket", "arn:aws:s3:::b"),)
    control: dict[str, Any] = {"control_id": "S3.1", "resources": bucket, "requested": True}
    one = sighting("ask", finding_id="arn:aws:securityhub:one", **control)
    two = sighting("ask", finding_id="arn:aws:securityhub:two", severity=Severity.CRITICAL, **control)
    assert answer(claimed(one), two).reason is Reason.SEVERITY_UP
    same = sighting("ask", finding_id="arn:aws:securityhub:two", **control)
    assert answer(claimed(one), same).reason is Reason.REPEAT
    both = replace(claimed(one), src={two.copy: Copy(0, 0, True), one.copy: Copy(one.stamp, one.time, True)})
    assert answer(both, two).reason is Reason.SEVERITY_UP, "also when its copy was known before"


def test_a_return_below_the_minimum_does_not_silence_what_follows() -> None:
    closing = sighting("e2", at_seconds=1, closed_by="RESOLVED")
    closed = record(told(), closing, answer(told(), closing), NOW, None)
    low = sighting("e3", at_seconds=2, severity=Severity.MEDIUM)
    reopened = record(closed, low, answer(closed, low), NOW, None)
    assert reopened.state == OPEN
    assert answer(reopened, sighting("e4", at_seconds=3)).reason is Reason.REOPENED


def test_a_return_below_the_minimum_while_in_flight_does_not_either() -> None:
    closing = sighting("e2", at_seconds=1, closed_by="RESOLVED")
    waiting = replace(told(), ch={"mail": Telling(SENT, msg="m"), "slack": Telling()})
    closed = record(waiting, closing, answer(waiting, closing), NOW, None)
    low = sighting("e3", at_seconds=2, severity=Severity.MEDIUM)
    reopened = record(closed, low, answer(closed, low), NOW, None)
    assert answer(reopened, sighting("e4", at_seconds=3)).reason is Reason.REOPENED


def test_a_first_opening_below_the_minimum_is_no_backlog_either() -> None:
    old = START.replace(year=2020)
    passed = sighting(closed_by="PASSED", created_at=old)
    closed = record(None, passed, answer(None, passed), NOW, None)
    low = sighting("e2", at_seconds=1, severity=Severity.MEDIUM, created_at=old)
    opened = record(closed, low, answer(closed, low), NOW, None)
    assert answer(opened, sighting("e3", at_seconds=2, created_at=old)).reason is Reason.FIRST


def test_a_return_while_observing_is_told_afterwards() -> None:
    closing = sighting("e2", at_seconds=1, closed_by="RESOLVED")
    closed = record(told(), closing, answer(told(), closing), NOW, None)
    back = sighting("e3", at_seconds=2)
    seen = record(closed, back, answer(closed, back, mode="observe"), NOW, None)
    assert answer(seen, sighting("e4", at_seconds=3), mode="observe").reason is Reason.REPEAT
    assert answer(seen, sighting("e4", at_seconds=3)).reason is Reason.REOPENED


ARN = "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f"


def rated_differently() -> Problem:
    """Told as CRITICAL by the native feed, known as HIGH by Security Hub, both open."""
    native = told(sighting("n", finding_id=ARN, feed=Feed.GUARDDUTY, severity=Severity.CRITICAL))
    hub = sighting("e1", at_seconds=1, finding_id=ARN)
    return record(native, hub, Decision(Reason.REPEAT), NOW, None)


def test_a_reminder_by_the_milder_copy_tells_the_severity_of_the_problem() -> None:
    """Two feeds that rate a problem differently must not both be told once a window."""
    later = NOW + 8 * DAY_MS
    milder = sighting("e2", at_seconds=2, finding_id=ARN)
    routes = (Route(("audit",), {"severities": ("CRITICAL",)}, {}, False), Route(("mail",), {}, {}, False))
    decision = answer(rated_differently(), milder, now=later, routes=routes)
    assert (decision.reason, decision.channels) == (Reason.REMINDER, ("audit",))
    reminded = record(rated_differently(), milder, decision, later, "a-2")
    assert reminded.alert_rank == Severity.CRITICAL
    critical = sighting("n2", at_seconds=3, finding_id=ARN, feed=Feed.GUARDDUTY, severity=Severity.CRITICAL)
    assert answer(reminded, critical, now=later).reason is Reason.REPEAT


def test_a_return_is_told_at_the_severity_of_every_open_copy() -> None:
    """The native feed may have spoken while Security Hub held the problem closed."""
    closing = sighting("e2", at_seconds=2, finding_id=ARN, closed_by="ARCHIVED")
    closed = record(rated_differently(), closing, answer(rated_differently(), closing), NOW, None)
    back = sighting("e3", at_seconds=3, finding_id=ARN)
    decision = answer(closed, back)
    assert decision.reason is Reason.REOPENED
    assert record(closed, back, decision, NOW, "a-2").alert_rank == Severity.CRITICAL


def test_what_is_in_flight_is_not_superseded_by_less() -> None:
    in_flight = claimed(sighting(severity=Severity.CRITICAL, actors=("198.51.100.7",)))
    milder = sighting("e2", at_seconds=LATER, actors=("203.0.113.9",))
    decision = answer(in_flight, milder)
    assert decision.reason is Reason.NEW_ACTOR
    assert record(in_flight, milder, decision, NOW, "a-2").alert_rank == Severity.CRITICAL
    heard = told(sighting(severity=Severity.CRITICAL, actors=("198.51.100.7",)))
    assert record(heard, milder, decision, NOW, "a-2").alert_rank == Severity.HIGH, "told, and fallen since"


def test_a_redelivery_is_no_rise() -> None:
    arn = "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f"
    native = sighting("n", finding_id=arn, feed=Feed.GUARDDUTY, severity=Severity.CRITICAL)
    hub = sighting("e1", at_seconds=5, finding_id=arn, actors=("198.51.100.1",))
    both = record(told(native), hub, Decision(Reason.REPEAT), NOW, None)
    other = sighting("e2", at_seconds=10, finding_id=arn, actors=("198.51.100.2",))
    decision = answer(both, other)
    assert decision.reason is Reason.NEW_ACTOR
    assert answer(record(both, other, decision, NOW, "a-2"), native).reason is Reason.REPEAT


def test_an_equal_stamp_with_another_severity_is_a_rise() -> None:
    assert answer(told(), sighting("e2", stamp_seconds=0, severity=Severity.CRITICAL)).reason is Reason.SEVERITY_UP


def test_a_rise_while_observing_is_told_afterwards() -> None:
    risen = sighting("e2", at_seconds=1, severity=Severity.CRITICAL)
    seen = record(told(), risen, answer(told(), risen, mode="observe"), NOW, None)
    again = sighting("e3", at_seconds=2, severity=Severity.CRITICAL)
    assert answer(seen, again).reason is Reason.SEVERITY_UP


def test_a_closing_ends_what_was_observed() -> None:
    first = sighting()
    seen = record(None, first, answer(None, first, mode="observe"), NOW, None)
    closing = sighting("e2", at_seconds=1, closed_by="RESOLVED")
    closed = record(seen, closing, answer(seen, closing, mode="observe"), NOW, None)
    low = sighting("e3", at_seconds=2, severity=Severity.MEDIUM)
    back = record(closed, low, answer(closed, low, mode="observe"), NOW, None)
    assert answer(back, sighting("e4", at_seconds=3), mode="observe").reason is Reason.OBSERVED


def test_of_two_requests_neither_is_told_again() -> None:
    first = sighting("a", at_seconds=60, stamp_seconds=0, requested=True)
    second = sighting("b", at_seconds=70, stamp_seconds=0, requested=True)
    one = record(told(), first, answer(told(), first), NOW, "a-2")
    assert answer(one, second).reason is Reason.REQUESTED
    assert not answer(record(one, second, answer(one, second), NOW, "a-3"), first).alert


def test_copies_that_rate_a_problem_differently_do_not_make_it_rise() -> None:
    old = START.replace(year=2020)
    arn = "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f"
    hub = sighting(finding_id=arn, created_at=old)
    quiet = record(None, hub, answer(None, hub), NOW, None)
    native = sighting("e2", at_seconds=1, finding_id=arn, feed=Feed.GUARDDUTY, severity=Severity.MEDIUM, created_at=old)
    both = record(quiet, native, answer(quiet, native), NOW, None)
    assert answer(both, sighting("e3", at_seconds=2, finding_id=arn, created_at=old)).reason is Reason.BACKLOG


def test_a_new_actor_ends_the_quiet_of_the_backlog() -> None:
    old = START.replace(year=2020)
    first = sighting(created_at=old, actors=("198.51.100.7",))
    quiet = record(None, first, answer(None, first), NOW, None)
    other = sighting("e2", at_seconds=1, created_at=old, actors=("203.0.113.9",))
    assert answer(quiet, other).reason is Reason.NEW_ACTOR


def test_an_alert_whose_outbox_row_was_lost_does_not_silence_the_problem_for_ever() -> None:
    stuck = claimed()
    later = stuck.lease_until + FORGOTTEN_MS
    assert answer(stuck, sighting("e2", at_seconds=LATER), now=later - 1).reason is Reason.REPEAT
    assert answer(stuck, sighting("e2", at_seconds=LATER), now=later).reason is Reason.FIRST


def test_a_request_about_a_closed_finding_stays_silent() -> None:
    assert (
        answer(told(), sighting("e2", at_seconds=LATER, requested=True, closed_by="ARCHIVED")).reason is Reason.CLOSED
    )


def test_a_new_actor_is_told_also_in_flight() -> None:
    first = sighting(actors=("198.51.100.7",))
    more = sighting("e2", at_seconds=LATER, actors=("198.51.100.7", "198.51.100.8"))
    assert answer(told(first), more).reason is Reason.NEW_ACTOR
    assert answer(claimed(first), more).reason is Reason.NEW_ACTOR
    assert answer(told(more), sighting("e3", at_seconds=2 * LATER, actors=("198.51.100.8",))).reason is Reason.REPEAT


def test_a_new_actor_is_told_also_when_its_event_was_overtaken() -> None:
    newer = told(sighting(at_seconds=LATER, actors=("198.51.100.7",)))
    older = sighting("e0", at_seconds=0, actors=("203.0.113.9",))
    decision = answer(newer, older)
    assert decision.reason is Reason.NEW_ACTOR
    then = record(newer, older, decision, NOW, "a-2")
    assert then.src == newer.src, "what is newer stays"
    assert answer(then, sighting("e", at_seconds=1, actors=("203.0.113.9",))).reason is Reason.OLDER, "it is known now"


def test_an_actor_in_an_overtaken_event_does_not_open_what_was_closed() -> None:
    closing = sighting("e2", at_seconds=LATER, closed_by="ARCHIVED")
    closed = record(told(), closing, answer(told(), closing), NOW, None)
    assert answer(closed, sighting("e0", at_seconds=1, actors=("203.0.113.9",))).reason is Reason.CLOSED


def test_the_first_actor_of_a_known_copy_is_new() -> None:
    assert answer(told(), sighting("e2", at_seconds=LATER, actors=("203.0.113.9",))).reason is Reason.NEW_ACTOR


def test_the_first_look_at_another_copy_is_no_new_actor() -> None:
    arn = "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f"
    hub = sighting(finding_id=arn, feed=Feed.SECURITY_HUB, actors=("198.51.100.7",))
    native = sighting("e2", at_seconds=1, finding_id=arn, feed=Feed.GUARDDUTY, actors=("198.51.100.8",))
    assert hub.key == native.key
    assert hub.copy != native.copy
    assert answer(told(hub), native).reason is Reason.REPEAT


def test_a_record_full_of_actors_stops_telling_of_more() -> None:
    many = tuple(f"198.51.100.{number}" for number in range(60))
    full = told(sighting(actors=many))
    assert len(full.actors) == MOST_ACTORS
    assert answer(full, sighting("e2", at_seconds=LATER, actors=("203.0.113.9",))).reason is Reason.REPEAT


@pytest.mark.parametrize(("backlog", "reason"), [("silent", Reason.BACKLOG), ("alert", Reason.FIRST)])
def test_what_is_older_than_the_installation_follows_backlog(backlog: str, reason: Reason) -> None:
    old = sighting(created_at=START.replace(year=2020))
    assert answer(None, old, backlog=backlog).reason is reason


def test_backlog_gives_way_to_a_rise() -> None:
    old = sighting(created_at=START.replace(year=2020))
    quiet = record(None, old, answer(None, old), NOW, None)
    assert answer(quiet, sighting("e2", at_seconds=LATER, created_at=START.replace(year=2020))).reason is Reason.BACKLOG
    risen = sighting("e3", at_seconds=LATER, created_at=START.replace(year=2020), severity=Severity.CRITICAL)
    assert answer(quiet, risen).reason is Reason.SEVERITY_UP


def test_below_the_minimum_severity_is_silent_and_its_stamp_is_kept() -> None:
    decision = answer(None, sighting(severity=Severity.MEDIUM))
    assert (decision.reason, decision.store) == (Reason.BELOW_SEVERITY, True)


def test_without_a_route_the_finding_is_named_as_heard_by_nobody() -> None:
    assert answer(None, sighting(), routes=()).reason is Reason.NO_ROUTE


def test_observe_decides_and_records_and_tells_nobody() -> None:
    seen = sighting()
    decision = answer(None, seen, mode="observe")
    assert (decision.reason, decision.alert) == (Reason.OBSERVED, False)
    observed = record(None, seen, decision, NOW, None)
    assert answer(observed, sighting("e2", at_seconds=LATER), mode="observe").reason is Reason.REPEAT
    assert answer(observed, sighting("e2", at_seconds=LATER)).reason is Reason.FIRST, "nobody was told while observing"


def test_a_channel_given_up_does_not_silence_the_problem() -> None:
    seen = sighting()
    dead = replace(claimed(seen), ch={"mail": Telling(DEAD)})
    assert answer(dead, sighting("e2", at_seconds=LATER)).reason is Reason.FIRST


def test_a_rise_in_flight_also_goes_to_the_channels_that_still_waited() -> None:
    risen = sighting("e2", at_seconds=LATER, severity=Severity.CRITICAL)
    routes = (Route(("audit",), {"severities": ("CRITICAL",)}, {}, False), Route(("slack", "mail"), {}, {}, False))
    old = replace(claimed(), ch={"mail": Telling(SENT, msg="m"), "slack": Telling()})
    decision = answer(old, risen, routes=routes)
    assert set(record(old, risen, decision, NOW, "a-2").ch) == {"audit", "slack"}


@pytest.mark.parametrize(
    ("copies", "expected"),
    [
        ({"n1": True}, True),
        ({"n1": False}, False),
        ({"s1": False, "n1": True}, False),
        ({"s1": True, "n1": False}, True),
        ({"s1": False, "s2": True}, True),
    ],
)
def test_security_hub_copies_open_and_close_where_there_are_any(copies: dict[str, bool], expected: bool) -> None:
    assert is_open({name: Copy(1, 1, opened) for name, opened in copies.items()}) is expected


def test_one_standard_closing_leaves_the_control_open_for_the_other() -> None:
    bucket = (Resource("AwsS3Bucket", "arn:aws:s3:::b"),)
    control: dict[str, Any] = {"control_id": "S3.1", "resources": bucket}
    first = told(sighting(finding_id="arn:aws:securityhub:one", **control))
    other = sighting("e2", at_seconds=1, finding_id="arn:aws:securityhub:two", **control)
    assert other.key == first.key
    both = record(first, other, answer(first, other), NOW, None)
    closing = sighting("e3", at_seconds=2, finding_id="arn:aws:securityhub:two", closed_by="ARCHIVED", **control)
    decision = answer(both, closing)
    assert decision.reason is Reason.CLOSED
    assert record(both, closing, decision, NOW, None).state == OPEN


def test_the_thirteenth_copy_takes_the_place_of_the_oldest() -> None:
    problem: Problem | None = None
    for number in range(MOST_COPIES + 1):
        seen = sighting(f"e{number}", at_seconds=number, finding_id=f"arn:aws:securityhub:{number}", control_id="S3.1",
                        resources=(Resource("AwsS3Bucket", "b"),))  # fmt: skip
        problem = record(problem, seen, Decision(Reason.REPEAT), NOW, None)
    assert problem is not None
    assert len(problem.src) == MOST_COPIES
    assert min(copy.time for copy in problem.src.values()) == NOW + 1000


def test_screening_needs_no_record() -> None:
    assert screen(sighting(sample=True), settings(samples="silent")) == Decision(Reason.SAMPLE, store=False)
    assert screen(sighting(sample=True), settings()) is None
    assert screen(sighting(sample=True, requested=True), settings(samples="silent")) is None
    assert screen(sighting(account_id="444455556666"), settings(account_ids=("111122223333",))) == Decision(
        Reason.FILTERED, store=False
    )
    assert screen(sighting(product="Macie"), settings(products=("guardduty",))) == Decision(
        Reason.FILTERED, store=False
    )
    assert screen(sighting(product="GuardDuty"), settings(products=("guardduty",))) is None
    assert screen(sighting(product="Macie", requested=True), settings(products=("guardduty",))) is None


events = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.integers(0, 6),
        st.sampled_from([Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]),
        st.sampled_from([None, "ARCHIVED"]),
        st.sampled_from([Feed.SECURITY_HUB, Feed.GUARDDUTY]),
        st.booleans(),
        st.sampled_from([(), ("198.51.100.1",), ("198.51.100.2",)]),
    ),
    min_size=1,
    max_size=12,
)


@given(events)
def test_deciding_is_total_and_a_record_survives_its_item(drawn: list[Any]) -> None:
    """Any order of any events has an answer; the record keeps its bounds and comes back from DynamoDB as it was."""
    problem: Problem | None = None
    for number, (at, stamp, severity, closed_by, feed, requested, actors) in enumerate(drawn):
        seen = sighting(
            f"e{number}", at_seconds=at, stamp_seconds=stamp, severity=severity, closed_by=closed_by, feed=feed,
            requested=requested, actors=actors, finding_id="arn:aws:guardduty:one",
        )  # fmt: skip
        decision = answer(problem, seen)
        assert isinstance(decision.reason, Reason)
        if decision.alert and not decision.again:
            assert decision.channels
            problem = record(problem, seen, decision, NOW, f"a-{number}")
        elif decision.store:
            problem = record(problem, seen, decision, NOW, None)
        if problem is not None:
            assert Problem.from_item(problem.to_item()) == problem
