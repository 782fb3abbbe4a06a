"""Start, steer and ask a local AWS from a demo or a test."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config

from tests.local_aws.records import Call, Event, Mail, Permission, SnsMessage

_ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 30.0
_STOP_SECONDS = 15.0
_CONTROL_SECONDS = 60.0
_MEMORY_FILE = "local_aws.json"


class LocalAwsError(Exception):
    """The local AWS cannot do what was asked; the message says what and why."""


class LocalAws:
    """One local AWS: a server process on a free loopback port, gone when this process is gone.

    `state_dir` holds its log, its scratch files and, with `persist`, its state: then stopping saves it and the
    next start with the same folder loads it, on the same port (queue URLs hold it). With `auth`, signatures and
    the permissions of every role are checked. `client()` calls with the account's own keys, which may do anything.
    """

    def __init__(
        self,
        *,
        state_dir: Path,
        port: int | None = None,
        persist: bool = False,
        region: str = "eu-west-1",
        account_id: str = "111122223333",
        auth: bool = True,
    ) -> None:
        self.region = region
        self.account_id = account_id
        self.persist = persist
        self.auth = auth
        self.state_dir = state_dir
        self._wanted_port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._port: int | None = None

    @property
    def port(self) -> int:
        """The port it listens on; LocalAwsError before start()."""
        if self._port is None:
            raise LocalAwsError("the local AWS has not been started: call start(), or use it as a context manager")
        return self._port

    @property
    def endpoint(self) -> str:
        """The URL of every service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """What the server and the functions' interpreters wrote outside of CloudWatch Logs."""
        return self.state_dir / "local_aws.log"

    def __enter__(self) -> LocalAws:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> LocalAws:
        """Start the server and wait until it answers. Raises LocalAwsError with the end of its log when it does not."""
        if self._process is not None:
            raise LocalAwsError(f"the local AWS already runs on {self.endpoint}")
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._port = self._choose_port()
        command = [sys.executable, "-m", "tests.local_aws", "--port", str(self._port)]
        command += ["--state-dir", str(self.state_dir), "--region", self.region, "--account-id", self.account_id]
        command += ["--parent", str(os.getpid())]
        command += ["--persist"] if self.persist else []
        command += [] if self.auth else ["--no-auth"]
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=_ROOT,
                env=self._server_environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we stop it ourselves
            )
        self._await_ready()
        return self

    def stop(self) -> None:
        """Save the state (with `persist`), end the server and the functions' interpreters. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdin:
            process.stdin.close()

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client with the account's own keys; `options` go to boto3, `config` is merged over ours."""
        ours = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=70, inject_host_prefix=False)
        config = options.pop("config", None)
        return boto3.Session(
            aws_access_key_id=self.account_id, aws_secret_access_key="test", region_name=self.region
        ).client(  # type: ignore[call-overload]
            service, endpoint_url=self.endpoint, config=ours.merge(config) if config else ours, **options
        )

    def environment(self) -> dict[str, str]:
        """What a subprocess (Terraform, the AWS CLI) needs to use this AWS and nothing of the user's own."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.account_id,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def publish(self, event: Mapping[str, Any], *, bus: str = "default") -> str:
        """Deliver an EventBridge envelope as the AWS service that sends it; returns the event's id.

        The envelope keeps its own `id`, `time`, `account` and `region`: publishing it again is a redelivery.
        """
        return str(self._control("publish", event=event, bus=bus))

    def events(self) -> list[Event]:
        """Every event that reached a bus, oldest first."""
        return [Event(**{**entry, "rules": tuple(entry["rules"])}) for entry in self._control("events")]

    def mails(self) -> list[Mail]:
        """Every message that SES accepted, oldest first."""
        lists = ("to", "cc", "bcc", "reply_to")
        return [Mail(**{**entry, **{name: tuple(entry[name]) for name in lists}}) for entry in self._control("mails")]

    def sns_messages(self) -> list[SnsMessage]:
        """Every message that a topic accepted, oldest first."""
        return [SnsMessage(**entry) for entry in self._control("sns_messages")]

    def calls(self, service: str | None = None, operation: str | None = None) -> list[Call]:
        """The API calls made, oldest first; `service` and `operation` (boto3's names) narrow it."""
        return [Call(**entry) for entry in self._control("calls", service=service, operation=operation)]

    def permissions(self) -> list[Permission]:
        """Every different question that the policies of a role were asked since the start, and their answer."""
        return [Permission(**entry) for entry in self._control("permissions")]

    def clear_journals(self) -> None:
        """Forget the events, mails, messages and calls so far."""
        self._control("clear_journals")

    def forget_findings(self) -> None:
        """Empty Security Hub of its findings, so that any may be imported again, older ones too."""
        self._control("forget_findings")

    def fail(
        self,
        service: str,
        operation: str,
        code: str,
        status: int = 400,
        times: int = 1,
        after_effect: bool = False,
        *,
        resource: str = "",
        role: str = "",
        containing: str = "",
        delay_seconds: float = 0.0,
    ) -> None:
        """Answer the next `times` calls of an operation with an error.

        `after_effect`: the call is done and its answer lost. `resource` (a part of the name is enough), `role` and
        `containing` narrow it to calls that name that resource, come from that role, have that text in their request.
        `delay_seconds` pass before the error.
        """
        self._control(
            "fail",
            service=service,
            operation=operation,
            code=code,
            status=status,
            times=times,
            after_effect=after_effect,
            resource=resource,
            role=role,
            containing=containing,
            crash=False,
            delay_seconds=delay_seconds,
        )

    def slow(
        self,
        service: str,
        operation: str,
        seconds: float,
        times: int = 1,
        *,
        resource: str = "",
        role: str = "",
        containing: str = "",
    ) -> None:
        """Let the next `times` calls of an operation wait before they are done, and succeed."""
        self.fail(
            service,
            operation,
            code="",
            times=times,
            resource=resource,
            role=role,
            containing=containing,
            delay_seconds=seconds,
        )

    def crash(
        self,
        service: str,
        operation: str,
        *,
        times: int = 1,
        after_effect: bool = False,
        resource: str = "",
        role: str = "",
        containing: str = "",
    ) -> None:
        """Kill the function that makes the next such call: before it is done, or with `after_effect` after it."""
        self._control(
            "fail",
            service=service,
            operation=operation,
            code="ServiceUnavailable",
            status=503,
            times=times,
            after_effect=after_effect,
            resource=resource,
            role=role,
            containing=containing,
            crash=True,
            delay_seconds=0.0,
        )

    def unverify(self, identity: str) -> None:
        """Let SES refuse what this identity sends, as if it had never been verified."""
        self._control("unverify", identity=identity)

    def remove_topic(self, topic_arn: str) -> None:
        """Let SNS find this topic no more."""
        self._control("remove_topic", topic_arn=topic_arn)

    def heal(self) -> None:
        """Forget every fault that is still waiting; identities are verified again, and topics there."""
        self._control("heal")

    def idle(self) -> bool:
        """Whether nothing moves by itself: no function or execution runs, and no message waits for a function.

        A message whose run failed is invisible, and does not count: see `release_messages`.
        """
        return bool(self._control("idle"))

    def fire(self, schedule_name: str) -> None:
        """Run an EventBridge schedule now, whatever its expression says."""
        self._control("fire", schedule=schedule_name)

    def custom_action(self, action: str, finding_ids: Sequence[str]) -> str:
        """Send findings to a Security Hub action target (its name or id), as a person does; returns the event's id."""
        return str(self._control("custom_action", action=action, finding_ids=list(finding_ids)))

    def release_messages(self, queue_url: str) -> int:
        """End the invisibility of a queue's messages, so that a failed batch comes again now; returns how many."""
        return int(self._control("release_messages", queue_url=queue_url))

    def wait_scale(self, scale: float) -> None:
        """Run the waits and retry pauses of state machines at this fraction of their time; 0 skips them."""
        self._control("wait_scale", scale=scale)

    def _control(self, name: str, **parameters: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_CONTROL_SECONDS)
        try:
            connection.request("POST", f"/_local_aws/{name}", json.dumps(parameters))
            response = connection.getresponse()
            answer = json.load(response)
        except OSError as error:
            raise LocalAwsError(f"{name}: the local AWS does not answer ({error}); see {self.log_file}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise LocalAwsError(f"{name}: {answer['error']}")
        return answer

    def _server_environment(self) -> dict[str, str]:
        """Nothing of the user's AWS set-up, proxies or Python may reach the server and the functions in it."""
        kept = {name: os.environ[name] for name in ("PATH", "LOG_LEVEL") if name in os.environ}
        return {**kept, "HOME": str(self.state_dir.resolve()), "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONUNBUFFERED": "1"}

    def _choose_port(self) -> int:
        memory = self.state_dir / _MEMORY_FILE
        remembered = json.loads(memory.read_text())["port"] if self.persist and memory.exists() else None
        port = self._wanted_port or remembered or _free_port()
        if remembered not in (None, port):
            raise LocalAwsError(
                f"the state in {self.state_dir} belongs to port {remembered}: use that one, or another folder"
            )
        if not _is_free(port):
            raise LocalAwsError(
                f"port {port} is in use by another process: stop it, or remove {self.state_dir} to begin anew"
            )
        if self.persist:
            memory.write_text(json.dumps({"port": port}))
        return port

    def _await_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._control("ready")
                return
            except LocalAwsError:
                time.sleep(0.02)
        self.stop()
        end = self.log_file.read_text(errors="replace")[-2000:]
        raise LocalAwsError(f"the local AWS did not start on port {self._port}; its log ends with:\n{end}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
