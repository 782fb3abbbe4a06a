"""Functions that run beside each other, one call to AWS at a time, and whatever may become of each call.

Each actor runs the real code in a thread of its own, but only ever one of them, and only until its next call: there it
waits for the fate of the call. So a schedule is a list of (actor, fate), it is the same each time, and it shrinks.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from types import SimpleNamespace
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.functional.alerts.table import Paginator, Table, error

Result = TypeVar("Result")


class Fate(Enum):
    """What becomes of one call."""

    DONE = "it succeeds"
    REFUSED = "it fails, with no effect"
    UNANSWERED = "it takes effect, and the caller hears of a time-out"
    REPEATED = "it takes effect, the answer is lost, and the SDK repeats it"
    KILLED_BEFORE = "the caller dies before it takes effect"
    KILLED_AFTER = "the caller dies after it took effect"


ALL_CALLS = 10_000
"""More than any actor makes."""


class FunctionDied(BaseException):
    """A Lambda function was killed: by its time-out, for its memory, with its host. No code of it may catch that."""


class ExecutionStopped(BaseException):
    """An execution is no more: by its time-out, or a person stopped it."""


class Actor:
    """One function or branch of an execution. It has begun, and waits at its first call, once it is made."""

    def __init__(self, stage: Stage, name: str, play: Callable[[], None]) -> None:
        self.name = name
        self.ended = False
        self.call = ""
        self.function_ends_at: int | None = None
        self.stopped_at: int | None = None
        self._stage = stage
        self._play = play
        self._succeed = 0
        self._fate: Fate | None = None
        self._stopped = False
        self._mine, self._theirs = threading.Lock(), threading.Lock()
        self._mine.acquire()
        self._theirs.acquire()
        threading.Thread(target=self._run, daemon=True).start()
        self._resume()

    def go_on(self, fate: Fate = Fate.DONE, *, after_calls: int = 0) -> None:
        """Let the call that it waits at meet its fate, and run on to the next call or the end.

        With `after_calls`, that many calls succeed first; it may come to its end before the fate has its turn.
        """
        self._succeed, self._fate = after_calls, fate
        self._resume()

    def finish(self) -> None:
        """Let every call succeed, until the end."""
        self.go_on(after_calls=ALL_CALLS)

    def stop(self) -> None:
        """End it where it is, with no effect and no word to anybody."""
        self._stopped = True
        self._resume()

    def over_at(self, now: int) -> bool:
        """Whether the function that it runs reaches its time-out before `now`."""
        return self.function_ends_at is not None and self.function_ends_at < now

    def pause(self, call: str) -> Fate:
        """Wait at a call until its fate is known. For the actor itself."""
        self.call = call
        if not self._succeed and self._fate is None:
            self._theirs.release()
            self._mine.acquire()
        if self._stopped:
            raise ExecutionStopped
        if self._succeed:
            self._succeed -= 1
            return Fate.DONE
        fate, self._fate = self._fate, None
        assert fate is not None
        if fate is not Fate.DONE:
            self._stage.happened[f"{call.split()[0]} {fate.name}"] += 1
        return fate

    def _resume(self) -> None:
        before, self._stage.running = self._stage.running, self
        self._mine.release()
        self._theirs.acquire()
        self._stage.running = before
        self._stage.check()

    def _run(self) -> None:
        self._mine.acquire()
        try:
            self._play()
        except (FunctionDied, ExecutionStopped):
            pass
        except BaseException as defect:  # noqa: BLE001 - it is raised where the test runs
            self._stage.failure = self._stage.failure or defect
        self.ended = True
        self._theirs.release()


class Stage:
    """The clock, the table, the state machine's front door, and who waits at which call."""

    def __init__(self, now: int, table: Table, happened: Counter[str]) -> None:
        self.now = now
        self.happened = happened
        self.table = table
        self.actors: list[Actor] = []
        self.running: Actor | None = None
        self.failure: BaseException | None = None

    def enter(self, name: str, play: Callable[[], None], *, lasts_ms: int | None = None) -> Actor:
        """An actor begins. `lasts_ms` is how long an execution may take."""
        actor = Actor(self, name, play)
        actor.stopped_at = self.now + lasts_ms if lasts_ms is not None else None
        self.actors.append(actor)
        return actor

    def waiting(self) -> list[Actor]:
        """Those that are not at their end, in order of entry."""
        self.actors = [actor for actor in self.actors if not actor.ended]
        return self.actors

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def function(self, timeout_seconds: int, work: Callable[[], Result]) -> Result:
        """Run a Lambda function inside the actor that is running; time may pass only up to its time-out."""
        actor = self.running
        assert actor is not None
        actor.function_ends_at = self.now + timeout_seconds * 1000
        try:
            return work()
        finally:
            actor.function_ends_at = None

    def time_passes(self, milliseconds: int, *, took_effect: bool) -> None:
        """Move the clock. Functions past their time-out die in their call, executions past theirs end.

        If it `took_effect` their call is done while the clock is still as they read it, and they die in the next.
        """
        for actor in list(self.waiting()):
            if took_effect and not actor.ended and actor.over_at(self.now + milliseconds):
                actor.go_on()
        dying = [actor for actor in self.waiting() if actor.over_at(self.now + milliseconds)]
        self.now += milliseconds
        for actor in dying:
            actor.go_on(Fate.KILLED_BEFORE)
        for actor in list(self.waiting()):
            if not actor.ended and actor.stopped_at is not None and actor.stopped_at < self.now:
                actor.stop()

    def fate(self, call: str) -> Fate:
        """Wait for the fate of a call of the running actor. Outside of actors everything succeeds."""
        return self.running.pause(call) if self.running is not None else Fate.DONE

    def call(self, name: str, effect: Callable[[], Result]) -> Result:
        """One call to AWS through an SDK client."""
        while True:
            match self.fate(name):
                case Fate.DONE:
                    return self._effect(effect)
                case Fate.REFUSED:
                    raise error("InternalServerError", "refused by the schedule")
                case Fate.UNANSWERED:
                    self._effect(effect)
                    raise ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")
                case Fate.REPEATED:
                    try:
                        self._effect(effect)
                    except ClientError:
                        continue  # the lost answer was an error
                case Fate.KILLED_AFTER:
                    with suppress(ClientError):
                        self._effect(effect)
                    raise FunctionDied
                case Fate.KILLED_BEFORE:
                    raise FunctionDied

    def _effect(self, effect: Callable[[], Result]) -> Result:
        """An effect happens to the world, which may find that it must not; code under test cannot swallow that."""
        try:
            return effect()
        except ClientError as answer:
            if answer.response["Error"]["Code"] == "ValidationException":
                self.failure = self.failure or answer
            raise
        except AssertionError as defect:
            self.failure = self.failure or defect
            raise FunctionDied from defect


class Dynamo:
    """The DynamoDB client that the ledger gets. botocore names a transaction, and repeats it under the same name."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._tokens = 0
        self.exceptions = stage.table.exceptions

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        method = getattr(self._stage.table, operation)
        return lambda **call: self._stage.call(operation, lambda: method(**call))

    def transact_write_items(self, **call: Any) -> dict[str, Any]:
        self._tokens += 1
        whole = call | {"ClientRequestToken": str(self._tokens)}
        return self._stage.call("transact_write_items", lambda: self._stage.table.transact_write_items(**whole))

    def get_paginator(self, operation: str) -> Paginator:
        return Paginator(getattr(self, operation))


class ExecutionAlreadyExists(ClientError):
    """The name was used within 90 days."""


class StepFunctions:
    """The Step Functions client that triage and the sweeper get; `begin` is told the input of each new execution."""

    exceptions = SimpleNamespace(ExecutionAlreadyExists=ExecutionAlreadyExists)

    def __init__(self, stage: Stage, begin: Callable[[dict[str, Any]], None]) -> None:
        self._stage = stage
        self._begin = begin
        self.names: set[str] = set()

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803 - boto3's
        self._stage.call("start_execution", lambda: self._start(name, json.loads(input)))

    def _start(self, name: str, given: dict[str, Any]) -> None:
        if name in self.names:
            raise error("ExecutionAlreadyExists", name, kind=ExecutionAlreadyExists)
        self.names.add(name)
        self._begin(given)
