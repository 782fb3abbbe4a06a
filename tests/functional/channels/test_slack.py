"""Posting to a real web server on loopback: what is surely not sent, what waits, what is unknown."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import boto3
import pytest
import requests
from botocore.exceptions import ReadTimeoutError

from tests.factories import alert
from tests.functional.channels.conftest import PATH, WebServer, answer
from tocsin.alerts import slack
from tocsin.alerts.channel_errors import Deferred, NotSent, Unknown
from tocsin.alerts.channels import Clients
from tocsin.settings import Slack

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ANSWER_IN_SECONDS = 0.2

pytestmark = pytest.mark.usefixtures("aws")


def secret(value: str) -> str:
    return boto3.client("secretsmanager").create_secret(Name="webhook", SecretString=value)["ARN"]


def post_to(secret_arn: str, *hosts: str) -> slack.Post:
    return slack.compose(Slack(secret_arn, hosts or ("127.0.0.1",)), alert(), name="tocsin")


def send(post: slack.Post, clients: Clients | None = None) -> str:
    clients = clients or Clients()
    return slack.send(
        post, webhooks=clients.webhooks, session=clients.session, timeouts_seconds=(1.0, ANSWER_IN_SECONDS)
    )


def refusal(post: slack.Post, kind: type[Exception] = NotSent, *, clients: Clients | None = None) -> str:
    """The reason of a failure, which never holds the address, and nothing that a log would print with it does."""
    with pytest.raises(kind) as caught:
        send(post, clients)
    assert type(caught.value) is kind
    assert "secretsecretsecret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_message_arrives_once_as_composed(web: WebServer) -> None:
    post = post_to(secret(web.url))
    assert send(post) == "ok"
    assert web.paths == [PATH]
    assert [json.loads(body) for body in web.bodies] == [json.loads(post.payload)]
    assert web.headers[0]["Content-Type"] == "application/json; charset=utf-8"


def test_slacks_request_id_is_the_message_id(web: WebServer) -> None:
    web.answers = [answer(200, "ok", x_slack_req_id="0123abcd")]
    assert send(post_to(secret(web.url))) == "0123abcd"


@pytest.mark.parametrize("key", ["url", "webhook_url"])
def test_secret_may_be_json(web: WebServer, key: str) -> None:
    assert send(post_to(secret(json.dumps({key: f" {web.url}\n"})))) == "ok"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("-5", 1),
        ("1.5", 1.5),
        ("999999999", 86_400),
        ("inf", 86_400),
        ("nan", 30),
        ("soon", 30),
        ("", 30),
        pytest.param(format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True), 1, id="a time that is over"),
    ],
)
def test_too_many_requests_waits_as_long_as_asked(web: WebServer, value: str, seconds: float) -> None:
    web.answers = [answer(429, "rate_limited", Retry_After=value)]
    with pytest.raises(Deferred) as caught:
        send(post_to(secret(web.url)))
    assert caught.value.retry_after_seconds == seconds
    assert len(web.paths) == 1


def test_retry_after_may_be_a_date_or_missing(web: WebServer) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    web.answers = [answer(429, "", Retry_After=date), answer(429, "")]
    arn = secret(web.url)
    with pytest.raises(Deferred) as caught:
        send(post_to(arn))
    assert 90 < caught.value.retry_after_seconds <= 100
    with pytest.raises(Deferred) as caught:
        send(post_to(arn))
    assert caught.value.retry_after_seconds == 30


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, "invalid_blocks", "400 invalid_blocks"),
        (404, "no_team", "404 no_team"),
        (302, "", "302"),
        (404, f"Cannot POST {PATH} (secretsecretsecret)", "404 Cannot POST … (…)"),
        (500, "", "500"),
        (503, "<h1>\r\nx</h1>\x1b" + "y" * 9000, "503 <h1> x</h1>yy"),
    ],
)
def test_what_other_answers_mean(web: WebServer, status: int, body: str, reason: str) -> None:
    web.answers = [answer(status, body, Location="http://127.0.0.1:1/")]
    shown = refusal(post_to(secret(web.url)), Unknown if status >= 500 else NotSent)
    assert shown.startswith(reason)
    assert len(shown) < 130
    assert len(web.paths) == 1


def wait(_: BaseHTTPRequestHandler) -> None:
    time.sleep(3 * ANSWER_IN_SECONDS)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("reply", "reason"), [(wait, "no answer from 127.0.0.1"), (hang_up, "broke before the answer")]
)
def test_no_answer_is_unknown_and_not_tried_again(
    web: WebServer, reply: Callable[[BaseHTTPRequestHandler], None], reason: str
) -> None:
    web.answers = [reply]
    assert reason in refusal(post_to(secret(web.url)), Unknown)
    assert len(web.paths) == 1


def test_refused_connection_is_not_sent() -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}{PATH}"
        assert refusal(post_to(secret(url))) == "no connection to 127.0.0.1"


def test_plain_text_where_tls_is_expected_is_not_sent(web: WebServer) -> None:
    assert "SSLError" in refusal(post_to(secret(web.url.replace("http:", "https:"))))
    assert web.paths == []


def test_host_that_does_not_exist_is_not_sent() -> None:
    assert refusal(post_to(secret(f"https://hook.invalid{PATH}"), "hook.invalid")) == "no connection to hook.invalid"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"https://evil.example{PATH}", "leads to evil.example, which is not among allowed_hosts"),
        (f"https://hooks.slack.com.evil.example{PATH}", "not among allowed_hosts"),
        (f"https://hooks.slack.com@evil.example{PATH}", "no usable URL"),
        (f"https://user:secretsecretsecret@hooks.slack.com{PATH}", "no usable URL"),
        (f"http://hooks.slack.com{PATH}", "not https"),
        (f"http://127.0.0.1:1{PATH}", "leads to 127.0.0.1, which is not among allowed_hosts"),
        (f"ftp://hooks.slack.com{PATH}", "not https"),
        (f"https://hooks.slack.com:secretsecretsecret{PATH}", "no usable URL"),
        (f"https://hooks.slack.com{PATH}\r\nX: y", "no usable URL"),
        (f"https://[::1{PATH}", "no usable URL"),
        ("secretsecretsecret", "no usable URL"),
        ('{"url": 5, "secretsecretsecret": 1}', "holds no webhook"),
        ('{"secretsecretsecret', "holds no webhook"),
        (" ", "holds no webhook"),
    ],
)
def test_secret_that_leads_elsewhere_is_refused(url: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests.Session, "request", lambda *_, **__: pytest.fail("nothing may be requested"))
    arn = secret(url)
    shown = refusal(post_to(arn, "hooks.slack.com"))
    assert reason in shown
    assert arn in shown


def test_http_is_for_loopback_even_when_the_host_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests.Session, "request", lambda *_, **__: pytest.fail("nothing may be requested"))
    assert "not https" in refusal(post_to(secret(f"http://192.0.2.1{PATH}"), "192.0.2.1"))


def test_missing_secret_is_not_sent_and_named() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gone-AbCdEf"
    with pytest.raises(NotSent, match=f"reading secret {arn}: ResourceNotFoundException"):
        send(post_to(arn))


def test_secret_that_cannot_be_read_in_time_is_not_sent() -> None:
    client = boto3.client("secretsmanager")
    client.meta.events.register_first("before-call.secrets-manager.GetSecretValue", raise_time_out)
    channel = Slack("arn:aws:secretsmanager:eu-west-1:123456789012:secret:slow", ("127.0.0.1",))
    with pytest.raises(NotSent, match="ReadTimeoutError"):
        slack.Webhooks(lambda _: client).read(channel)


def raise_time_out(**_: object) -> None:
    raise ReadTimeoutError(endpoint_url="https://secretsmanager.eu-west-1.amazonaws.com/")


def test_secret_is_read_once_in_five_minutes(web: WebServer) -> None:
    now = [1000.0]
    client = boto3.client("secretsmanager")
    reads: list[str] = []

    def client_for(arn: str) -> SecretsManagerClient:
        reads.append(arn)
        return client

    webhooks = slack.Webhooks(client_for, clock=lambda: now[0])
    post = post_to(secret(web.url))
    for seconds, read in ((0, 1), (299, 1), (2, 2), (1, 2)):
        now[0] += seconds
        slack.send(post, webhooks=webhooks, session=requests.Session())
        assert len(reads) == read


def test_a_secret_that_was_put_right_counts_at_once(web: WebServer) -> None:
    clients = Clients()
    arn = secret("https://hooks.example.com/services/T/B/x")
    assert "not among allowed_hosts" in refusal(post_to(arn), clients=clients)
    boto3.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=web.url)
    assert send(post_to(arn), clients) == "ok"


@pytest.mark.parametrize("status", [403, 404, 410])
def test_replaced_webhook_is_read_afresh_and_the_message_sent_once(web: WebServer, status: int) -> None:
    clients = Clients()
    arn = secret(web.url)
    assert send(post_to(arn), clients) == "ok"
    boto3.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=f"{web.url}-new")
    web.answers = [answer(status, "no_service"), answer(200, "ok")]
    assert send(post_to(arn), clients) == "ok"
    assert web.paths == [PATH, PATH, f"{PATH}-new"]


def test_revoked_webhook_is_tried_once_when_the_secret_is_the_same(web: WebServer) -> None:
    clients = Clients()
    arn = secret(web.url)
    send(post_to(arn), clients)
    web.answers = [answer(404, "no_service")]
    with pytest.raises(NotSent, match="404 no_service"):
        send(post_to(arn), clients)
    assert len(web.paths) == 2
