"""The state machines: what asl-validator says of them, and the rules that it does not know.

The names of fields and errors are those of the Amazon States Language with JSONata, https://states-language.net/spec.html,
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html and
https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session
import pytest

from tocsin.alerts import channel_errors, decide, ledger

ROOT = Path(__file__).parents[2]
MACHINES = {path.name: path for path in sorted(ROOT.glob("modules/*/*.asl.json"))}
ASL_VALIDATOR = ROOT / ".tools" / "asl-validator" / "node_modules" / ".bin" / "asl-validator"

ALERT = MACHINES["alert.asl.json"]

Machine = dict[str, Any]

PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")

GOES_ON = {"Next", "End"}
YIELDS = {"Output", "Assign"}
MENDS = {"Retry", "Catch"}
FIELDS = {
    "Choice": {"Choices", "Default", *YIELDS},
    "Fail": {"Error", "Cause"},
    "Map": {"Items", "ItemProcessor", "ItemSelector", "MaxConcurrency", *YIELDS, *GOES_ON, *MENDS},
    "Parallel": {"Arguments", "Branches", *YIELDS, *GOES_ON, *MENDS},
    "Pass": {*YIELDS, *GOES_ON},
    "Succeed": {"Output"},
    "Task": {"Arguments", "Resource", "TimeoutSeconds", *YIELDS, *GOES_ON, *MENDS},
    "Wait": {"Seconds", "Timestamp", *YIELDS, *GOES_ON},
}
RETRY = {"IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds", "JitterStrategy"}

INTEGRATIONS = {
    "arn:${partition}:states:::dynamodb:getItem": ("dynamodb", "GetItem"),
    "arn:${partition}:states:::lambda:invoke": ("lambda", "Invoke"),
}

STATES_ERRORS = {"States.Timeout", "States.TaskFailed"}
"""Those that a retry can do something about."""

SDK_ERRORS = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "DynamoDB.AmazonDynamoDBException",
    "DynamoDB.InternalServerErrorException",
    "DynamoDB.RequestLimitExceededException",
    "DynamoDB.SdkClientException",
}
"""What Step Functions, which calls by the Java SDK, names otherwise than the service does."""


@cache
def service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


def error_is_known(name: str, integration: tuple[str, str]) -> bool:
    """Whether a task of this integration can end with the error: of Step Functions, the service or our function."""
    source, _, rest = name.rpartition(".")
    if source == "":  # the class of an exception that our function raised; boto3 names them after DynamoDB's codes
        return integration[0] == "lambda" and (
            hasattr(botocore.exceptions, name) or name in service("dynamodb").shape_names
        )
    if source.lower() == integration[0]:
        return name in SDK_ERRORS or rest in service(integration[0]).shape_names
    return name in STATES_ERRORS


def levels(machine: Machine) -> Iterator[Machine]:
    """The machine, and each that a Map or Parallel in it holds."""
    yield machine
    for state in machine["States"].values():
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            yield from levels(inner)


def faults(machine: Machine) -> list[str]:
    """What breaks a rule, a sentence each."""
    found = [] if machine.get("QueryLanguage") == "JSONata" else ["the machine is not in JSONata"]
    found += unknown("the machine", machine, {"QueryLanguage", "TimeoutSeconds", "StartAt", "States"})
    found += [] if "TimeoutSeconds" in machine else ["the machine has no TimeoutSeconds"]
    for level in levels(machine):
        if level is not machine:
            found += unknown("an inner machine", level, {"ProcessorConfig", "StartAt", "States"})
        found += ways(level)
        for name, state in level["States"].items():
            found += state_faults(name, state, level["States"])
    return found


def unknown(whose: str, fields: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    return (f"{whose} has an unknown field {field}" for field in fields if field not in known | {"Comment"})


def next_of(state: Machine) -> Iterator[str]:
    for way in (state, *state.get("Choices", []), *state.get("Catch", [])):
        if "Next" in way:
            yield way["Next"]
    if "Default" in state:
        yield state["Default"]


def ways(level: Machine) -> Iterator[str]:
    """Every way leads to a state, and to every state leads a way."""
    reached = {level["StartAt"], *(name for state in level["States"].values() for name in next_of(state))}
    yield from (f"there is no state {name}" for name in sorted(reached - set(level["States"])))
    yield from (f"nothing leads to {name}" for name in level["States"] if name not in reached)


def state_faults(name: str, state: Machine, states: Mapping[str, Machine]) -> Iterator[str]:
    kind = state["Type"]
    yield from unknown(name, state, {"Type", *FIELDS[kind]})
    if FIELDS[kind] >= GOES_ON and ("Next" in state) == ("End" in state):
        yield f"{name} needs either Next or End"
    if kind == "Choice":
        if "Default" not in state:
            yield f"{name} has no Default"
        for choice in state["Choices"]:
            yield from unknown(f"a choice of {name}", choice, {"Condition", "Next", *YIELDS})
    if kind == "Task":
        yield from task_faults(name, state)
    if kind in {"Task", "Map", "Parallel"}:
        yield from catch_faults(name, state, states)


def task_faults(name: str, state: Machine) -> Iterator[str]:
    if "TimeoutSeconds" not in state:
        yield f"{name} has no TimeoutSeconds"
    integration = INTEGRATIONS.get(state["Resource"])
    if integration is None:
        yield f"{name} has an unknown Resource {state['Resource']}"
        return
    known, given = service(integration[0]).operation_model(integration[1]).input_shape, state["Arguments"]
    yield from unknown(f"Arguments of {name}", given, set(known.members))
    yield from (f"Arguments of {name} lack {field}" for field in known.required_members if field not in given)
    if not state.get("Retry"):
        yield f"{name} has no Retry"
    for retry in state.get("Retry", []):
        yield from unknown(f"a Retry of {name}", retry, {"ErrorEquals", *RETRY})
        yield from (f"a Retry of {name} has no {field}" for field in sorted(RETRY - set(retry)))
        if retry.get("JitterStrategy") != "FULL":
            yield f"a Retry of {name} has no full jitter"
        for error in retry["ErrorEquals"]:
            if not error_is_known(error, integration):
                yield f"a Retry of {name} names {error}, which is no transient error of {integration[0]}"


def catch_faults(name: str, state: Machine, states: Mapping[str, Machine]) -> Iterator[str]:
    catches = state.get("Catch", [])
    if not catches or catches[-1]["ErrorEquals"] != ["States.ALL"]:
        yield f"{name} does not end its Catch with States.ALL"
    for catch in catches:
        yield from unknown(f"a Catch of {name}", catch, {"ErrorEquals", "Next", *YIELDS})
        if "States.ALL" in catch["ErrorEquals"] and (catch is not catches[-1] or len(catch["ErrorEquals"]) > 1):
            yield f"a Catch of {name} has States.ALL not last and alone"
        ends = states.get(catch["Next"], {}).get("Type") == "Fail"
        if not ends and "$states.input" not in json.dumps(catch.get("Output", "")):
            yield f"a Catch of {name} loses the state's input"


# ---- the machines ----


@pytest.fixture(params=MACHINES)
def path(request: pytest.FixtureRequest) -> Path:
    return MACHINES[request.param]


def example(placeholder: str) -> str:
    """A value as Terraform would give it."""
    if placeholder.endswith("function_arn"):
        return f"arn:aws:lambda:eu-west-1:111122223333:function:{placeholder}"
    return {"partition": "aws"}.get(placeholder, placeholder)


def test_there_are_machines() -> None:
    assert MACHINES


def test_the_machine_keeps_the_rules(path: Path) -> None:
    assert faults(json.loads(path.read_text())) == []


def asl_validator(machine: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    rendered = scratch / "machine.json"
    rendered.write_text(PLACEHOLDER.sub(lambda match: example(match[1]), machine))
    command = ["node", str(ASL_VALIDATOR), "--json-path", str(rendered)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_asl_validator_takes_the_machine(path: Path, tmp_path: Path) -> None:
    validator = asl_validator(path.read_text(), tmp_path)
    assert validator.returncode == 0, validator.stdout + validator.stderr


def test_asl_validator_refuses_a_broken_machine(tmp_path: Path) -> None:
    validator = asl_validator(ALERT.read_text().replace('"Type": "Task"', '"Type": "Tusk"', 1), tmp_path)
    assert validator.returncode == 1
    assert "is invalid" in validator.stderr


def test_every_placeholder_is_given_and_every_value_used(path: Path) -> None:
    template = path.read_text()
    sources = "\n".join(source.read_text() for source in path.parent.glob("*.tf"))
    call = rf'templatefile\("\$\{{path\.module\}}/{re.escape(path.name)}", \{{\n(.*?)\n *\}}\)'
    given = re.search(call, sources, re.DOTALL)
    assert given is not None, "no templatefile renders it"
    assert set(PLACEHOLDER.findall(template)) == set(re.findall(r"^ *(\w+) *=", given[1], re.MULTILINE))
    assert not re.search(r"%\{|\$\$\{", template), "Terraform reads this as a directive or an escape"


# ---- the order of time-outs ----


def function_timeout_seconds(name: str) -> int:
    """As modules/alerting sets it."""
    module = re.search(
        rf'^module "{name}" \{{.*?^\}}', (ALERT.parent / "main.tf").read_text(), re.MULTILINE | re.DOTALL
    )
    assert module is not None
    found = re.search(r"timeout_seconds = (\d+)", module[0])
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize(("task", "function"), [("Tell", "tell"), ("Settle", "settle")])
def test_a_function_ends_before_its_task(task: str, function: str) -> None:
    states = {name: state for level in levels(json.loads(ALERT.read_text())) for name, state in level["States"].items()}
    assert PLACEHOLDER.findall(states[task]["Arguments"]["FunctionName"]) == [f"{function}_function_arn"]
    assert function_timeout_seconds(function) < states[task]["TimeoutSeconds"] < ledger.RESERVED_MS / 1000


def test_sending_ends_before_its_function() -> None:
    """At worst a stale webhook: two posts, and a secret read in between."""
    post = channel_errors.CONNECT_TIMEOUT_SECONDS + channel_errors.READ_TIMEOUT_SECONDS
    reading: Any = channel_errors.READ_CONFIG
    read = reading.retries["total_max_attempts"] * (reading.connect_timeout + reading.read_timeout)
    assert 2 * post + read < function_timeout_seconds("tell")


def test_a_reservation_lapses_before_the_next_attempt() -> None:
    assert ledger.RESERVED_MS < decide.LEASE_MS < json.loads(ALERT.read_text())["TimeoutSeconds"] * 1000


# ---- each rule bites ----


def edit(machine: Machine, *steps: str, **fields: Any) -> None:
    """Sets the fields of what the steps lead to; None takes a field away."""
    place: Any = machine
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    for field, value in fields.items():
        place.pop(field, None)
        if value is not None:
            place[field] = value


OPEN = ("States", "Open")
TELL = ("States", "TellEach", "ItemProcessor", "States", "Tell")

BREAKS: dict[str, Callable[[Machine], None]] = {
    "the machine is not in JSONata": lambda m: edit(m, QueryLanguage="JSONPath"),
    "the machine has no TimeoutSeconds": lambda m: edit(m, TimeoutSeconds=None),
    "the machine has an unknown field Timeout": lambda m: edit(m, Timeout=1),
    "an inner machine has an unknown field Mode": lambda m: edit(m, *TELL[:3], Mode="INLINE"),
    "there is no state Opne": lambda m: edit(m, StartAt="Opne"),
    "nothing leads to Open": lambda m: edit(m, StartAt="TellEach"),
    "Open has no TimeoutSeconds": lambda m: edit(m, *OPEN, TimeoutSeconds=None),
    "Open has an unknown field Argument": lambda m: edit(m, *OPEN, Argument={}),
    "Open has an unknown field ResultPath": lambda m: edit(m, *OPEN, ResultPath="$.x"),
    "Open needs either Next or End": lambda m: edit(m, *OPEN, End=True),
    "AnyChannel has no Default": lambda m: edit(m, "States", "AnyChannel", Default=None),
    "a choice of AnyChannel has an unknown field Variable": lambda m: edit(
        m, "States", "AnyChannel", "Choices", "0", Variable="$.x"
    ),
    "Tell has an unknown Resource arn:${partition}:states:::lambda:invok": lambda m: edit(
        m, *TELL, Resource="arn:${partition}:states:::lambda:invok"
    ),
    "Arguments of Open has an unknown field ConsistantRead": lambda m: edit(m, *OPEN, "Arguments", ConsistantRead=True),
    "Arguments of Open lack Key": lambda m: edit(m, *OPEN, "Arguments", Key=None),
    "Tell has no Retry": lambda m: edit(m, *TELL, Retry=None),
    "a Retry of Tell has an unknown field Jitter": lambda m: edit(m, *TELL, "Retry", "0", Jitter="FULL"),
    "a Retry of Tell has no MaxDelaySeconds": lambda m: edit(m, *TELL, "Retry", "0", MaxDelaySeconds=None),
    "a Retry of Tell has no MaxAttempts": lambda m: edit(m, *TELL, "Retry", "0", MaxAttempts=None),
    "a Retry of Tell has no JitterStrategy": lambda m: edit(m, *TELL, "Retry", "0", JitterStrategy=None),
    "a Retry of Tell has no full jitter": lambda m: edit(m, *TELL, "Retry", "0", JitterStrategy="NONE"),
    "a Retry of Tell names States.ALL, which is no transient error of lambda": lambda m: edit(
        m, *TELL, "Retry", "0", ErrorEquals=["States.ALL"]
    ),
    "a Retry of Tell names DynamoDB.SdkClientException, which is no transient error of lambda": lambda m: edit(
        m, *TELL, "Retry", "0", ErrorEquals=["DynamoDB.SdkClientException"]
    ),
    "a Retry of Tell names ThrottledException, which is no transient error of lambda": lambda m: edit(
        m, *TELL, "Retry", "0", ErrorEquals=["ThrottledException"]
    ),
    "Open does not end its Catch with States.ALL": lambda m: edit(m, *OPEN, Catch=None),
    "TellEach does not end its Catch with States.ALL": lambda m: edit(m, "States", "TellEach", Catch=None),
    "a Catch of Open has an unknown field ResultPath": lambda m: edit(m, *OPEN, "Catch", "0", ResultPath="$.x"),
    "a Catch of Open has States.ALL not last and alone": lambda m: edit(
        m, *OPEN, "Catch", "0", ErrorEquals=["States.Timeout", "States.ALL"]
    ),
    "a Catch of Tell loses the state's input": lambda m: edit(m, *TELL, "Catch", "0", Output={"channel": "?"}),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_a_broken_rule_is_named(fault: str) -> None:
    machine = copy.deepcopy(json.loads(ALERT.read_text()))
    BREAKS[fault](machine)
    assert fault in faults(machine)
