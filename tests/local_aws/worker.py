"""The program of a function's interpreter: stands for the Lambda runtime's own bootstrap.

The server runs this file by path, isolated (`-I -S`), so it imports the standard library only. On standard input
comes one line of set-up, then one line per invocation; on the real standard output goes one line of answer each.
What the function prints goes to standard error, which the server keeps as the function's log.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

END_OF_LOG = "\x1e"
"""Written to standard error after each invocation: by it the server knows that it has the whole log."""

Handler = Callable[[Any, "Context"], Any]
Failure = dict[str, Any]


class Context:
    """What a handler gets as its second argument.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    identity = None
    client_context = None

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = invocation["invoked_function_arn"]
        self.aws_request_id = invocation["request_id"]
        self._deadline = time.monotonic() + invocation["timeout_ms"] / 1000

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the function's time-out, in milliseconds."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def failure(error: BaseException, kind: str | None = None) -> Failure:
    """The payload by which Lambda reports an exception: its class name, its text, the frames of the function."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return {
        "errorMessage": str(error),
        "errorType": kind or type(error).__name__,
        "requestId": "",
        "stackTrace": traceback.format_list(frames),
    }


def load(handler: str) -> Handler | Failure:
    """The handler, or the payload of the failure by which AWS says that there is none."""
    module_name, _, function_name = handler.replace("/", ".").rpartition(".")
    try:
        return getattr(importlib.import_module(module_name), function_name)  # type: ignore[no-any-return]
    except ImportError as error:
        problem = failure(error, "Runtime.ImportModuleError")
        problem["errorMessage"] = f"Unable to import module '{module_name}': {error}"
    except SyntaxError as error:
        problem = failure(error, "Runtime.UserCodeSyntaxError")
    except AttributeError as error:
        problem = failure(error, "Runtime.HandlerNotFound")
        problem["errorMessage"] = f"Handler '{function_name}' missing on module '{module_name}': {error}"
    except Exception as error:  # whatever the module raises is the function's failure, not ours
        problem = failure(error)
    return problem


def answer(function: Handler, message: dict[str, Any]) -> str:
    """One invocation: a line with `result` or `failure`. The interpreter survives both, as on AWS."""
    try:
        result = function(message["event"], Context(message["ctx"]))
    except Exception as error:  # whatever the function raises is its answer
        return json.dumps({"status": "ok", "failure": failure(error), "trace": traceback.format_exc()})
    try:
        return json.dumps({"status": "ok", "result": result})
    except (TypeError, ValueError) as error:
        return json.dumps({"status": "ok", "failure": failure(error, "Runtime.MarshalError"), "trace": str(error)})


def main() -> None:
    """Load the function once, then answer until standard input ends."""
    replies, sys.stdout = sys.stdout, sys.stderr
    setup = json.loads(sys.stdin.readline())
    sys.path[:0] = setup["path"]
    # By this the server knows which process makes a call, and can end it there (LocalAws.crash).
    os.environ["AWS_SDK_UA_APP_ID"] = f"local-aws-pid-{os.getpid()}"
    function = load(setup["handler"])
    if isinstance(function, dict):
        print(json.dumps({"failure": function}), file=replies, flush=True)
        return
    print(json.dumps({"failure": None}), file=replies, flush=True)
    while line := sys.stdin.readline():
        message = json.loads(line)
        os.environ["_X_AMZN_TRACE_ID"] = message["ctx"].get("trace_id") or ""
        reply = answer(function, message)
        print(END_OF_LOG, file=sys.stderr, flush=True)
        print(reply, file=replies, flush=True)


if __name__ == "__main__":
    main()
