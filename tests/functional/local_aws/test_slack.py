"""The web server that stands for Slack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.local_aws import SlackServer


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


def post(slack: SlackServer, payload: Any, timeout: float = 5.0) -> requests.Response:
    return requests.post(slack.webhook_url(), json=payload, timeout=timeout)


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


GOOD = {
    "text": "Told",
    "blocks": [
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}},
        {**section("x" * 3000), "fields": [{"type": "mrkdwn", "text": "x" * 2000}] * 10},
        {"type": "divider"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}]},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://x.example"}
            ],
        },
    ],
}


def test_good_message_is_kept(slack: SlackServer) -> None:
    answer = post(slack, GOOD)
    assert (answer.status_code, answer.text) == (200, "ok")
    (message,) = slack.messages()
    assert message.payload == GOOD
    assert message.path.startswith("/services/T")
    assert message.request_id == answer.headers["x-slack-req-id"]


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({}, "no_text"),
        ([], "invalid_payload"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"blocks": [section("x")] * 51}, "invalid_blocks"),
        ({"blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"blocks": [section("")]}, "invalid_blocks"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}]}, "invalid_blocks"),
        ({"blocks": [{"type": "unknown"}]}, "invalid_blocks"),
        ({"attachments": [{"blocks": [section("x" * 3001)]}]}, "invalid_blocks"),
    ],
)
def test_bad_message_is_refused(slack: SlackServer, payload: Any, error: str) -> None:
    answer = post(slack, payload)
    assert (answer.status_code, answer.text) == (400, error)
    assert slack.messages() == []
    assert slack.refused()[0][0] == error


def test_body_must_be_json(slack: SlackServer) -> None:
    for data, kind in ((b"{", "application/json"), (b'{"text": "x"}', "text/plain")):
        answer = requests.post(slack.webhook_url(), data=data, headers={"Content-Type": kind}, timeout=5)
        assert (answer.status_code, answer.text) == (400, "invalid_payload")


def test_scripted_answers_come_in_turn(slack: SlackServer) -> None:
    slack.answer_next(500, times=2)
    slack.rate_limit_next(30)
    answers = [post(slack, GOOD) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [500, 500, 429, 200]
    assert answers[2].headers["Retry-After"] == "30"
    assert len(slack.messages()) == 1
    assert slack.requests == 4


@pytest.mark.parametrize("accepted", [True, False])
def test_time_out(slack: SlackServer, accepted: bool) -> None:
    slack.time_out_next(1.0, accepted=accepted)
    with pytest.raises(requests.ReadTimeout):
        post(slack, GOOD, timeout=0.1)
    assert len(slack.messages()) == accepted


def test_down_until_up(slack: SlackServer) -> None:
    slack.down()
    assert post(slack, GOOD).status_code == 503
    slack.up()
    assert post(slack, GOOD).status_code == 200
