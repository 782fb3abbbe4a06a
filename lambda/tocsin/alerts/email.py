"""The e-mail channel: one message by Amazon SES to all recipients, in HTML and in text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import escape

from tocsin import settings
from tocsin.alerts import compose as composing
from tocsin.alerts.alert import Alert
from tocsin.alerts.channel_errors import aws_errors
from tocsin.alerts.templates import NONE

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import MessageHeaderTypeDef, SendEmailRequestTypeDef


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, ready to be sent. `thread` is the value of its References header.

    `failure` is why the user's templates, or all, were not used, empty when they were.
    """

    channel: settings.Email
    subject: str
    html: str
    text: str
    thread: str
    failure: str = ""

    def request(self) -> SendEmailRequestTypeDef:
        """The parameters of SendEmail.

        SES sets Message-ID itself, so a first alert cannot be answered by its id. Clients also make a conversation of
        equal References and an equal subject; this id never was a message's, hence the domain that never exists.
        https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html,
        https://docs.aws.amazon.com/ses/latest/dg/header-fields.html, RFC 5322 3.6.4, RFC 2606 2
        """
        headers: list[MessageHeaderTypeDef] = [
            {"Name": "References", "Value": self.thread},
            # No holiday notices in answer (RFC 3834).
            {"Name": "Auto-Submitted", "Value": "auto-generated"},
        ]
        request: SendEmailRequestTypeDef = {
            "FromEmailAddress": self.channel.sender,
            "Destination": {"ToAddresses": list(self.channel.to)},
            "Content": {
                "Simple": {
                    "Subject": {"Data": self.subject, "Charset": "UTF-8"},
                    "Body": {
                        "Text": {"Data": self.text, "Charset": "UTF-8"},
                        "Html": {"Data": self.html, "Charset": "UTF-8"},
                    },
                    "Headers": headers,
                }
            },
        }
        if self.channel.identity_arn:
            request["FromEmailAddressIdentityArn"] = self.channel.identity_arn
        if self.channel.configuration_set:
            request["ConfigurationSetName"] = self.channel.configuration_set
        return request

    def files(self) -> dict[str, str]:
        """What to write to disk, by file name extension."""
        head = f"From: {self.channel.sender}\nTo: {', '.join(self.channel.to)}\nSubject: {self.subject}\n"
        return {".html": self.html, ".txt": f"{head}References: {self.thread}\n\n{self.text}"}


def compose(channel: settings.Email, alert: Alert, *, name: str, templates: Mapping[str, str] = NONE) -> Mail:
    """The mail for an alert of the deployment `name`, with `templates` of the user's own.

    Touches no network, raises nothing for a broken template.
    """
    subject = composing.subject(alert, composing.MAIL_SUBJECT_CHARACTERS)
    thread = f"<{_token(alert.key)}@{_token(name)}.tocsin.invalid>"

    def from_templates(draft: composing.Draft) -> Mail:
        html, text = draft.render("email/alert.html.j2"), draft.render("email/alert.txt.j2")
        return Mail(channel, subject, html, text, thread, draft.failure)

    def built_in(text: str, failure: str) -> Mail:
        return Mail(channel, subject, f"<!DOCTYPE html>\n<pre>{escape(text)}</pre>\n", text, thread, failure)

    return composing.composed(from_templates, built_in, alert, name, templates)


def send(mail: Mail, *, ses: SESV2Client) -> str:
    """Send by a client made with SEND_CONFIG; returns the message id of SES. Raises NotSent, Deferred or Unknown."""
    with aws_errors("SES SendEmail"):
        return ses.send_email(**mail.request())["MessageId"]


def _token(value: str) -> str:
    """What may stand in a message id without quotes."""
    return re.sub(r"[^A-Za-z0-9-]", "", value)[:64] or "x"
