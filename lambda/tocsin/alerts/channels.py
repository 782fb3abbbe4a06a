"""Every kind of channel behind two calls: compose a message, send it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import boto3

from tocsin import settings
from tocsin.alerts import email, sns
from tocsin.alerts.alert import Alert
from tocsin.alerts.channel_errors import READ_CONFIG, SEND_CONFIG
from tocsin.alerts.templates import NONE
from tocsin.log import count, logger

if TYPE_CHECKING:
    import requests
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient

    from tocsin.alerts import slack

    Message = email.Mail | sns.Publication | slack.Post
    """A composed message. `files()` says what to write to disk, by file name extension."""

# Slack's module brings an HTTP library, a third of what `tell` imports: only who has such a channel loads it.


@dataclass(frozen=True)
class Clients:
    """What sending needs, made when it is first needed and kept: a function that only posts to Slack has no SES client.

    A topic, an identity or a secret may be in another Region than the function, and each is served by its own Region
    alone: the clients are made for the Region in the ARN, or for the function's own without one.
    """

    make: Callable[..., Any] = boto3.client
    _made: dict[tuple[str, str | None], Any] = field(default_factory=dict, repr=False, compare=False)

    def ses(self, arn: str | None = None) -> SESV2Client:
        return cast("SESV2Client", self._client("sesv2", arn))

    def sns(self, arn: str) -> SNSClient:
        return cast("SNSClient", self._client("sns", arn))

    def secrets(self, arn: str) -> SecretsManagerClient:
        return cast("SecretsManagerClient", self._client("secretsmanager", arn))

    @cached_property
    def session(self) -> requests.Session:
        import requests

        return requests.Session()

    @cached_property
    def webhooks(self) -> slack.Webhooks:
        from tocsin.alerts import slack

        return slack.Webhooks(self.secrets)

    def _client(self, service: str, arn: str | None) -> Any:
        region = arn.split(":")[3] if arn else None
        if (service, region) not in self._made:
            config = READ_CONFIG if service == "secretsmanager" else SEND_CONFIG
            self._made[service, region] = self.make(service, region_name=region, config=config)
        return self._made[service, region]


def compose(channel: settings.Channel, alert: Alert, name: str, templates: Mapping[str, str] = NONE) -> Message:
    """The message that tells `alert` on `channel`; `name` is that of the deployment, `templates` are the user's own.

    Pure: no network, no clock. Always returns a message: a broken template gives one without it, with `failure` set.
    """
    match channel.kind:
        case settings.Email() as kind:
            return email.compose(kind, alert, name=name, templates=templates)
        case settings.Sns() as kind:
            return sns.compose(kind, alert, name=name, templates=templates)
        case settings.Slack() as kind:
            from tocsin.alerts import slack

            return slack.compose(kind, alert, name=name, templates=templates)


def send(message: Message, clients: Clients) -> str:
    """Send once, without retries; returns the provider's message id.

    Raises NotSent (also Deferred, which says for how many seconds) or Unknown.
    """
    if message.failure:
        logger.error("a template could not be used; the message is made without it", extra={"failure": message.failure})
        count("TemplateFailed")
    match message:
        case email.Mail():
            return email.send(message, ses=clients.ses(message.channel.identity_arn))
        case sns.Publication():
            return sns.send(message, sns=clients.sns(message.channel.topic_arn))
        case _:
            from tocsin.alerts import slack

            return slack.send(message, webhooks=clients.webhooks, session=clients.session)
