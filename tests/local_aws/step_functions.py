"""Step Functions: errors, limits and time as on AWS, for Standard machines in JSONata."""

from __future__ import annotations

import contextvars
import copy
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.local_aws import control, iam, integrations
from tests.local_aws.emulator import responses, stepfunctions
from tests.local_aws.patching import replace

State = Mapping[str, Any]
Response = tuple[int, dict[str, str], bytes]

_LIMIT_BYTES = 262_144
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html (input or result of a state)"""
_TERMINAL = ("States.Runtime", "States.DataLimitExceeded")
_LOG_DELIVERY = [
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
]
_SLEEP_SLICE_SECONDS = 0.05
_history = threading.RLock()


class _Aborted(stepfunctions._ExecutionError):  # type: ignore[misc]
    """A sibling failed, or the execution ended otherwise: this part of it stops here."""

    def __init__(self) -> None:
        super().__init__("States.Aborted", "the execution, or a sibling in its Map or Parallel, ended")


@dataclass(slots=True)
class _Siblings:
    """The iterations of one Map or the branches of one Parallel, and the error of the first that failed."""

    execution: Mapping[str, Any]
    outer: _Siblings | None
    first: Exception | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, error: Exception) -> None:
        with self.lock:
            self.first = self.first or error

    def check(self) -> None:
        if self.first or self.execution["status"] != "RUNNING":
            raise _Aborted
        if self.outer:
            self.outer.check()


_siblings: contextvars.ContextVar[_Siblings | None] = contextvars.ContextVar("siblings", default=None)


# -- machines ---------------------------------------------------------------------------------------------------


def _create(original: Callable[..., Response], data: dict[str, Any]) -> Response:
    """AWS checks that the role can be assumed and may deliver logs; it keeps tracingConfiguration."""
    refused = _role_problem(data, data)
    if refused:
        return refused
    response = original(data)
    if response[0] < 400:
        _keep_tracing(json.loads(response[2])["stateMachineArn"], data)
    return response


def _update(original: Callable[..., Response], data: dict[str, Any]) -> Response:
    """As for CreateStateMachine."""
    stored = stepfunctions._state_machines.get(data.get("stateMachineArn"))
    refused = _role_problem(data, {**stored, **data}) if stored else None
    if refused:
        return refused
    response = original(data)
    if response[0] < 400:
        _keep_tracing(data["stateMachineArn"], data)
    return response


def _keep_tracing(arn: str, data: Mapping[str, Any]) -> None:
    machine = stepfunctions._state_machines[arn]
    machine["tracingConfiguration"] = data.get(
        "tracingConfiguration", machine.get("tracingConfiguration", {"enabled": False})
    )


def _role_problem(data: Mapping[str, Any], merged: Mapping[str, Any]) -> Response | None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy"""
    role = merged.get("roleArn", "")
    if "roleArn" in data and not iam.assumable_by(role, "states.amazonaws.com"):
        return _refused(
            "AccessDeniedException",
            "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
            "assume the provided role.",
        )
    if merged.get("loggingConfiguration", {}).get("level", "OFF") != "OFF" and not all(
        iam.role_may(role, f"logs:{action}", "*") for action in _LOG_DELIVERY
    ):
        return _refused(
            "AccessDeniedException", "The state machine IAM Role is not authorized to access the Log Destination"
        )
    return None


def _refused(code: str, message: str) -> Response:
    answer: Response = responses.error_response_json(code, message, 400)
    return answer


# -- executions -------------------------------------------------------------------------------------------------


def _start(original: Callable[..., Response], data: dict[str, Any]) -> Response:
    """AWS: at most 256 KiB of valid JSON; the same name and input again give the same answer while it runs.

    ministack: any input, and always ExecutionAlreadyExists.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    text = data.get("input") or "{}"
    if len(text.encode()) > _LIMIT_BYTES:
        return _refused(
            "ValidationException",
            "1 validation error detected: Value at 'input' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_LIMIT_BYTES}",
        )
    try:
        json.loads(text)
    except ValueError as error:
        return _refused("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'")
    machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if machine and data.get("name"):
        arn = machine.replace(":stateMachine:", ":execution:") + f":{data['name']}"
        running = stepfunctions._executions.get(arn)
        if running and running["status"] == "RUNNING" and running["input"] == text:
            answer: Response = responses.json_response({"executionArn": arn, "startDate": running["startDate"]})
            return answer
    return original(data)


def _run(original: Callable[..., None], exec_arn: str) -> None:
    """AWS ends an execution after the machine's TimeoutSeconds; ministack ignores it."""
    execution = stepfunctions._executions.get(exec_arn) or {}
    machine = stepfunctions._state_machines.get(execution.get("stateMachineArn")) or {}
    seconds = json.loads(machine.get("definition", "{}")).get("TimeoutSeconds")
    if not seconds:
        original(exec_arn)
        return
    context = contextvars.copy_context()
    timer = threading.Timer(seconds, lambda: context.run(_time_out, execution))
    timer.daemon = True
    timer.start()
    try:
        original(exec_arn)
    finally:
        timer.cancel()


def _time_out(execution: dict[str, Any]) -> None:
    with _history:
        if execution["status"] != "RUNNING":
            return
        execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=responses.now_iso())
    stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    stepfunctions._emit_execution_status_event(execution)


def _fail(original: Callable[..., None], execution: dict[str, Any], error: str, cause: str) -> None:
    """What has been stopped or has timed out stays so, whatever its last state still raises."""
    if execution["status"] == "RUNNING":
        original(execution, error, cause)


# -- states -----------------------------------------------------------------------------------------------------


def _task(
    original: Callable[..., Any], state_def: State, raw_input: Any, execution: dict[str, Any], ctx: dict[str, Any]
) -> Any:
    """A Task runs with its machine's role, and its TimeoutSeconds may be a JSONata expression.

    https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """
    machine = stepfunctions._state_machines.get(ctx["StateMachine"]["Id"]) or {}
    token = integrations.role.set(machine.get("roleArn", ""))
    seconds = state_def.get("TimeoutSeconds")
    if isinstance(seconds, str):
        try:
            value = stepfunctions._jsonata_state_field(state_def, "TimeoutSeconds", "number", raw_input, ctx)
            state_def = {**state_def, "TimeoutSeconds": value}
        except stepfunctions._ExecutionError:
            # As arguments the expression fails where the state's own Retry and Catch see it.
            state_def = {**{k: v for k, v in state_def.items() if k != "TimeoutSeconds"}, "Arguments": seconds}
    try:
        return original(state_def, raw_input, execution, ctx)
    finally:
        integrations.role.reset(token)


def _output_path(original: Callable[..., Any], state_def: State, data: Any, ctx: dict[str, Any] | None = None) -> Any:
    """A Succeed state's Output counts in JSONata; ministack passes its input on."""
    if (
        state_def.get("Type") == "Succeed"
        and "Output" in state_def
        and stepfunctions._state_query_language(state_def, ctx) == "JSONata"
    ):
        return stepfunctions._apply_jsonata_output(state_def, data, ctx)
    return original(state_def, data, ctx)


def _with_siblings(
    original: Callable[..., Any], state_def: State, raw_input: Any, execution: dict[str, Any], ctx: dict[str, Any]
) -> Any:
    """AWS aborts the other iterations (branches) when one fails, and reports the one that failed.

    ministack lets them run to their end and reports the lowest index.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    """
    group = _Siblings(execution, _siblings.get())
    token = _siblings.set(group)
    try:
        return original(state_def, raw_input, execution, ctx)
    except stepfunctions._ExecutionError as error:
        raise (group.first or error) from None
    finally:
        _siblings.reset(token)


def _run_inner(
    original: Callable[..., Any],
    states: Mapping[str, State],
    start_at: str,
    input_data: Any,
    execution: dict[str, Any],
    ctx: dict[str, Any],
) -> Any:
    """One iteration or branch: in the history as on AWS, and over as soon as a sibling has failed."""
    group = _siblings.get()
    iteration = {"name": ctx["State"]["Name"], "index": ctx.get("Map", {}).get("Item", {}).get("Index", 0)}

    def record(kind: str) -> None:
        if "Map" in ctx:
            detail = f"mapIteration{kind}EventDetails"
            stepfunctions._add_event(execution, f"MapIteration{kind}", {detail: iteration})

    record("Started")
    try:
        output = _walk(states, start_at, copy.deepcopy(input_data), execution, ctx, group)
    except _Aborted:
        record("Aborted")
        raise
    except Exception as error:
        if group:
            group.fail(error)
        record("Failed")
        raise
    record("Succeeded")
    return output


def _walk(
    states: Mapping[str, State],
    name: str | None,
    data: Any,
    execution: dict[str, Any],
    ctx: dict[str, Any],
    group: _Siblings | None,
) -> Any:
    while name:
        state = states[name]
        kind = state["Type"]
        if group:
            group.check()
        ctx["State"] = {"Name": name, "EnteredTime": responses.now_iso(), "RetryCount": 0}
        entered = {"name": name, "input": json.dumps(data)}
        stepfunctions._add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        if kind == "Fail":
            raise stepfunctions._ExecutionError(*stepfunctions._fail_state_error(state, data, ctx))
        following = None
        if kind == "Succeed":
            data = stepfunctions._apply_output_path(state, stepfunctions._apply_input_path(state, data, ctx), ctx)
        else:
            execute = getattr(stepfunctions, f"_execute_{kind.lower()}")
            extra = (execution,) if kind in ("Task", "Map", "Parallel") else ()
            data, following = execute(state, data, *extra, ctx)
        if group:
            group.check()
        exited = {"name": name, "output": json.dumps(data)}
        stepfunctions._add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": exited})
        name = following
    return data


# -- errors, retries, limits ------------------------------------------------------------------------------------


def _matches(original: Callable[..., bool], error_equals: list[str], error: str) -> bool:
    """AWS: States.ALL and States.TaskFailed leave out States.Runtime and States.DataLimitExceeded; an abort is final.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    if error in (*_TERMINAL, "States.Aborted"):
        return error in error_equals
    return original(error_equals, error)


def _retrier(
    original: Callable[..., tuple[dict[str, Any] | None, int]],
    retriers: list[dict[str, Any]],
    error: str,
    retry_counts: Mapping[int, int],
) -> tuple[dict[str, Any] | None, int]:
    """MaxDelaySeconds caps the growing interval and JitterStrategy FULL draws from it; ministack knows neither."""
    found, index = original(retriers, error, retry_counts)
    if found is None:
        return None, index
    delay = found.get("IntervalSeconds", 1) * found.get("BackoffRate", 2.0) ** retry_counts.get(index, 0)
    delay = min(delay, found.get("MaxDelaySeconds", delay))
    if found.get("JitterStrategy") == "FULL":
        delay = random.uniform(0, delay)
    return {**found, "IntervalSeconds": delay, "BackoffRate": 1.0}, index


def _sleep(original: Callable[..., None], seconds: float) -> None:
    """A wait or a pause before a retry ends early when the execution, or a sibling, has."""
    end = time.monotonic() + seconds * stepfunctions._SFN_WAIT_SCALE
    group = _siblings.get()
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _SLEEP_SLICE_SECONDS))
        if group:
            group.check()


def _event(
    original: Callable[..., Any],
    execution: dict[str, Any],
    event_type: str,
    details: Mapping[str, Any] | None = None,
) -> Any:
    """History: results over 256 KiB are refused, and errors that are no Task's own have their own event types."""
    for detail in (details or {}).values():
        size = len(str(detail.get("output") or "").encode())
        if size > _LIMIT_BYTES and event_type != "ExecutionSucceeded":
            raise stepfunctions._ExecutionError(
                "States.DataLimitExceeded",
                "The state/task returned a result with a size exceeding the maximum number of bytes service limit.",
            )
    if event_type == "TaskFailed" and details:
        failed = details["taskFailedEventDetails"]
        if failed["error"] == "States.QueryEvaluationError":
            cause = {"error": failed["error"], "cause": failed["cause"]}
            event_type, details = "EvaluationFailed", {"evaluationFailedEventDetails": cause}
        elif failed["error"] == "States.Timeout":
            event_type, details = "TaskTimedOut", {"taskTimedOutEventDetails": failed}
    with _history:
        return original(execution, event_type, details)


def _scale_waits(asked: Mapping[str, Any]) -> None:
    stepfunctions._SFN_WAIT_SCALE = float(asked["scale"])


def install() -> None:
    """Apply the patches and register the control requests."""
    inner = ("state_def", "raw_input", "execution", "ctx")
    replace(stepfunctions, "_create_state_machine", _create, "data")
    replace(stepfunctions, "_update_state_machine", _update, "data")
    replace(stepfunctions, "_start_execution", _start, "data")
    replace(stepfunctions, "_run_execution", _run, "exec_arn")
    replace(stepfunctions, "_fail_execution", _fail, "execution", "error", "cause")
    replace(stepfunctions, "_execute_task", _task, *inner)
    replace(stepfunctions, "_invoke_resource", integrations.call, "resource", "input_data")
    replace(stepfunctions, "_apply_output_path", _output_path, "state_def", "data", "ctx")
    replace(stepfunctions, "_run_map_items", _with_siblings, *inner)
    replace(stepfunctions, "_run_parallel_branches", _with_siblings, *inner)
    replace(stepfunctions, "_run_sub_machine", _run_inner, "states", "start_at", "input_data", "execution", "ctx")
    replace(stepfunctions, "_error_matches", _matches, "error_equals", "error")
    replace(stepfunctions, "_find_matching_retrier", _retrier, "retriers", "error", "retry_counts")
    replace(stepfunctions, "_scaled_sleep", _sleep, "seconds")
    replace(stepfunctions, "_add_event", _event, "execution", "event_type", "details")
    control.register("wait_scale", _scale_waits)
