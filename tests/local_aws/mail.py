"""SES v2: SendEmail checks what AWS checks, and the whole message is in the journal.

ministack keeps neither headers nor the configuration set of a message, takes any number of recipients, and asks
for ses:SendEmail on `*` and without the sender, so that a policy for one identity or sender would refuse everything.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.message
import email.policy
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parseaddr
from typing import Any

from tests.local_aws import faults, journal, shapes
from tests.local_aws.emulator import app, responses, ses, ses_v2
from tests.local_aws.patching import replace
from tests.local_aws.records import Mail

Response = tuple[int, dict[str, str], bytes]

_SEND = "/v2/email/outbound-emails"
_RECIPIENTS = 50
"""https://docs.aws.amazon.com/ses/latest/dg/quotas.html (recipients per message)"""
_SES_OWN_HEADERS = frozenset(
    [
        "bcc",
        "cc",
        "content-disposition",
        "content-transfer-encoding",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "reply-to",
        "return-path",
        "sender",
        "subject",
        "to",
    ]
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_IDENTITY_CONFIGURATION_SET = re.compile(r"/v2/email/identities/(?P<identity>[^/]+)/configuration-set")


class _Refused(Exception):
    """A message that SES does not take."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


async def _handle(
    original: Callable[..., Awaitable[Response]],
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query_params: Mapping[str, Any],
) -> Response:
    if method == "POST" and path == _SEND:
        try:
            return _answer({"MessageId": _send(json.loads(body))})
        except _Refused as refused:
            error: Response = ses_v2._json_err(refused.code, str(refused), refused.status)
            return error
    if method == "PUT" and (named := _IDENTITY_CONFIGURATION_SET.fullmatch(path)):
        return _attach(named["identity"], json.loads(body).get("ConfigurationSetName"))
    response = await original(method, path, headers, body, query_params)
    if method == "POST" and path == "/v2/email/identities" and response[0] == 200:
        asked = json.loads(body)
        if "ConfigurationSetName" in asked:
            return _or_missing(asked["EmailIdentity"], asked["ConfigurationSetName"], response)
    return response


def _attach(identity: str, configuration_set: str | None) -> Response:
    """PutEmailIdentityConfigurationSetAttributes, which ministack lacks."""
    if identity not in ses_v2._identities:
        missing: Response = ses_v2._json_err("NotFoundException", f"Email identity {identity} does not exist.", 404)
        return missing
    return _or_missing(identity, configuration_set, _answer({}))


def _or_missing(identity: str, configuration_set: str | None, response: Response) -> Response:
    """An identity keeps its default configuration set; ministack forgets it (drift in every plan)."""
    if configuration_set and configuration_set not in ses_v2._config_sets:
        ses_v2._identities.pop(identity, None)
        missing: Response = ses_v2._missing_config_set(configuration_set)
        return missing
    ses_v2._identities[identity].pop("ConfigurationSetName", None)
    if configuration_set:
        ses_v2._identities[identity]["ConfigurationSetName"] = configuration_set
    return response


def _answer(document: Mapping[str, Any]) -> Response:
    response: Response = responses.json_response(dict(document))
    return response


def _send(asked: dict[str, Any]) -> str:
    """Accept a message or raise _Refused; returns its id.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
    """
    content = asked.get("Content") or {}
    raw = (content.get("Raw") or {}).get("Data")  # base64 on the wire, bytes by the model: checked by `_raw`
    checked = {**asked, "Content": {kind: part for kind, part in content.items() if kind != "Raw"}}
    if problems := shapes.problems("sesv2", "SendEmail", checked):
        raise _Refused("BadRequestException", "; ".join(problems))
    if len([part for part in content.values() if part]) != 1:
        raise _Refused("BadRequestException", "Content must be exactly one of Simple, Raw or Template")
    message = _raw(raw) if raw else _simple(content.get("Simple") or {})
    destination = asked.get("Destination") or {}
    to = destination.get("ToAddresses") or message["to"]
    cc, bcc = destination.get("CcAddresses") or [], destination.get("BccAddresses") or []
    sender = asked.get("FromEmailAddress") or message["from"]
    _check_addresses(sender, [*to, *cc, *bcc])
    configuration_set = asked.get("ConfigurationSetName") or _default_configuration_set(sender)
    if configuration_set and configuration_set not in ses_v2._config_sets:
        raise _Refused("NotFoundException", f"Configuration set <{configuration_set}> does not exist.", 404)
    current = journal.running.get()
    principal = current.principal if current else "unknown"
    if rejected := ses._message_rejection(sender, [*to, *cc, *bcc]):
        raise _Refused("MessageRejected", rejected)
    if _identity(sender) in faults.unverified:
        # https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
        failed = f"The following identities failed the check in region {responses.get_region().upper()}: {sender}"
        raise _Refused("MessageRejected", f"Email address is not verified. {failed}")
    message_id = f"{responses.new_uuid()}-000000"
    journal.mails.append(
        Mail(
            message_id=message_id,
            sender=sender,
            to=tuple(to),
            cc=tuple(cc),
            bcc=tuple(bcc),
            reply_to=tuple(asked.get("ReplyToAddresses") or []),
            subject=message["subject"],
            html=message["html"],
            text=message["text"],
            headers=message["headers"],
            configuration_set=configuration_set,
            principal=principal,
            at=time.time(),
        )
    )
    return message_id


def _simple(content: Mapping[str, Any]) -> dict[str, Any]:
    if not content:
        raise _Refused("BadRequestException", "Template content is not emulated: send Simple or Raw")
    subject, body = content["Subject"]["Data"], content["Body"]
    if _CONTROL.search(subject):
        raise _Refused("BadRequestException", "Control characters are not allowed in the subject")
    if not body.get("Text") and not body.get("Html"):
        raise _Refused("BadRequestException", "Body must have Text or Html")
    headers = {header["Name"]: header["Value"] for header in content.get("Headers") or []}
    if own := sorted(name for name in headers if name.lower() in _SES_OWN_HEADERS):
        raise _Refused("BadRequestException", f"Headers that SES sets itself: {', '.join(own)}")
    parts = {kind.lower(): (body.get(kind) or {}).get("Data", "") for kind in ("Text", "Html")}
    return {"subject": subject, "headers": headers, "to": [], "from": "", **parts}


def _raw(data: str) -> dict[str, Any]:
    try:
        parsed = email.message_from_bytes(base64.b64decode(data, validate=True), policy=email.policy.default)
    except binascii.Error as error:
        raise _Refused("BadRequestException", f"Raw.Data is not base64: {error}") from error
    html, text = parsed.get_body(("html",)), parsed.get_body(("plain",))
    return {
        "subject": str(parsed["Subject"] or ""),
        "headers": {name: str(value) for name, value in parsed.items()},
        "to": [address.strip() for address in str(parsed["To"] or "").split(",") if address.strip()],
        "from": str(parsed["From"] or ""),
        "html": html.get_content() if html else "",
        "text": text.get_content() if text else "",
    }


def _check_addresses(sender: str, recipients: list[str]) -> None:
    if not sender:
        raise _Refused("BadRequestException", "FromEmailAddress is required")
    if not recipients:
        raise _Refused("BadRequestException", "Destination has no recipient")
    if len(recipients) > _RECIPIENTS:
        raise _Refused("BadRequestException", f"Recipient count exceeds {_RECIPIENTS}.")
    for address in (sender, *recipients):
        local, _, domain = parseaddr(address)[1].rpartition("@")
        if not local or "." not in domain:
            raise _Refused("BadRequestException", "Missing final '@domain'")
        if _CONTROL.search(address):
            raise _Refused("BadRequestException", "Control characters are not allowed in an address")


def _identity(sender: str) -> str:
    """The identity that a sender is checked by: its own address where that is one, else the domain above it."""
    address = parseaddr(sender)[1]
    if address in ses_v2._identities:
        return address
    domain = address.rpartition("@")[2]
    return next((name for name in ses._domain_and_parents(domain) if name in ses_v2._identities), domain)


def _default_configuration_set(sender: str) -> str | None:
    identity = ses_v2._identities.get(_identity(sender)) or {}
    name = identity.get("ConfigurationSetName")
    return str(name) if name else None


def _authorized(
    original: Callable[..., Response | None],
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query_params: Mapping[str, Any],
    request_id: str,
) -> Response | None:
    """What refuses a call. SendEmail needs its permission on the identity that sends and on the configuration set, also
    where that is the identity's default one, and a policy may name the sender by ses:FromAddress.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
    """
    if method != "POST" or path != _SEND:
        return original(method, path, headers, body, query_params, request_id)
    asked = json.loads(body or b"{}")
    sender = asked.get("FromEmailAddress", "")
    scope = f"arn:aws:ses:{responses.get_region()}:{responses.get_account_id()}"
    resources = [asked.get("FromEmailAddressIdentityArn") or f"{scope}:identity/{_identity(sender)}"]
    if configuration_set := asked.get("ConfigurationSetName") or _default_configuration_set(sender):
        resources.append(f"{scope}:configuration-set/{configuration_set}")
    refusals = (
        app._enforce_data_plane(
            "sesv2",
            "ses:SendEmail",
            headers,
            query_params,
            request_id,
            resource_arn=resource,
            service_context={"ses:FromAddress": parseaddr(sender)[1]},
            named_resource=resource,
        )
        for resource in resources
    )
    return next((refusal for refusal in refusals if refusal), None)


def install() -> None:
    """Apply the patches."""
    replace(ses_v2, "handle_request", _handle, "method", "path", "headers", "body", "query_params")
    replace(app, "_enforce_ses_v2", _authorized, "method", "path", "headers", "body", "query_params", "request_id")
