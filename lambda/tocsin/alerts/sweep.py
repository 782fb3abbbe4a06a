"""The sweeper: each minute it brings to an end what a crash, a fault or a channel that was down left in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from tocsin.alerts.decide import LEASE_MS
from tocsin.alerts.ledger import Due, Ledger
from tocsin.alerts.outbox import finish
from tocsin.alerts.problem import DEAD, Problem, Telling
from tocsin.log import count, logger

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MOST_STARTS = 200
"""Executions started in one sweep, for the worst severities first; the rest wait a minute. Only starts are bounded:
rows that wait for a channel must not keep the sweeper from those behind them."""

MOST_TRIES = 20
GIVE_UP_MS = 72 * 60 * 60_000

Start = Callable[[Problem], None]


def sweep(ledger: Ledger, start: Start) -> int:
    """Look at every alert that is not told everywhere yet. Returns how many executions were started."""
    rows = sorted(ledger.outbox(), key=lambda row: (-row.to_rank, row.claimed_at))
    problems = ledger.read_all(row.key for row in rows)
    oldest = min((row.claimed_at for row in rows), default=ledger.clock())
    count("OutboxAgeSeconds", max(0, ledger.clock() - oldest) / 1000, MetricUnit.Seconds)
    started = 0
    for row in rows:
        if row.key not in problems:
            continue  # its record could not be read, which does not mean that there is none
        try:
            started += _row(row, problems[row.key], ledger, start)
        except Exception:  # logged: one alert must never keep the others waiting; the outbox's age alarms if it stays
            logger.exception("this alert will be swept again", extra={"alert_id": row.alert_id})
        if started == MOST_STARTS:
            break
    return started


def _row(row: Due, problem: Problem | None, ledger: Ledger, start: Start) -> int:
    if problem is None or problem.alert_id != row.alert_id:
        # Reads may see one half of a transaction that is being committed: a young row is left alone.
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
        if ledger.clock() - row.claimed_at > LEASE_MS:
            ledger.finish(row.key, row.alert_id)
        return 0
    for name, telling in problem.ch.items():
        if _given_up(telling, row, ledger.clock()):
            problem = _give_up(problem, row, name, telling, ledger) or problem
    if not problem.untold:
        finish(problem, ledger)
        return 0
    if not any(telling.due(ledger.clock()) for telling in problem.ch.values()):
        return 0
    attempt = ledger.next_attempt(problem)
    if attempt is None:
        return 0
    start(attempt)
    return 1


def _given_up(telling: Telling, row: Due, now: int) -> bool:
    return telling.due(now) and (telling.tries >= MOST_TRIES or now - row.claimed_at >= GIVE_UP_MS)


def _give_up(problem: Problem, row: Due, name: str, telling: Telling, ledger: Ledger) -> Problem | None:
    why = telling.why or "no answer"
    ended = ledger.end(row.key, row.alert_id, name, DEAD, why)
    if ended is not None:
        logger.error(
            "a channel was given up; the alert was not told there",
            extra={"alert_id": row.alert_id, "channel": name, "why": why, "tries": telling.tries},
        )
        count("DeadChannels")
        ledger.note_failure(name, row.alert_id, why, dead=True)
    return ended


def notify(ledger: Ledger, sns: SNSClient, topic_arn: str, name: str) -> None:
    """Tell by another path which channels fail: once per channel and hour, with the count."""
    for row in ledger.failing():
        given_up = f" {row.dead} of them were given up for good." if row.dead else ""
        times = "once" if row.count == 1 else f"{row.count} times"
        text = (
            f"The channel {row.channel} of {name} failed {times} since the last notice.{given_up}\n\n"
            f"Last reason: {row.why}\nLast alert: {row.alert_id}\n\n"
            "What was not told is tried again for up to 72 hours; the other channels are not told twice.\n"
        )
        try:
            sns.publish(TopicArn=topic_arn, Subject=f"{name}: channel {row.channel} fails"[:99], Message=text)
        except (ClientError, BotoCoreError) as error:
            logger.error(
                "the notice about a failing channel was not sent; it will be tried again",
                extra={"channel": row.channel, "topic_arn": topic_arn, "error": str(error)},
            )
            count("NoticeFailed")
            continue
        ledger.noticed(row)
