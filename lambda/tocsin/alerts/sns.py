"""The SNS channel: a readable text, a subject for subscriptions by mail, and attributes for filter policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin import settings
from tocsin.alerts import compose as composing
from tocsin.alerts import text
from tocsin.alerts.alert import Alert
from tocsin.alerts.channel_errors import aws_errors
from tocsin.alerts.templates import NONE

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

SUBJECT_CHARACTERS = 99
"""Less than 100 characters, no line breaks or control characters. Now UTF-8 is allowed, formerly ASCII alone; a subject
in ASCII is right by either rule, and the text has the rest. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""


@dataclass(frozen=True, slots=True)
class Publication:
    """A message for a topic. It stays far below the 256 KiB that text and attributes may have together.

    The attributes, all of type String, are what a subscription's filter policy can ask for: `severity` (HIGH),
    `product` (GuardDuty), `account_id`, `region`, `reason` (FIRST), `sample` (true or false), and `finding_type`, the
    first type of the finding, absent when it has none.

    `failure` is why the user's templates, or all, were not used, empty when they were.
    """

    channel: settings.Sns
    subject: str
    text: str
    attributes: Mapping[str, str]
    failure: str = ""

    def files(self) -> dict[str, str]:
        """What to write to disk, by file name extension."""
        attributes = json.dumps(dict(self.attributes), indent=2, ensure_ascii=False) + "\n"
        return {".txt": f"Subject: {self.subject}\n\n{self.text}", ".json": attributes}


def compose(channel: settings.Sns, alert: Alert, *, name: str, templates: Mapping[str, str] = NONE) -> Publication:
    """The message for an alert of the deployment `name`, with `templates` of the user's own.

    Touches no network, raises nothing for a broken template.
    """
    subject = _subject(alert)
    attributes = _attributes(alert)

    def from_template(draft: composing.Draft) -> Publication:
        return Publication(channel, subject, draft.render("sns/alert.txt.j2"), attributes, draft.failure)

    def built_in(body: str, failure: str) -> Publication:
        return Publication(channel, subject, body, attributes, failure)

    return composing.composed(from_template, built_in, alert, name, templates)


def send(publication: Publication, *, sns: SNSClient) -> str:
    """Publish by a client made with SEND_CONFIG; returns the message id. Raises NotSent, Deferred or Unknown."""
    with aws_errors("SNS Publish"):
        return sns.publish(
            TopicArn=publication.channel.topic_arn,
            Subject=publication.subject,
            Message=publication.text,
            MessageAttributes={
                key: {"DataType": "String", "StringValue": value} for key, value in publication.attributes.items()
            },
        )["MessageId"]


def _subject(alert: Alert) -> str:
    """The subject in ASCII. One character may become several ("…" is "..."), so it is shortened until it fits."""
    shorter = (text.ascii_only(composing.subject(alert, limit)) for limit in range(SUBJECT_CHARACTERS, 0, -1))
    return next(subject for subject in shorter if len(subject) <= SUBJECT_CHARACTERS)


def _attributes(alert: Alert) -> dict[str, str]:
    """Empty values are refused by SNS, so they are left out."""
    finding = alert.finding
    values = {
        "severity": finding.severity.name,
        "product": finding.product,
        "account_id": finding.account_id,
        "region": finding.region,
        "reason": alert.reason.value,
        "sample": "true" if finding.sample else "false",
        "finding_type": next(iter(finding.types), ""),
    }
    clean = {key: text.exact_line(value, 256) for key, value in values.items()}
    return {key: value for key, value in clean.items() if value}
