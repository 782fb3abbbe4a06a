"""A web server that stands for Slack's incoming webhooks: strict about Slack's rules, and failing on request."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

_BLOCKS = 50
_SECTION_CHARACTERS = 3000
_HEADER_CHARACTERS = 150
_FIELDS = 10
_FIELD_CHARACTERS = 2000
_CONTEXT_ELEMENTS = 10
_ACTION_ELEMENTS = 25
_BUTTON_CHARACTERS = 75
_URL_CHARACTERS = 3000
_BLOCK_ID_CHARACTERS = 255
_TEXT_CHARACTERS = 40_000


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """A message that Slack accepted: `path` of the webhook, `payload` as posted, `at` in seconds since 1970.

    `request_id` is what Slack answered in the header x-slack-req-id.
    """

    path: str
    payload: Mapping[str, Any]
    at: float
    request_id: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: str
    headers: Mapping[str, str]
    delay_seconds: float
    accepted: bool


class SlackServer:
    """Incoming webhooks on a free loopback port. A context manager; any path is a webhook.

    Without a script it answers as Slack does: `ok`, or an error for what Slack does not take.
    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    """

    def __init__(self, port: int = 0) -> None:
        self._messages: list[SlackMessage] = []
        self._refused: list[tuple[str, str]] = []
        self._script: list[_Answer] = []
        self._down = False
        self._requests = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> SlackServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> SlackServer:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def webhook_url(self, path: str = "/services/T00000000/B00000000/xxxxxxxxxxxxxxxxxxxxxxxx") -> str:
        """The URL to put into the secret."""
        return f"http://127.0.0.1:{self.port}{path}"

    def messages(self) -> list[SlackMessage]:
        """What was accepted, oldest first."""
        with self._lock:
            return list(self._messages)

    def refused(self) -> list[tuple[str, str]]:
        """What broke Slack's rules: the error that was answered, and what exactly was wrong."""
        with self._lock:
            return list(self._refused)

    @property
    def requests(self) -> int:
        """How many requests came in, answered well or not."""
        return self._requests

    def clear(self) -> None:
        """Forget the messages and counts, and every scripted answer."""
        with self._lock:
            self._messages.clear()
            self._refused.clear()
            self._script.clear()
            self._requests, self._down = 0, False

    def answer_next(
        self,
        status: int,
        body: str = "",
        *,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        delay_seconds: float = 0.0,
        accepted: bool = False,
    ) -> None:
        """Answer the next `times` requests like this. `accepted`: the message is posted all the same."""
        answer = _Answer(status, body or _ERRORS.get(status, "error"), headers or {}, delay_seconds, accepted)
        with self._lock:
            self._script += [answer] * times

    def rate_limit_next(self, retry_after_seconds: int, *, times: int = 1) -> None:
        """Answer 429 with Retry-After."""
        self.answer_next(429, times=times, headers={"Retry-After": str(retry_after_seconds)})

    def time_out_next(self, delay_seconds: float, *, times: int = 1, accepted: bool = False) -> None:
        """Answer only after `delay_seconds`; with `accepted` the message was posted, and the client cannot know."""
        self.answer_next(200, "ok", times=times, delay_seconds=delay_seconds, accepted=accepted)

    def down(self) -> None:
        """Answer 503 to everything until up()."""
        self._down = True

    def up(self) -> None:
        """Answer again."""
        self._down = False

    def _take(self, path: str, content_type: str, body: bytes) -> _Answer:
        """Decide on one request."""
        with self._lock:
            self._requests += 1
            request_id = f"request-{self._requests}"
            if self._down:
                return _Answer(503, "service_unavailable", {}, 0.0, False)
            scripted = self._script.pop(0) if self._script else None
            problem = _problem(content_type, body)
            if problem is None and (scripted is None or scripted.accepted):
                self._messages.append(SlackMessage(path, json.loads(body), time.time(), request_id))
            if scripted:
                return scripted
            if problem:
                self._refused.append(problem)
                return _Answer(400, problem[0], {}, 0.0, False)
            return _Answer(200, "ok", {"x-slack-req-id": request_id}, 0.0, True)


_ERRORS = {
    400: "invalid_payload",
    403: "action_prohibited",
    404: "no_team",
    410: "channel_is_archived",
    429: "rate_limited",
    500: "rollup_error",
}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away between two requests, as a killed function does, is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _handler(slack: SlackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = slack._take(self.path, self.headers.get("Content-Type", ""), body)
            time.sleep(answer.delay_seconds)
            content = answer.body.encode()
            try:
                self.send_response(answer.status)
                for name, value in {"Content-Type": "text/html", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except ConnectionError:  # the client has given up, as a time-out is meant to make it
                self.close_connection = True

        def log_message(self, *message: object) -> None:
            """Say nothing: the tests ask `messages()`."""

    return Handler


def _problem(content_type: str, body: bytes) -> tuple[str, str] | None:
    """Slack's error for a request and what is wrong with it; None when Slack would take it.

    https://docs.slack.dev/reference/block-kit/blocks
    """
    if not content_type.startswith("application/json"):
        return "invalid_payload", f"Content-Type is {content_type!r}, not application/json"
    try:
        payload = json.loads(body)
    except ValueError as error:
        return "invalid_payload", str(error)
    if not isinstance(payload, dict):
        return "invalid_payload", "the payload is no object"
    text, blocks, attachments = payload.get("text"), payload.get("blocks"), payload.get("attachments")
    if not text and not blocks and not attachments:
        return "no_text", "neither text nor blocks"
    if text is not None and (not isinstance(text, str) or len(text) > _TEXT_CHARACTERS):
        return "msg_too_long", f"text is longer than {_TEXT_CHARACTERS} characters, or no string"
    try:
        _check_blocks(blocks or [])
        for attachment in attachments or []:
            _check_blocks(attachment.get("blocks") or [])
    except _BadBlock as bad:
        return "invalid_blocks", str(bad)
    return None


class _BadBlock(Exception):
    """A block that Slack refuses."""


def _check_blocks(blocks: Any) -> None:
    _require(isinstance(blocks, list), "blocks is no list")
    _require(len(blocks) <= _BLOCKS, f"{len(blocks)} blocks, more than {_BLOCKS}")
    for index, block in enumerate(blocks):
        where = f"blocks[{index}]"
        _require(isinstance(block, dict) and block.get("type") in _CHECKS, f"{where} has no known type")
        _require(len(block.get("block_id", "")) <= _BLOCK_ID_CHARACTERS, f"{where}.block_id is too long")
        _CHECKS[block["type"]](block, where)


def _section(block: Mapping[str, Any], where: str) -> None:
    _require("text" in block or "fields" in block, f"{where} has neither text nor fields")
    if "text" in block:
        _text(block["text"], f"{where}.text", _SECTION_CHARACTERS)
    fields = block.get("fields", [])
    _require(len(fields) <= _FIELDS, f"{where} has {len(fields)} fields, more than {_FIELDS}")
    for index, field in enumerate(fields):
        _text(field, f"{where}.fields[{index}]", _FIELD_CHARACTERS)
    if "accessory" in block:
        _element(block["accessory"], f"{where}.accessory")


def _header(block: Mapping[str, Any], where: str) -> None:
    _text(block.get("text"), f"{where}.text", _HEADER_CHARACTERS, kinds=("plain_text",))


def _context(block: Mapping[str, Any], where: str) -> None:
    elements = block.get("elements") or []
    _require(1 <= len(elements) <= _CONTEXT_ELEMENTS, f"{where} has {len(elements)} elements")
    for index, element in enumerate(elements):
        if element.get("type") == "image":
            _image(element, f"{where}.elements[{index}]")
        else:
            _text(element, f"{where}.elements[{index}]", _SECTION_CHARACTERS)


def _actions(block: Mapping[str, Any], where: str) -> None:
    elements = block.get("elements") or []
    _require(1 <= len(elements) <= _ACTION_ELEMENTS, f"{where} has {len(elements)} elements")
    for index, element in enumerate(elements):
        _element(element, f"{where}.elements[{index}]")


def _image(block: Mapping[str, Any], where: str) -> None:
    _require(bool(block.get("image_url")) and bool(block.get("alt_text")), f"{where} needs image_url and alt_text")


def _divider(block: Mapping[str, Any], where: str) -> None:
    _require(set(block) <= {"type", "block_id"}, f"{where} is a divider with more than a type")


_CHECKS = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "divider": _divider,
}


def _element(element: Any, where: str) -> None:
    _require(isinstance(element, dict) and element.get("type") == "button", f"{where} is no button")
    _text(element.get("text"), f"{where}.text", _BUTTON_CHARACTERS, kinds=("plain_text",))
    _require(len(element.get("url", "")) <= _URL_CHARACTERS, f"{where}.url is longer than {_URL_CHARACTERS} characters")


def _text(text: Any, where: str, most: int, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> None:
    _require(isinstance(text, dict) and text.get("type") in kinds, f"{where} is no {' or '.join(kinds)}")
    value = text.get("text")
    _require(isinstance(value, str) and 1 <= len(value) <= most, f"{where} has not 1 to {most} characters")


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise _BadBlock(problem)
