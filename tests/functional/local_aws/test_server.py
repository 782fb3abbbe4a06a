"""The server's life: where it listens, when it ends, what it remembers, and what it says when ministack changes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.functional.local_aws.kit import eventually, zipped
from tests.local_aws import LocalAws, LocalAwsError, patching

ROOT = Path(__file__).parents[3]


def listens(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def test_ends_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import pathlib, time\nfrom tests.local_aws import LocalAws\n"
        f"aws = LocalAws(state_dir=pathlib.Path({str(tmp_path)!r})).start()\n"
        "print(aws.port, flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    port = int(parent.stdout.readline())
    assert listens(port)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not listens(port), seconds=5)


def other_address() -> str:
    """An address of this machine that is not 127.0.0.1."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the interface
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.2"


def test_listens_on_the_loopback_interface_only(local_aws: LocalAws) -> None:
    assert listens(local_aws.port)
    assert not listens(local_aws.port, other_address())


def test_state_comes_back_on_the_same_port(tmp_path: Path) -> None:
    code = zipped({"main.py": "def handler(event, context): return 'here'"})
    with LocalAws(state_dir=tmp_path, persist=True) as aws:
        port = aws.port
        queue = aws.client("sqs").create_queue(QueueName="kept")["QueueUrl"]
        aws.client("securityhub").enable_security_hub()
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = aws.client("iam").create_role(RoleName="kept", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        aws.client("lambda").create_function(
            FunctionName="kept", Runtime="python3.13", Handler="main.handler", Role=role, Code={"ZipFile": code}
        )
    started = time.monotonic()
    with LocalAws(state_dir=tmp_path, persist=True) as aws:
        assert time.monotonic() - started < 5
        assert aws.port == port
        assert aws.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"] == queue
        assert "HubArn" in aws.client("securityhub").describe_hub()
        assert json.load(aws.client("lambda").invoke(FunctionName="kept")["Payload"]) == "here"
    with pytest.raises(LocalAwsError, match=f"belongs to port {port}"):
        LocalAws(state_dir=tmp_path, persist=True, port=port + 1).start()


def test_port_in_use_is_said(tmp_path: Path, local_aws: LocalAws) -> None:
    with pytest.raises(LocalAwsError, match=f"port {local_aws.port} is in use"):
        LocalAws(state_dir=tmp_path, port=local_aws.port).start()


def test_start_that_fails_shows_the_log(tmp_path: Path) -> None:
    aws = LocalAws(state_dir=tmp_path, region="--nonsense")
    with pytest.raises(LocalAwsError, match="expected one argument"):
        aws.start()


def test_environment_is_the_users_in_nothing(local_aws: LocalAws) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"],
        env={"PATH": os.environ["PATH"], **local_aws.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == local_aws.account_id


class TestPatching:
    module = SimpleNamespace(__name__="ministack.services.some")

    def test_part_that_is_gone(self) -> None:
        with pytest.raises(patching.PatchError, match=r"some\.absent is gone"):
            patching.replace(self.module, "absent", lambda original: None)

    def test_other_parameters(self) -> None:
        self.module.function = lambda one, two: None
        with pytest.raises(patching.PatchError, match=r"some\.function takes \('one', 'two'\)"):
            patching.replace(self.module, "function", lambda original: None, "one")

    def test_other_value(self) -> None:
        self.module.value = 2
        with pytest.raises(patching.PatchError, match=r"some\.value is 2, not 1"):
            patching.set_value(self.module, "value", 3, was=1)

    def test_other_release(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.metadata.version", lambda name: "9.9.9")
        with pytest.raises(patching.PatchError, match=r"ministack is 9\.9\.9, the patches are for 1\.5\.33"):
            patching.check_version()

    def test_original_comes_first(self) -> None:
        self.module.function = lambda one: one
        patching.replace(self.module, "function", lambda original, one: original(one) + 1, "one")
        assert self.module.function(1) == 2
