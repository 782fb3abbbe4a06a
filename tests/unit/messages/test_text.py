"""Foreign text, made safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.alerts import slack, text

HIDDEN = (
    "\x00\x07\x1b\x7f\x9b\u00ad\u034f\u061c\u115f"
    "\u200b\u200d\u200e\u202e\u2066\u2069\u3164\ufeff\ufff9\ufffe\ud800\U000e0041"
)


def test_line_drops_hidden_characters_and_ends() -> None:
    assert text.exact_line(f"a{HIDDEN}b\r\nSubject: c\u2028d\te\x85f", 100) == "ab Subject: c d e f"


def test_paragraphs_keep_their_lines_and_show_what_was_hidden() -> None:
    assert text.paragraphs("one\r\n\r\n\r\n\r\ntwo\u202egnp\x00", 100) == "one\n\ntwo�gnp�"


@given(st.text(), st.integers(1, 50))
def test_line_is_one_line_that_utf8_can_hold_and_no_longer_than_asked(content: str, limit: int) -> None:
    for shown in (text.exact_line(content, limit), text.line(content, limit)):
        assert len(shown) <= limit
        assert shown.isprintable() or any(unicodedata.category(c) in ("Zs", "Co", "Cn") for c in shown)
        assert shown.splitlines() in ([], [shown])
        shown.encode()


@given(st.text(alphabet="\r\n\t ab…‮\x85é\ud800"), st.integers(1, 50))
def test_ascii_only_is_ascii(content: str, limit: int) -> None:
    assert text.ascii_only(text.exact_line(content, limit)).isascii()


def test_ascii_only_keeps_what_it_can() -> None:
    assert text.ascii_only("Zürich – “café” 東京…") == 'Zurich - "cafe" ??...'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("see https://evil.example/a", "see https[:]//evil.example/a"),
        ("ftp://a slack://b HTTPS://EVIL.EXAMPLE", "ftp[:]//a slack[:]//b HTTPS[:]//EVIL.EXAMPLE"),
        ("www.evil.example WWW.evil.example", "www[.]evil.example WWW[.]evil.example"),
        ("https://docs.aws.amazon.com@evil.example/", "https[:]//docs.aws.amazon.com@evil.example/"),
        ("read https://docs.aws.amazon.com/x.", "read https://docs.aws.amazon.com/x."),
        ("i-0abc at 10:00 // C://x", "i-0abc at 10:00 // C[:]//x"),
    ],
)
def test_foreign_addresses_are_taken_apart(before: str, after: str) -> None:
    assert text.unlinked(before) == after


def test_long_text_is_cut_before_the_work() -> None:
    assert len(text.paragraphs("x" * 240_000, 6000)) == 6000
    assert len(text.line("x" * 240_000, 300)) == 300


@given(st.text(alphabet="&<>a😀"), st.integers(1, 40))
def test_slack_text_is_cut_between_entities(content: str, limit: int) -> None:
    shown = slack.escaped(content, limit)
    assert len(shown.encode("utf-16-le")) // 2 <= limit
    rest = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(rest) & set("&<>")
    whole = slack.escaped(content, 10_000)
    assert shown == whole or (shown.endswith("…") and whole.startswith(shown[:-1]))
