"""The server process: ministack with our patches on one loopback port, until its parent is gone or SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.local_aws import (
    alarms,
    event_bridge,
    front,
    iam,
    lambdas,
    mail,
    patching,
    scheduler,
    security_hub,
    step_functions,
    tables,
    topics,
)
from tests.local_aws.emulator import lambda_runtime, router

_SERVICES_WITHOUT_A_MODEL = frozenset({"securityhub"})
_PARENT_POLL_SECONDS = 1.0


def run(*, port: int, state_dir: Path, persist: bool, parent: int | None) -> None:
    """Serve until the end; raises patching.PatchError when ministack is not the one we know."""
    patching.check_version()
    _install()
    own_state = state_dir / "security_hub.json"
    if persist and own_state.exists():
        security_hub.restore(json.loads(own_state.read_text()))
    try:
        asyncio.run(_serve(port, parent))
        if persist:
            own_state.write_text(json.dumps(security_hub.state()))
    finally:
        lambda_runtime.reset()


def _install() -> None:
    # Otherwise the first request for a service that ministack lacks loads every model of botocore: 390 MB, 2 s.
    patching.set_value(router, "_KNOWN_AWS_SERVICE_NAMES", _SERVICES_WITHOUT_A_MODEL, was=None)
    for module in (iam, lambdas, step_functions, event_bridge, scheduler, topics, mail, tables, alarms, security_hub):
        module.install()


async def _serve(port: int, parent: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for end in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(end, stop.set)
    if parent is not None:
        threading.Thread(target=_await_end_of_input, args=(loop, stop), daemon=True).start()
        watcher = loop.create_task(_await_end_of_parent(parent, stop))
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.graceful_timeout = 0.2
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    config.accesslog = None
    await serve(front.application, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    if parent is not None:
        watcher.cancel()


def _await_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):  # not sys.stdin.read(): its lock would hold up our own end
        pass
    loop.call_soon_threadsafe(stop.set)


async def _await_end_of_parent(parent: int, stop: asyncio.Event) -> None:
    """A forked child of the parent may hold our input open, so its end alone does not tell."""
    while os.getppid() == parent:
        await asyncio.sleep(_PARENT_POLL_SECONDS)
    stop.set()
