"""SNS: refuses what AWS refuses, and every accepted message is in the journal."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.local_aws import faults, journal
from tests.local_aws.emulator import sns
from tests.local_aws.patching import replace
from tests.local_aws.records import SnsMessage

_SUBJECT_CHARACTERS = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _publish(original: Callable[..., Any], params: Mapping[str, Any]) -> Any:
    """AWS: a subject is one line of at most 100 characters, a message is not empty; ministack takes anything.

    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    subject, message = sns._p(params, "Subject"), sns._p(params, "Message")
    if subject and (len(subject) > _SUBJECT_CHARACTERS or _CONTROL.search(subject) or subject[0] == " "):
        return sns._error("InvalidParameter", "Invalid parameter: Subject", 400)
    if (topic_arn := sns._p(params, "TopicArn")) in faults.gone:
        return sns._error("NotFound", f"Topic does not exist: {topic_arn}", 404)
    if not message:
        return sns._error("InvalidParameter", "Invalid parameter: Empty message", 400)
    return original(params)


def _fan_out(
    original: Callable[..., None],
    topic_arn: str,
    msg_id: str,
    message: str,
    subject: str,
    message_structure: str = "",
    message_attributes: Mapping[str, Any] | None = None,
    **fifo: str,
) -> None:
    journal.sns_messages.append(
        SnsMessage(
            message_id=msg_id,
            topic_arn=topic_arn,
            subject=subject or None,
            message=message,
            attributes=dict(message_attributes or {}),
            at=time.time(),
        )
    )
    original(topic_arn, msg_id, message, subject, message_structure, message_attributes, **fifo)


def install() -> None:
    """Apply the patches."""
    replace(sns, "_publish", _publish, "params")
    replace(
        sns,
        "_fanout",
        _fan_out,
        "topic_arn",
        "msg_id",
        "message",
        "subject",
        "message_structure",
        "message_attributes",
        "message_group_id",
        "message_dedup_id",
    )
