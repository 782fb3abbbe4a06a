"""Text that somebody else wrote, made safe to show.

Whoever names a bucket or runs a product writes into our messages. So nothing of theirs may end a line or a header, turn
the direction of reading, hide, or become a link that we did not make.
"""

from __future__ import annotations

import re
import unicodedata

from tocsin.alerts import links

ELLIPSIS = "…"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls; format characters, among them zero width and direction; halves of a pair (no UTF-8 has them); line ends."""

_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that show nothing."""

_BREAKS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s<>\"'`]*")
_WWW = re.compile(r"\bwww\.", re.IGNORECASE)
_ASCII_SIGNS = str.maketrans({ELLIPSIS: "...", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"'})


def exact_line(text: str, limit: int) -> str:
    """One line of at most `limit` characters: hidden characters dropped, every run of space one space.

    For subjects, headers and attributes, which programs read; what people read in a body is `line`.
    """
    # Cut before the work, with room for what is dropped: a product may send 240 KB in one field.
    shown = "".join(" " if c.isspace() else c for c in text[: 4 * limit] if c.isspace() or not _hidden(c))
    return clip(" ".join(shown.split()), limit)


def line(text: str, limit: int) -> str:
    """The same for a body: no address in it becomes a link."""
    return clip(unlinked(exact_line(text, limit)), limit)


def paragraphs(text: str, limit: int) -> str:
    """Text of several lines, at most `limit` characters: hidden characters become visible as U+FFFD, no links."""
    broken = _BREAKS.sub("\n", text[: 2 * limit]).replace("\t", " ")
    shown = "".join(REPLACEMENT if c != "\n" and _hidden(c) else c for c in broken)
    return clip(re.sub(r"\n{3,}", "\n\n", unlinked(shown)).strip(), limit)


def unlinked(text: str) -> str:
    """The text with web addresses taken apart: `https://evil.example` becomes `https[:]//evil.example`.

    Mail programs and chats make links of bare addresses by themselves. Those that we would link to stay whole. A host
    name without a scheme is left alone: it cannot be told from a file name or a finding type.
    """
    apart = _URL.sub(lambda found: found[0] if links.known(found[0]) else found[0].replace("://", "[:]//"), text)
    return _WWW.sub(lambda found: f"{found[0][:3]}[.]", apart)


def clip(text: str, limit: int) -> str:
    """The text, or its beginning with an ellipsis: at most `limit` characters."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + ELLIPSIS


def ascii_only(text: str) -> str:
    """The text in ASCII: typographic signs replaced, accents dropped, any other character a question mark."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_ASCII_SIGNS))
    return "".join(c if c.isascii() else "?" for c in decomposed if not unicodedata.combining(c))


def _hidden(c: str) -> bool:
    point = ord(c)
    noncharacter = point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF
    return noncharacter or c in _BLANK_LETTERS or unicodedata.category(c) in _HIDDEN_CATEGORIES
