"""What happens when EventBridge or Scheduler cannot reach a target: retries, then the target's dead-letter queue.

ministack keeps RetryPolicy and DeadLetterConfig and acts on neither, and it asks for no permission.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.local_aws import faults, iam, journal
from tests.local_aws.emulator import cloudwatch, concurrency, eventbridge, lambdas, responses, sns, sqs, stepfunctions
from tests.local_aws.records import Call

_logger = logging.getLogger("local_aws.targets")

RETRY_PACE = 0.02
"""Retries come this much faster than on AWS, where they begin at a second and go on for a day."""
_LONGEST_PAUSE_SECONDS = 60.0
_DEFAULT_ATTEMPTS = 185
_DEFAULT_AGE_SECONDS = 86_400

Target = Mapping[str, Any]
Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a target was not reached; a permission or a resource that is missing is not worth a retry."""

    code: str
    message: str
    retried: bool = False


def invoke(
    original: Callable[..., None], target: dict[str, Any], event: Mapping[str, Any], rule: Rule, view: Any = None
) -> None:
    """Reach a target, or retry and give up as AWS does. `rule` is a rule or a schedule."""
    _count("Invocations", rule)
    problem = _problem(target, rule)
    if problem is None:
        original(target, event, rule, view)
        return
    view = view or eventbridge._pattern_event_view(event)
    concurrency.spawn_background(_keep_trying, original, target, event, rule, view, problem)


def _keep_trying(
    original: Callable[..., None], target: Target, event: Mapping[str, Any], rule: Rule, view: Any, problem: Problem
) -> None:
    policy = target.get("RetryPolicy") or {}
    most = policy.get("MaximumRetryAttempts", _DEFAULT_ATTEMPTS)
    oldest = policy.get("MaximumEventAgeInSeconds", _DEFAULT_AGE_SECONDS)
    attempts, age, exhausted = 0, 0.0, "NoRetry"
    while problem.retried:
        if attempts >= most or age > oldest:
            exhausted = "MaximumRetryAttempts" if attempts >= most else "MaximumEventAgeInSeconds"
            break
        pause = min(2.0**attempts, _LONGEST_PAUSE_SECONDS)
        time.sleep(pause * RETRY_PACE)
        attempts, age = attempts + 1, age + pause
        again = _problem(target, rule)
        if again is None:
            original(target, event, rule, view)
            return
        problem = again
    _count("FailedInvocations", rule)
    _bury(target, rule, view, problem, attempts, exhausted)


def _bury(target: Target, rule: Rule, view: Any, problem: Problem, attempts: int, exhausted: str) -> None:
    arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not arn:
        _logger.warning("%s lost an event for %s: %s", rule.get("Name"), target["Arn"], problem.message)
        return
    # A rule's dead-letter queue asks its own policy, whatever role the target has.
    if _queue_problem(arn, target if _is_schedule(rule) else {}, rule):
        _count("InvocationsFailedToBeSentToDlq", rule)
        _logger.warning("%s may not send to its dead-letter queue %s: the event is lost", rule.get("Name"), arn)
        return
    scheduled = _is_schedule(rule)
    body = target.get("Input") if scheduled else None
    attributes = {
        "SCHEDULE_ARN" if scheduled else "RULE_ARN": ("String", rule.get("Arn", "")),
        "TARGET_ARN": ("String", target["Arn"]),
        "ERROR_CODE": ("String", problem.code),
        "ERROR_MESSAGE": ("String", problem.message),
        "RETRY_ATTEMPTS": ("Number", str(attempts)),
        "EXHAUSTED_RETRY_CONDITION": ("String", exhausted),
    }
    account, name = arn.split(":")[4:6]
    url = sqs._queue_url_for_account(account, name)
    sqs._act_send_message(
        {
            "QueueUrl": url,
            "MessageBody": body or json.dumps(view.event_with_detail()),
            "MessageAttributes": {
                key: {"DataType": kind, "StringValue": value} for key, (kind, value) in attributes.items()
            },
        },
        url,
    )
    _count("InvocationsSentToDlq", rule)


def _problem(target: Target, rule: Rule) -> Problem | None:
    """Why the target cannot be reached now; None when it can."""
    arn = target["Arn"]
    fault = faults.meet("events", "InvokeTarget", arn, target)
    if fault:
        return Problem(fault.code, faults.message(fault), retried=True)
    service = arn.split(":")[2]
    check = {"sqs": _queue_problem, "lambda": _function_problem, "sns": _topic_problem, "states": _machine_problem}
    return check[service](arn, target, rule) if service in check else None


def _is_schedule(rule: Rule) -> bool:
    return ":scheduler:" in str(rule.get("Arn", ""))


def _permitted(target: Target, rule: Rule, action: str, policy: Any) -> bool:
    """A schedule acts as its role. A rule acts as its target's role where it has one, else as EventBridge itself."""
    role, service = target.get("RoleArn"), "scheduler" if _is_schedule(rule) else "events"
    if role:
        return iam.assumable_by(role, f"{service}.amazonaws.com") and iam.role_may(role, action, target["Arn"])
    return iam.service_may(policy, "events.amazonaws.com", action, target["Arn"], str(rule.get("Arn", "")))


def _denied(target: Target, action: str) -> Problem:
    who = target.get("RoleArn") or "events.amazonaws.com"
    return Problem("NO_PERMISSIONS", f"{who} is not authorized to perform: {action} on resource: {target['Arn']}")


def _queue_problem(arn: str, target: Target, rule: Rule) -> Problem | None:
    queue = sqs._queue_by_arn(arn)
    if not queue:
        return Problem("NO_RESOURCE", f"The queue {arn} does not exist")
    policy = queue["attributes"].get("Policy")
    reached = {**target, "Arn": arn}
    return None if _permitted(reached, rule, "sqs:SendMessage", policy) else _denied(reached, "sqs:SendMessage")


def _function_problem(arn: str, target: Target, rule: Rule) -> Problem | None:
    function, _, _ = lambdas._get_func_record_for_ref(arn)
    if not function:
        return Problem("NO_RESOURCE", f"The function {arn} does not exist")
    allowed = _permitted(target, rule, "lambda:InvokeFunction", function.get("policy"))
    return None if allowed else _denied(target, "lambda:InvokeFunction")


def _topic_problem(arn: str, target: Target, rule: Rule) -> Problem | None:
    topic = sns._topic_by_arn_any_scope(arn)
    if not topic:
        return Problem("NO_RESOURCE", f"The topic {arn} does not exist")
    policy = topic["attributes"].get("Policy")
    return None if _permitted(target, rule, "sns:Publish", policy) else _denied(target, "sns:Publish")


def _machine_problem(arn: str, target: Target, rule: Rule) -> Problem | None:
    if stepfunctions._resolve_state_machine_arn(arn) is None:
        return Problem("STATE_MACHINE_DOES_NOT_EXIST", f"The state machine {arn} does not exist")
    allowed = _permitted(target, rule, "states:StartExecution", None)
    return None if allowed else _denied(target, "states:StartExecution")


def _count(metric: str, rule: Rule) -> None:
    cloudwatch.record_metric("AWS/Events", metric, 1, "Count", {"RuleName": str(rule.get("Name", ""))})


def to_lambda(original: Callable[..., None], arn: str, payload: str) -> None:
    """EventBridge and Scheduler invoke a function asynchronously: Lambda retries twice; ministack runs it once.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    function, config, name = lambdas._get_func_record_for_ref(arn)
    lambdas.invoke_async_with_retry(lambdas._execution_record_for_config(function, config), json.loads(payload))
    journal.calls.append(
        Call(
            service="lambda",
            operation="Invoke",
            principal=f"events.{responses.get_region()}.amazonaws.com",
            role="",
            resource=name,
            status=202,
            error=None,
            write_units=0.0,
            at=time.time(),
        )
    )
