"""SES and SNS, and what their errors mean for a message."""

from __future__ import annotations

import json
import logging
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from tests.factories import alert
from tests.functional.channels.conftest import WebServer, answer
from tocsin.alerts import channels, email, sns
from tocsin.alerts.channel_errors import SEND_CONFIG, Deferred, NotSent, Unknown, aws_errors
from tocsin.alerts.channels import Clients
from tocsin.settings import Channel, Email, Slack, Sns

URL = "https://email.eu-west-1.amazonaws.com/"
IDENTITY = "arn:aws:ses:eu-central-1:123456789012:identity/example.com"
TO_ALICE = Channel("mail", Email("t@example.com", ("alice@example.com",)))
MAIL = "email/alert.html.j2"


def error(code: str, message: str = "why", status: int = 400) -> ClientError:
    details: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(details, "SendEmail")


@pytest.mark.usefixtures("aws")
def test_mail_goes_to_all_recipients_in_one_message() -> None:
    ses = boto3.client("sesv2")
    ses.create_email_identity(EmailIdentity="example.com")
    mail = email.compose(Email("tocsin@example.com", ("a@example.com", "b@example.com")), alert(), name="tocsin")
    assert email.send(mail, ses=ses)
    assert boto3.client("ses").get_send_quota()["SentLast24Hours"] == 2  # recipients, as SES counts


@pytest.mark.usefixtures("aws")
def test_sender_that_is_not_verified_is_not_sent() -> None:
    mail = email.compose(Email("tocsin@example.com", ("a@example.com",)), alert(), name="tocsin")
    with pytest.raises(NotSent, match="SES SendEmail: MessageRejected"):
        email.send(mail, ses=boto3.client("sesv2"))


def test_identity_and_configuration_set_are_named_only_where_they_are_set() -> None:
    bare = email.compose(Email("t@example.com", ("a@example.com",)), alert(), name="tocsin").request()
    assert set(bare) == {"FromEmailAddress", "Destination", "Content"}
    full = email.compose(Email("t@example.com", ("a@example.com",), IDENTITY, "set"), alert(), name="x").request()
    assert full["FromEmailAddressIdentityArn"] == IDENTITY
    assert full["ConfigurationSetName"] == "set"


def test_reminder_joins_the_conversation_of_the_first_alert_and_no_other() -> None:
    channel = Email("t@example.com", ("a@example.com",))
    first, second, other = (
        email.compose(channel, made, name="tocsin").thread
        for made in (alert(), alert(alert_id="another"), alert(key="f" * 32))
    )
    assert first == second == "<0123456789abcdef0123456789abcdef@tocsin.tocsin.invalid>"
    assert other != first


@pytest.mark.usefixtures("aws")
def test_topic_receives_text_subject_and_attributes() -> None:
    topic, queue = boto3.client("sns"), boto3.client("sqs")
    arn = topic.create_topic(Name="audit")["TopicArn"]
    url = queue.create_queue(QueueName="audit")["QueueUrl"]
    topic.subscribe(TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:audit")
    publication = sns.compose(Sns(arn), alert({"sample": True}), name="tocsin")
    message_id = sns.send(publication, sns=topic)

    body = json.loads(queue.receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert body["MessageId"] == message_id
    assert body["Subject"] == publication.subject
    assert body["Message"] == publication.text
    assert body["MessageAttributes"] == {
        name: {"Type": "String", "Value": value}
        for name, value in {
            "severity": "HIGH",
            "product": "GuardDuty",
            "account_id": "111122223333",
            "region": "eu-west-1",
            "reason": "FIRST",
            "sample": "true",
            "finding_type": "Backdoor:EC2/C&CActivity.B",
        }.items()
    }


@pytest.mark.usefixtures("aws")
def test_topic_that_is_gone_is_not_sent() -> None:
    publication = sns.compose(Sns("arn:aws:sns:eu-west-1:123456789012:gone"), alert(), name="tocsin")
    with pytest.raises(NotSent, match="SNS Publish: NotFound"):
        sns.send(publication, sns=boto3.client("sns"))


@pytest.mark.parametrize(
    ("raised", "meaning"),
    [
        (error("MessageRejected"), NotSent),
        (error("InternalFailure", status=500), Unknown),
        (error("ServiceUnavailable", status=503), Unknown),
        (error("Throttling", status=503), Deferred),
        (error("TooManyRequestsException", "Maximum sending rate exceeded"), Deferred),
        (error("Throttled"), Deferred),
        (EndpointConnectionError(endpoint_url=URL), NotSent),
        (ConnectTimeoutError(endpoint_url=URL), NotSent),
        (NoCredentialsError(), NotSent),
        (ReadTimeoutError(endpoint_url=URL), Unknown),
        (ConnectionClosedError(endpoint_url=URL), Unknown),
        (ResponseParserError("no XML"), Unknown),
    ],
)
def test_what_an_error_means(raised: Exception, meaning: type[Exception]) -> None:
    with pytest.raises(meaning) as caught, aws_errors("SES SendEmail"):
        raise raised
    assert type(caught.value) is meaning
    assert str(caught.value).startswith("SES SendEmail: ")


def test_defects_of_ours_are_not_hidden() -> None:
    with pytest.raises(KeyError), aws_errors("SES SendEmail"):
        raise KeyError("x")


@pytest.mark.parametrize(
    ("message", "seconds"), [("Maximum sending rate exceeded", 5), ("Daily message quota exceeded", 600)]
)
def test_throttling_waits(message: str, seconds: float) -> None:
    with pytest.raises(Deferred) as caught, aws_errors("SES SendEmail"):
        raise error("TooManyRequestsException", message)
    assert caught.value.retry_after_seconds == seconds


@pytest.mark.parametrize("status", [429, 500, 503])
def test_clients_that_send_never_repeat_a_request(web: WebServer, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    web.answers = [answer(status, "{}")]
    client = boto3.client(
        "sesv2",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{web.port}",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=SEND_CONFIG,
    )
    mail = email.compose(Email("t@example.com", ("a@example.com",)), alert(), name="tocsin")
    with pytest.raises(NotSent if status == 429 else Unknown):
        email.send(mail, ses=client)
    assert len(web.paths) == 1
    assert json.loads(web.bodies[0]) == mail.request()


class Maker:
    """Makes clients that answer, and remembers which were asked for."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str | None]] = []

    def __call__(self, service: str, *, region_name: str | None, config: Any) -> Any:
        assert config.retries["total_max_attempts"] == (2 if service == "secretsmanager" else 1)
        self.made.append((service, region_name))
        return self

    def send_email(self, **_: Any) -> dict[str, str]:
        return {"MessageId": "mail-1"}

    def publish(self, **_: Any) -> dict[str, str]:
        return {"MessageId": "sns-1"}

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        return {"SecretString": self.secret}

    secret = ""


def test_only_the_client_of_the_channel_is_made_once_and_in_the_region_of_its_arn(web: WebServer) -> None:
    maker = Maker()
    maker.secret = web.url
    clients = Clients(make=maker)
    cases = {
        Channel("a", Email("t@example.com", ("a@example.com",))): ("mail-1", ("sesv2", None)),
        Channel("b", Email("t@example.com", ("a@example.com",), IDENTITY)): ("mail-1", ("sesv2", "eu-central-1")),
        Channel("c", Sns("arn:aws:sns:us-east-1:123456789012:t")): ("sns-1", ("sns", "us-east-1")),
        Channel("d", Slack("arn:aws:secretsmanager:eu-west-3:123456789012:secret:s", ("127.0.0.1",))): (
            "ok",
            ("secretsmanager", "eu-west-3"),
        ),
    }
    for channel, (message_id, client) in cases.items():
        maker.made.clear()
        message = channels.compose(channel, alert(), "tocsin")
        assert channels.send(message, clients) == channels.send(message, clients) == message_id
        assert maker.made == [client]


def test_a_template_that_was_not_used_is_logged_as_an_error_and_counted(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    told = channels.compose(TO_ALICE, alert(), "tocsin", {MAIL: "{{ oops }}"})
    with caplog.at_level(logging.ERROR):
        channels.send(told, Clients(make=Maker()))
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.__dict__["failure"] == f"{MAIL} (line 1: UndefinedError: 'oops' is undefined)"
    metric = json.loads(capsys.readouterr().out)
    assert metric["TemplateFailed"] == [1]


def test_a_template_that_was_used_is_no_news(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    told = channels.compose(TO_ALICE, alert(), "tocsin", {MAIL: "fine"})
    channels.send(told, Clients(make=Maker()))
    assert caplog.records == []
    assert capsys.readouterr().out == ""
