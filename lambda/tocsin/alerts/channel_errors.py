"""What sending on a channel may raise, and what the answers of AWS mean for it.

The difference matters: what surely was not sent is tried again at once, what may have been sent waits, because a second
sending would tell a person twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own: the request did not leave
    HTTPClientError,
    IncompleteReadError,
)
from botocore.parsers import ResponseParserError

from tocsin.alerts import text

CONNECT_TIMEOUT_SECONDS = 3.05
READ_TIMEOUT_SECONDS = 10
"""Together well below the time-out of the function, and that below the reservation of a channel (90 seconds)."""

SEND_CONFIG = Config(
    connect_timeout=CONNECT_TIMEOUT_SECONDS,
    read_timeout=READ_TIMEOUT_SECONDS,
    retries={"total_max_attempts": 1, "mode": "standard"},
)
"""For every client that sends. No retries: the SDK repeats a request whose answer did not come in time, and neither
SendEmail nor Publish on a standard topic knows a repetition when it sees one. The state machine tries again instead,
when it knows what happened. https://docs.aws.amazon.com/boto3/latest/guide/retries.html
"""

READ_CONFIG = Config(connect_timeout=3, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})
"""For reading a secret, which may be repeated, in the time that a reservation leaves."""

THROTTLED_SECONDS = 5.0
QUOTA_SECONDS = 600.0
"""SES asks for a wait of up to 10 minutes: https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html"""

_THROTTLED = frozenset(
    {
        "KMSThrottling",
        "KMSThrottlingException",
        "LimitExceededException",
        "RequestThrottled",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class NotSent(Exception):
    """The message surely was not sent. The text is a short reason for people and for the ledger ("404 no_team")."""


class Deferred(NotSent):
    """The channel asks to wait. Not a failure: it counts against nobody."""

    def __init__(self, reason: str, retry_after_seconds: float) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class Unknown(Exception):
    """The request left, and no answer came or one that the server failed: the message may have been sent."""


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Turn what botocore raises into NotSent, Deferred or Unknown; `what` names the call in the reason.

    A 4xx is an answer: not sent. A 5xx says that AWS failed, not at what: SES speaks of duplicates when it asks for
    another try after one. https://docs.aws.amazon.com/ses/latest/dg/api-error-codes.html
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown error")
        message = text.exact_line(error.response.get("Error", {}).get("Message", ""), 300)
        reason = f"{what}: {code}: {message}"
        if code in _THROTTLED:
            raise Deferred(reason, QUOTA_SECONDS if "quota" in message.lower() else THROTTLED_SECONDS) from error
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:
            raise Unknown(reason) from error
        raise NotSent(reason) from error
    except ConnectionError as error:
        raise NotSent(f"{what}: {_short(error)}") from error
    except (HTTPClientError, IncompleteReadError, ResponseParserError) as error:
        raise Unknown(f"{what}: {_short(error)}") from error
    except BotoCoreError as error:
        raise NotSent(f"{what}: {_short(error)}") from error


def _short(error: Exception) -> str:
    return text.exact_line(f"{type(error).__name__}: {error}", 300)
