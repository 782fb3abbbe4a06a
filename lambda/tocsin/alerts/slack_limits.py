"""What Slack takes in a message, checked before it is sent: it answers 400 to the rest, and nobody would be told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_KEYS = frozenset({"text", "blocks", "attachments", "mrkdwn", "unfurl_links", "unfurl_media"})
"""Not `channel`: a server that follows Slack's older rules, as Mattermost does, would send the message elsewhere."""

_TYPES = frozenset(
    {"actions", "context", "divider", "header", "image", "markdown", "rich_text", "section", "table", "video"}
)
_MOST_TEXT, _MOST_BLOCKS, _MOST_ATTACHMENTS = 40_000, 50, 20


def check(payload: Any) -> str | None:
    """The first thing that Slack would refuse, or that is not ours to say; None when there is none.

    Sizes are counted in UTF-16 units, the larger of the ways in which "characters" can be meant.
    https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/changelog/2018-truncating-really-long-messages
    """
    return next(_faults(payload), None)


def _faults(payload: Any) -> Iterator[str]:
    if not isinstance(payload, dict):
        yield "it is no object"
        return
    if foreign := sorted(set(payload) - _KEYS):
        yield f"{foreign[0]} is not one of {', '.join(sorted(_KEYS))}"
    if not (payload.get("text") or payload.get("blocks") or payload.get("attachments")):
        yield "it has neither text nor blocks"
    if "text" in payload:
        yield from _size(payload["text"], "text", _MOST_TEXT)
    yield from _blocks(payload.get("blocks", []), "blocks")
    attachments = payload.get("attachments", [])
    if not isinstance(attachments, list) or len(attachments) > _MOST_ATTACHMENTS:
        yield f"attachments is no list of at most {_MOST_ATTACHMENTS}"
        return
    for index, attachment in enumerate(attachments):
        if isinstance(attachment, dict):
            yield from _blocks(attachment.get("blocks", []), f"attachments[{index}].blocks")
        else:
            yield f"attachments[{index}] is no object"


def _blocks(blocks: Any, where: str) -> Iterator[str]:
    if not isinstance(blocks, list) or len(blocks) > _MOST_BLOCKS:
        yield f"{where} is no list of at most {_MOST_BLOCKS}"
        return
    for index, block in enumerate(blocks):
        yield from _block(block, f"{where}[{index}]")


def _block(block: Any, where: str) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in _TYPES:
        yield f"{where} has the type {kind}, not one of {', '.join(sorted(_TYPES))}"
    elif kind == "header":
        yield from _text(block.get("text"), f"{where}.text", 150, "plain_text")
    elif kind == "section":
        if "text" not in block and "fields" not in block:
            yield f"{where} has neither text nor fields"
        if "text" in block:
            yield from _text(block["text"], f"{where}.text", 3000)
        if "fields" in block:
            yield from _texts(block["fields"], f"{where}.fields", 2000)
    elif kind == "context":
        yield from _texts(block.get("elements"), f"{where}.elements", 3000)
    elif kind == "actions" and not 1 <= len(_list(block.get("elements"))) <= 25:
        yield f"{where}.elements is no list of 1 to 25"
    elif kind == "image" and not (block.get("image_url") and block.get("alt_text")):
        yield f"{where} has no image_url or no alt_text"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(texts: Any, where: str, most_characters: int) -> Iterator[str]:
    """Ten at most. Among the elements of a context may be images."""
    if not 1 <= len(_list(texts)) <= 10:
        yield f"{where} is no list of 1 to 10"
        return
    for index, text in enumerate(texts):
        if not (isinstance(text, dict) and text.get("type") == "image"):
            yield from _text(text, f"{where}[{index}]", most_characters)


def _text(text: Any, where: str, most: int, *kinds: str) -> Iterator[str]:
    allowed = kinds or ("plain_text", "mrkdwn")
    if not isinstance(text, dict) or text.get("type") not in allowed:
        yield f"{where} is no {' or '.join(allowed)}"
    else:
        yield from _size(text.get("text"), f"{where}.text", most)


def _size(text: Any, where: str, most: int) -> Iterator[str]:
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2 if isinstance(text, str) else 0
    if not 1 <= units <= most:
        yield f"{where} has {units} characters, not 1 to {most}"
