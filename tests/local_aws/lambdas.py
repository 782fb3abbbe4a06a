"""Lambda: real interpreters that see what a function sees on AWS, and errors under the names AWS gives them."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.local_aws import control, faults, iam, journal
from tests.local_aws.emulator import (
    cloudwatch_logs,
    concurrency,
    lambda_runtime,
    lambdas,
    responses,
    sqs,
    stepfunctions,
)
from tests.local_aws.patching import replace
from tests.local_aws.records import Call
from tests.local_aws.worker import END_OF_LOG

Response = tuple[int, dict[str, str], bytes]

PARALLEL = 4
"""How many functions run at once; the rest wait. AWS would start an environment each: 80 take 3 GB here.

A function that waits for another function holds its place meanwhile: four such chains at once would stand still.
"""

_slots = threading.BoundedSemaphore(PARALLEL)
_START_SECONDS = 60.0
_LOG_SECONDS = 0.25
_RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
_unpacking = threading.Lock()


class InitFailed(Exception):
    """A function could not be loaded; `payload` is what Lambda reports."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        super().__init__(payload["errorMessage"])
        self.payload = payload


def _execute(
    original: Callable[..., dict[str, Any]], func: dict[str, Any], event: Any, request_id: str
) -> dict[str, Any]:
    """Run a function and name its failure as AWS does.

    AWS: the caller sees the class of the exception, and the environment lives on; a process that died is
    Runtime.ExitError, one that took too long Sandbox.Timedout, code that cannot be loaded Runtime.ImportModuleError.
    ministack: Runtime.HandlerError for all of them, and a new interpreter after each.
    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    config = func.get("config") or func
    lambdas._ensure_reaper_thread()
    with _slots:
        worker, _ = lambda_runtime.acquire_worker(
            config["FunctionName"], config, func["code_zip"], qualifier=config.get("Version", "$LATEST")
        )
        try:
            reply = worker.invoke(event, request_id, invoked_function_arn=config["FunctionArn"])
        except InitFailed as error:
            return _failed({**error.payload, "requestId": request_id}, str(error.payload["errorMessage"]))
        finally:
            lambda_runtime.release_worker(worker)
    log = reply.get("log", "")
    if failure := reply.get("failure"):
        return _failed({**failure, "requestId": request_id}, f"{log}\n[ERROR] {reply.get('trace', '')}".strip())
    if reply.get("status") == "ok":
        return {"body": reply.get("result"), "log": log}
    if "timed out" in reply.get("error", ""):
        kind, text = "Sandbox.Timedout", reply["error"]
    else:
        kind, text = "Runtime.ExitError", "Runtime exited without providing a reason"
    return _failed({"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {text}"}, f"{log}\n{text}")


def _failed(payload: Mapping[str, Any], log: str) -> dict[str, Any]:
    return {"body": dict(payload), "error": True, "function_error": "Unhandled", "log": log}


def _spawn(original: Callable[..., None], self: Any) -> None:
    """Start an interpreter that has the function, its layers and AWS's SDK on its path, and nothing else.

    AWS: /var/task, /opt/python, /var/runtime. ministack: the server's own packages as well, which would hide a
    dependency that was left out of the layer, and the layers before the function's code.
    https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
    """
    config = self.config
    self._discard_tmpdir()
    self._tmpdir = tempfile.mkdtemp(prefix="function-")
    code = _unpacked(self.code_zip)
    path = [code]
    for layer in config.get("Layers", []):
        content = lambdas._resolve_layer_zip(layer)
        if content:
            python = _unpacked(content) / "python"
            path += [python / "lib" / config["Runtime"] / "site-packages", python]
    path.append(_runtime_packages())
    self._proc = subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", str(Path(__file__).with_name("worker.py"))],
        cwd=code,
        env=_environment(config, code),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        encoding="utf-8",
    )
    self._stderr_thread = threading.Thread(target=self._read_stderr, daemon=True)
    self._stderr_thread.start()
    too_slow = threading.Timer(_START_SECONDS, self._proc.kill)
    too_slow.start()
    self._proc.stdin.write(json.dumps({"handler": config["Handler"], "path": [str(part) for part in path]}) + "\n")
    self._proc.stdin.flush()
    ready = json.loads(self._proc.stdout.readline() or "{}")
    too_slow.cancel()
    if ready.get("failure", True):
        process, self._proc = self._proc, None
        process.kill()
        process.wait()
        raise InitFailed(
            ready.get("failure")
            or {"errorType": "Runtime.ExitError", "errorMessage": f"Runtime exited: {self._drain_stderr_bounded()}"}
        )


def _drain(original: Callable[..., str], self: Any, **waits: float) -> str:
    """What a function logged in one run, at once; ministack waits 50 ms to see whether more comes."""
    lines: list[str] = []
    deadline = time.monotonic() + _LOG_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = self._stderr_queue.get(timeout=left)
        except queue.Empty:
            break
        if line.endswith(END_OF_LOG):
            lines += [line.removesuffix(END_OF_LOG)] if line != END_OF_LOG else []
            break
        lines.append(line)
    return "\n".join(lines)


def _environment(config: Mapping[str, Any], code: Path) -> dict[str, str]:
    """The variables of a function's process: the user's, then Lambda's own, which win.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    _, region = lambda_runtime._account_region_from_function_config(config)
    name = config["FunctionName"]
    return {
        **{variable: os.environ[variable] for variable in ("PATH", "HOME", "LANG", "TZ")},
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        **config.get("Environment", {}).get("Variables", {}),
        **lambda_runtime.execution_credentials(config),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": responses.new_uuid(),
        "LAMBDA_TASK_ROOT": str(code),
        "_HANDLER": config["Handler"],
        "NO_PROXY": "*",
    }


def _unpacked(content: bytes) -> Path:
    """A zip's content in a folder named by its hash: unpacked and compiled once, however many interpreters start."""
    folder = Path(tempfile.gettempdir()) / "unpacked" / hashlib.sha256(content).hexdigest()[:32]
    with _unpacking:
        if not folder.exists():
            fresh = Path(tempfile.mkdtemp(dir=_made(folder.parent)))
            (fresh / "zip").write_bytes(content)
            with zipfile.ZipFile(fresh / "zip") as archive:
                archive.extractall(fresh / "content")
            (fresh / "content").rename(folder)
            shutil.rmtree(fresh)
    return folder


def _runtime_packages() -> Path:
    """A folder with the SDK that AWS's Python runtimes bring, as links into our own packages."""
    folder = Path(tempfile.gettempdir()) / "runtime"
    with _unpacking:
        if not folder.exists():
            site = Path(sys.modules["botocore"].__file__ or "").parents[1]
            for package in _RUNTIME_PACKAGES:
                if (site / package).exists():
                    (_made(folder) / package).symlink_to(site / package)
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _create(original: Callable[..., Response], data: dict[str, Any]) -> Response:
    """AWS refuses a role that Lambda cannot assume; ministack checks only that it exists."""
    return _unless_unassumable(data) or original(data)


def _update(original: Callable[..., Response], name: str, data: dict[str, Any]) -> Response:
    """As for CreateFunction."""
    return _unless_unassumable(data) or original(name, data)


def _unless_unassumable(data: Mapping[str, Any]) -> Response | None:
    if "Role" not in data or iam.assumable_by(data["Role"], "lambda.amazonaws.com"):
        return None
    return _invalid("The role defined for the function cannot be assumed by Lambda.")


def _create_mapping(original: Callable[..., Response], data: dict[str, Any]) -> Response:
    """AWS asks of a queue's event source: the role may read it, its visibility covers a run, a window for big batches.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    source = sqs._queue_by_arn(data.get("EventSourceArn", ""))
    function, config, _ = lambdas._get_func_record_for_ref(data.get("FunctionName", ""))
    if source and function and config:
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            if not iam.role_may(config["Role"], f"sqs:{action}", data["EventSourceArn"]):
                return _invalid(f"The provided execution role does not have permissions to call {action} on SQS")
        visible, timeout = int(source["attributes"].get("VisibilityTimeout", 30)), int(config.get("Timeout", 3))
        if visible < timeout:
            return _invalid(
                f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds"
            )
        if data.get("BatchSize", 10) > 10 and not data.get("MaximumBatchingWindowInSeconds"):
            return _invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
            )
    return original(data)


def _invalid(message: str) -> Response:
    answer: Response = responses.error_response_json("InvalidParameterValueException", message, 400)
    return answer


def _write_log(original: Callable[..., None], func: dict[str, Any], *details: Any, **options: Any) -> None:
    """AWS writes a function's log as the function's role; without the permission there is no log, and no error."""
    config = func.get("config") or func
    name = config["FunctionName"]
    group = config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
    scope = f"arn:aws:logs:{responses.get_region()}:{responses.get_account_id()}:log-group:{group}"
    needed = ["logs:CreateLogStream", "logs:PutLogEvents"]
    needed += [] if group in cloudwatch_logs._log_groups else ["logs:CreateLogGroup"]
    if all(iam.role_may(config["Role"], action, f"{scope}:log-stream:any") for action in needed):
        original(func, *details, **options)


def _run_batch(
    original: Callable[..., None],
    esm: dict[str, Any],
    func_rec: dict[str, Any],
    event: dict[str, Any],
    batch: list[dict[str, Any]],
    queue_url: str,
    queue_name: str,
) -> None:
    """Journal a run that a queue causes, or let it fail: before it, or after it with its messages not deleted."""
    started = time.time()
    fault = faults.meet("lambda", "Invoke", esm["FunctionName"], event)
    if fault is None:
        original(esm, func_rec, event, batch, queue_url, queue_name)
    elif fault.after_effect:
        lambdas._execute_function(func_rec, event)
    journal.calls.append(
        Call(
            service="lambda",
            operation="Invoke",
            principal="sqs.amazonaws.com",
            role="",
            resource=esm["FunctionName"],
            status=fault.status if fault else 200,
            error=fault.code if fault else None,
            write_units=0.0,
            at=started,
        )
    )


def _release(asked: Mapping[str, Any]) -> int:
    """Make the messages of a queue that are being worked on, or waiting for another try, visible now."""
    name = str(asked["queue_url"]).rsplit("/", 1)[-1]
    found = sqs._queue_by_arn(f"arn:aws:sqs:{responses.get_region()}:{responses.get_account_id()}:{name}")
    if found is None:
        raise control.Refused(f"there is no queue {asked['queue_url']!r}")
    hidden = [message for message in found["messages"] if message["visible_at"] > time.time()]
    for message in hidden:
        message["visible_at"] = 0
    lambdas._esm_backoff_until._data.clear()  # the pause that follows a run that failed
    concurrency.esm_wake.set()
    return len(hidden)


def _idle(_: Mapping[str, Any]) -> bool:
    """Nothing runs, and nothing is about to: no function, no execution, no message for a function."""
    if lambdas._esm_inflight or lambda_runtime.workers_in_use():
        return False
    if any(execution["status"] == "RUNNING" for execution in list(stepfunctions._executions.values())):
        return False
    mappings = [mapping for mapping in list(lambdas._esms.values()) if mapping.get("Enabled", True)]
    sources = [sqs._queue_by_arn(mapping["EventSourceArn"]) for mapping in mappings]
    now = time.time()
    return not any(message["visible_at"] <= now for queue in sources if queue for message in list(queue["messages"]))


def install() -> None:
    """Apply the patches and register the control requests."""
    shutil.rmtree(Path(tempfile.gettempdir()), ignore_errors=True)
    _made(Path(tempfile.gettempdir()))
    replace(lambdas, "_execute_function_warm", _execute, "func", "event", "request_id")
    replace(lambda_runtime.Worker, "_spawn", _spawn, "self")
    replace(
        lambda_runtime.Worker,
        "_drain_stderr_bounded",
        _drain,
        "self",
        "first_line_wait",
        "idle_confirm",
        "hard_cap",
    )
    replace(lambdas, "_create_function", _create, "data")
    replace(lambdas, "_update_config", _update, "name", "data")
    replace(lambdas, "_create_esm", _create_mapping, "data")
    replace(lambdas, "_run_sqs_batch", _run_batch, "esm", "func_rec", "event", "batch", "queue_url", "queue_name")
    control.register("release_messages", _release)
    control.register("idle", _idle)
    replace(
        lambdas,
        "_emit_lambda_logs",
        _write_log,
        "func",
        "request_id",
        "log_text",
        "error",
        "duration_ms",
        "log_source",
    )
