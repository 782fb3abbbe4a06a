"""AWS as moto has it, and a web server on loopback that stands for Slack."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from moto import mock_aws

PATH = "/services/T00000000/B00000000/secretsecretsecret"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@dataclass
class WebServer:
    """Answers each request with the next of `answers`, the last one again and again, and keeps what it was sent."""

    port: int = 0
    answers: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer(answers=[answer(200, "ok")])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.paths.append(self.path)
            server.headers.append(dict(self.headers))
            server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            reply = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            reply(self)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = running.server_address[1]
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    running.shutdown()
    running.server_close()
    thread.join()


def answer(status: int, body: str, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer; an underscore in a header's name is a hyphen."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body.encode())))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return reply
