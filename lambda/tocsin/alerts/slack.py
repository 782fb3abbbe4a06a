"""The Slack channel: Block Kit to an incoming webhook, whose address is a secret."""

from __future__ import annotations

import ipaddress
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from tocsin import settings
from tocsin.alerts import compose as composing
from tocsin.alerts import text
from tocsin.alerts.alert import Alert
from tocsin.alerts.channel_errors import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    Deferred,
    NotSent,
    Unknown,
    aws_errors,
)
from tocsin.alerts.links import Link
from tocsin.alerts.slack_limits import check
from tocsin.alerts.templates import NONE, SlackText, TemplateError, slack_escaped

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TEMPLATE = "slack/alert.json.j2"

FIELD_CHARACTERS = 2000
TEXT_CHARACTERS = 3000
"""https://docs.slack.dev/reference/block-kit/blocks/section-block"""

RETRY_AFTER_SECONDS = 30.0
MOST_RETRY_AFTER_SECONDS = 86_400.0

_KEEP_SECONDS = 300.0
_BODY_BYTES = 2000
_STALE = frozenset({403, 404, 410})
"""Answers to an address that was revoked or replaced: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""


@dataclass(frozen=True, slots=True)
class Post:
    """A message for a webhook; `payload` is its JSON.

    `failure` is why the user's template, or any, was not used, empty when it was.
    """

    channel: settings.Slack
    payload: str
    failure: str = ""

    def files(self) -> dict[str, str]:
        """What to write to disk, by file name extension."""
        return {".json": json.dumps(json.loads(self.payload), indent=2, ensure_ascii=False) + "\n"}


def compose(channel: settings.Slack, alert: Alert, *, name: str, templates: Mapping[str, str] = NONE) -> Post:
    """The message for an alert of the deployment `name`, with `templates` of the user's own.

    Touches no network, raises nothing for a broken template, nor for one whose message Slack would refuse. The template
    is given `plain`, `code`, `link` and `overview`, which make text objects that are escaped and short enough. `text`
    is what notifications and screen readers use, and what a server shows that knows no blocks.
    """

    def from_template(draft: composing.Draft) -> Post:
        overview = SlackText(_overview(draft.view))
        rendered = draft.render(TEMPLATE, plain=plain, code=code, link=link, overview=overview)
        return Post(channel, _checked(rendered), draft.failure)

    def built_in(message: str, failure: str) -> Post:
        return Post(channel, json.dumps({"text": _block(message), "unfurl_links": False}, ensure_ascii=False), failure)

    return composing.composed(from_template, built_in, alert, name, templates)


def plain(content: str, limit: int = TEXT_CHARACTERS) -> dict[str, Any]:
    """A text object that Slack shows as it is: no formatting, mentions or links."""
    return {"type": "plain_text", "text": SlackText(escaped(content, limit) or " "), "emoji": False}


def code(label: str, values: Sequence[str], limit: int = FIELD_CHARACTERS) -> dict[str, Any]:
    """A text object with a label in bold, and values as code, which nothing is read into."""
    each = (limit - len(label) - 3) // max(len(values), 1) - 3
    return _mrkdwn("\n".join([f"*{label}*", *(_code(value, each) for value in values)]))


def link(target: Link) -> dict[str, Any]:
    """A text object with a link. Not a button: Slack reports each click to the app, and a webhook cannot answer."""
    return _mrkdwn(_link(target))


def escaped(content: str, limit: int) -> str:
    """With `&`, `<` and `>` escaped, which is what keeps mentions and links out, and cut to `limit`.

    Counted in UTF-16 units, the larger of the ways in which "characters" can be meant, and never within an entity.
    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    parts, units = [], 0
    for character in content:
        part = slack_escaped(character)
        units += len(part) + (ord(character) > 0xFFFF)
        parts.append(part)
        if units > limit:
            break
    else:
        return "".join(parts)
    while units > limit - 1:
        part = parts.pop()
        units -= len(part) + (ord(part[0]) > 0xFFFF)
    return "".join(parts) + text.ELLIPSIS


def _checked(rendered: str) -> str:
    """What the template made, compact. Raises TemplateError where Slack would refuse it."""
    try:
        payload = json.loads(rendered)
        body = json.dumps(payload, ensure_ascii=False, allow_nan=False)
        body.encode()  # half of a surrogate pair, written as an escape, could not be sent
    except ValueError as error:
        raise TemplateError(TEMPLATE, f"what comes out of it is no JSON: {error}") from None
    if wrong := check(payload):
        raise TemplateError(TEMPLATE, f"Slack would refuse it: {wrong}")
    return body


def _mrkdwn(content: str) -> dict[str, Any]:
    """`verbatim`: Slack makes no links or mentions of bare addresses and names.

    https://docs.slack.dev/reference/block-kit/composition-objects/text-object
    """
    return {"type": "mrkdwn", "text": SlackText(content), "verbatim": True}


def _code(value: str, limit: int = TEXT_CHARACTERS) -> str:
    return f"`{escaped(value.replace('`', chr(39)), limit)}`"


def _block(content: str) -> str:
    return f"```\n{escaped(content.replace('`', chr(39)), TEXT_CHARACTERS)}\n```"


def _link(target: Link) -> str:
    return f"<{target.url.replace('&', '&amp;')}|{escaped(target.label, 100)}>"


def _overview(view: composing.View) -> str:
    """The message without blocks. Foreign text is code here, too: Mattermost reads Markdown, but none into code."""
    facts = (f"{fact.label}: {', '.join(_code(value, 300) for value in fact.values)}" for fact in view.facts)
    subject = _code(text.unlinked(view.subject), 300)
    return "\n".join([subject, view.why, *facts, *map(_link, view.links), f"Finding: {_code(view.finding_id)}"])


class Webhooks:
    """The webhooks' addresses from Secrets Manager, kept for five minutes, so that a storm reads each secret once."""

    def __init__(
        self, client_for: Callable[[str], SecretsManagerClient], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client_for = client_for
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}

    def kept(self, secret_arn: str) -> str | None:
        """The address, if it was read in the last five minutes."""
        read_at, url = self._kept.get(secret_arn, (0.0, None))
        return url if url is not None and self._clock() - read_at < _KEEP_SECONDS else None

    def read(self, channel: settings.Slack) -> str:
        """Read the secret: the bare URL, or JSON with the key `url` or `webhook_url`.

        Only what may be posted to is kept: a secret that was put right counts at once. Raises NotSent that names the
        secret and never what is in it.
        """
        secret_arn = channel.webhook_secret_arn
        try:
            with aws_errors(f"reading secret {secret_arn}"):
                answer = self._client_for(secret_arn).get_secret_value(SecretId=secret_arn)
        except Unknown as error:
            # Reading sends nothing.
            raise NotSent(str(error)) from error
        value = answer.get("SecretString", "").strip()
        if value.startswith("{"):
            value = _from_json(value)
        if not value:
            raise NotSent(f"secret {secret_arn} holds no webhook: store its URL, or JSON with url or webhook_url")
        _check(value, channel)
        self._kept[secret_arn] = (self._clock(), value)
        return value


def send(
    post: Post,
    *,
    webhooks: Webhooks,
    session: requests.Session,
    timeouts_seconds: tuple[float, float] = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
) -> str:
    """Post once; returns Slack's request id, or "ok" where there is none (a webhook gives no message id).

    A kept address that is refused as gone is read afresh and tried once more: that answer means nothing was posted.
    Raises NotSent, Deferred or Unknown. No reason ever holds the address: whoever knows it can post.
    """
    secret_arn = post.channel.webhook_secret_arn
    kept = webhooks.kept(secret_arn)
    url = kept or webhooks.read(post.channel)
    status, answer = _exchange(post, url, session, timeouts_seconds)
    if status in _STALE and kept is not None and (fresh := webhooks.read(post.channel)) != kept:
        status, answer = _exchange(post, fresh, session, timeouts_seconds)
    if 200 <= status < 300:
        return answer
    if status >= 500:  # the server failed, and does not say at what
        raise Unknown(f"{status} {answer}".rstrip())
    raise NotSent(f"{status} {answer}".rstrip())


def _exchange(
    post: Post, url: str, session: requests.Session, timeouts_seconds: tuple[float, float]
) -> tuple[int, str]:
    """The status, with the request id or the beginning of the error's text."""
    _check(url, post.channel)
    try:
        with session.post(
            url,
            data=post.payload.encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
            timeout=timeouts_seconds,
            allow_redirects=False,
            stream=True,
        ) as response:
            if 200 <= response.status_code < 300:
                return response.status_code, response.headers.get("x-slack-req-id") or "ok"
            if response.status_code == 429:
                raise Deferred("429 too many requests", _retry_after_seconds(response.headers.get("Retry-After")))
            return response.status_code, _body(response, url)
    # `from None` in all of these: the original texts hold the address.
    except (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
        raise NotSent(f"no connection to {urlsplit(url).hostname}: {type(error).__name__}") from None
    except requests.ConnectionError as error:
        if _never_connected(error):
            raise NotSent(f"no connection to {urlsplit(url).hostname}") from None
        raise Unknown(f"the connection to {urlsplit(url).hostname} broke before the answer") from None
    except requests.Timeout:
        raise Unknown(f"no answer from {urlsplit(url).hostname} in {timeouts_seconds[1]:g} seconds") from None
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, ValueError):
        raise NotSent(f"secret {post.channel.webhook_secret_arn} holds no usable URL") from None
    except requests.RequestException as error:
        raise Unknown(f"posting to {urlsplit(url).hostname} failed: {type(error).__name__}") from None


def _check(url: str, channel: settings.Slack) -> None:
    """Only https to an allowed host, or http to an allowed loopback address (a stand-in on the same machine)."""
    secret = f"secret {channel.webhook_secret_arn}"
    try:
        parts = urlsplit(url)
        host, user = (parts.hostname or "").lower(), parts.username
        parts.port  # noqa: B018 - reading it raises ValueError for a port that is none
    except ValueError:
        raise NotSent(f"{secret} holds no usable URL") from None
    if not host or user is not None or not url.isprintable() or " " in url:
        raise NotSent(f"{secret} holds no usable URL")
    if host not in {allowed.lower() for allowed in channel.allowed_hosts}:
        raise NotSent(f"{secret} leads to {text.exact_line(host, 80)}, which is not among allowed_hosts")
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(host)):
        raise NotSent(f"{secret} holds a URL that is not https: plain http is for loopback addresses only")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _never_connected(error: requests.ConnectionError) -> bool:
    """Whether the failure came before a connection: refused, unreachable, no such host."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _body(response: requests.Response, url: str) -> str:
    """The beginning of an error's text ("no_team"), without the address, should the server repeat it."""
    try:
        body = response.raw.read(_BODY_BYTES, decode_content=True)
    except HTTPError:
        return ""
    shown = body.decode("utf-8", "replace")
    for part in (url, urlsplit(url).path, *urlsplit(url).path.split("/"), urlsplit(url).query):
        if len(part) >= 6:
            shown = shown.replace(part, text.ELLIPSIS)
    return text.exact_line(shown, 120)


def _retry_after_seconds(value: str | None) -> float:
    """Seconds or an HTTP date (RFC 9110 10.2.3); 30 seconds without either, a day at most."""
    try:
        seconds = float(value or "")
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value or "") - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            seconds = RETRY_AFTER_SECONDS
    return RETRY_AFTER_SECONDS if math.isnan(seconds) else min(max(seconds, 1.0), MOST_RETRY_AFTER_SECONDS)


def _from_json(value: str) -> str:
    try:
        document = json.loads(value)
    except ValueError:
        return ""
    url = document.get("url") or document.get("webhook_url") if isinstance(document, dict) else None
    return url.strip() if isinstance(url, str) else ""
