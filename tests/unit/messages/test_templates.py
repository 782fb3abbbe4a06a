"""Templates of the user's own: they choose the words, they are never why nobody is told, and never less safe."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import alert
from tests.unit.messages.conftest import CHANNELS
from tests.unit.messages.test_golden import CASES
from tests.unit.messages.test_hostile import PAYLOADS
from tocsin.alerts import channels, email, templates
from tocsin.alerts.alert import Alert
from tocsin.findings.model import Resource

MAIN = {"email": "email/alert.html.j2", "slack": "slack/alert.json.j2", "sns": "sns/alert.txt.j2"}
GOOD = {
    "email/alert.html.j2": "<html>{{ title }}{% for fact in facts %} {{ fact.label }}{% endfor %}</html>",
    "email/alert.txt.j2": "{{ severity }} {{ title }} {{ links | length }}\n",
    "slack/alert.json.j2": '{"text": {{ overview }}, "blocks": [{"type": "section", "text": {{ plain(title) }}}]}',
    "sns/alert.txt.j2": "{{ severity }} {{ title }} {{ why }}\n",
    "text/facts.txt.j2": "{{ alert_id }} {{ note }}\n",
    "email/base.html.j2": "<body>{% block preview %}{% endblock %}{% block rows %}{% endblock %}</body>\n",
}
BROKEN = ["{{ nothing_of_that_name }}", "{{ 1 // 0 }}", "{% if %}", "{{ ''.__class__.mro() }}", "{% include 'x.j2' %}"]


def shown(kind: str, told: Alert, own: Mapping[str, str]) -> tuple[str, str]:
    """What is sent, and why not by the user's templates."""
    message = channels.compose(CHANNELS[kind], told, "tocsin", own)
    return "".join(message.files().values()), message.failure


def test_the_names_are_those_of_the_built_in_templates() -> None:
    assert set(templates.names()) == set(GOOD)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", CHANNELS)
def test_own_templates_make_every_kind_of_message(kind: str, case: str) -> None:
    text, failure = shown(kind, CASES[case], GOOD)
    assert failure == ""
    assert "tells each problem once" not in text


@pytest.mark.parametrize("replaced", GOOD)
def test_one_template_can_be_replaced_alone(replaced: str) -> None:
    differing = set()
    for kind in CHANNELS:
        text, failure = shown(kind, CASES["first"], {replaced: GOOD[replaced]})
        assert failure == ""
        if text != shown(kind, CASES["first"], {})[0]:
            differing.add(kind)
    assert differing == ({"email", "sns"} if replaced == "text/facts.txt.j2" else {replaced.split("/")[0]})


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_template_gives_tocsins_own_message_which_says_so(kind: str, broken: str) -> None:
    text, failure = shown(kind, CASES["first"], {MAIN[kind]: f"line one\n{broken}\n"})
    assert failure.startswith(f"{MAIN[kind]} (line 2: ")
    ours, _ = shown(kind, CASES["first"], {})
    note = re.search(r"The template (\S+) could not be used \(line 2: .*; this is Tocsin(.|&#39;)s own\.", text)
    assert note
    assert note[1] == MAIN[kind]
    assert [line for line in ours.splitlines() if line.strip() and line not in text] == []


@pytest.mark.parametrize("kind", CHANNELS)
def test_the_note_is_not_in_a_message_that_nothing_went_wrong_with(kind: str) -> None:
    assert "could not be used" not in shown(kind, CASES["first"], GOOD)[0] + shown(kind, CASES["first"], {})[0]


def test_the_failure_names_the_template_that_is_included() -> None:
    _, failure = shown("sns", CASES["first"], {"text/facts.txt.j2": "\n\n{{ nobody }}"})
    assert failure == "text/facts.txt.j2 (line 3: UndefinedError: 'nobody' is undefined)"


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{# nothing #}\n  \n", "nothing comes out of it"),
        ("{% for i in range(99999) %}{{ description }}{% endfor %}", "more than 200000 bytes come out of it"),
        ("{% for i in range(9999999999) %}{{ i }}{% endfor %}", "OverflowError"),
        ("{% for i in range(9999) %}{% include self._TemplateReference__context.name %}{% endfor %}", "SecurityError"),
    ],
    ids=["empty", "huge", "endless", "private"],
)
def test_a_template_that_makes_nothing_or_too_much_is_not_used(kind: str, source: str, said: str) -> None:
    _, failure = shown(kind, CASES["first"], {MAIN[kind]: source})
    assert said in failure


def test_a_template_that_includes_itself_is_not_used() -> None:
    _, failure = shown("sns", CASES["first"], {"sns/alert.txt.j2": "{% include 'sns/alert.txt.j2' %}"})
    assert "RecursionError" in failure


SECTION = '{"blocks": [{"type": "section", "text": {"type": "plain_text", "text": %s}}]}'


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('{"text": {{ title }},}', "what comes out of it is no JSON: "),
        ('{"text": "{{ title }}"}', "what comes out of it is no JSON: "),
        ("[1]", "it is no object"),
        ("{}", "it has neither text nor blocks"),
        ('{"text": "x", "channel": "#elsewhere"}', "channel is not one of attachments, blocks"),
        ('{"text": ""}', "it has neither text nor blocks"),
        ('{"text": {{ "x" * 40001 }}}', "text has 40001 characters, not 1 to 40000"),
        ('{"text": 5}', "text has 0 characters"),
        ('{"blocks": {"type": "divider"}}', "blocks is no list of at most 50"),
        ('{"blocks": {{ [{"type": "divider"}] * 51 }}}', "blocks is no list of at most 50"),
        ('{"blocks": [{"type": "secton"}]}', "blocks[0] has the type secton, not one of actions"),
        ('{"blocks": ["section"]}', "blocks[0] has the type None"),
        ('{"blocks": [{"type": "section"}]}', "blocks[0] has neither text nor fields"),
        (SECTION % '""', "blocks[0].text.text has 0 characters, not 1 to 3000"),
        (SECTION % '{{ "x" * 3001 }}', "blocks[0].text.text has 3001 characters"),
        (SECTION % '{{ "\U0001f600" * 1501 }}', "blocks[0].text.text has 3002 characters"),
        ('{"blocks": [{"type": "section", "text": {{ title }}}]}', "blocks[0].text is no plain_text or mrkdwn"),
        ('{"blocks": [{"type": "header", "text": {{ code("a", ["b"]) }}}]}', "blocks[0].text is no plain_text"),
        ('{"blocks": [{"type": "header", "text": {{ plain("x" * 151) }}}]}', "blocks[0].text.text has 151 characters"),
        (
            '{"blocks": [{"type": "section", "fields": {{ [plain("x")] * 11 }}}]}',
            "blocks[0].fields is no list of 1 to 10",
        ),
        (
            '{"blocks": [{"type": "section", "text": {{ plain("x") }}, "fields": []}]}',
            "blocks[0].fields is no list of 1 to 10",
        ),
        ('{"blocks": [{"type": "actions", "elements": []}]}', "blocks[0].elements is no list of 1 to 25"),
        ('{"text": "\\ud83d hi"}', "what comes out of it is no JSON: "),
        ('{"blocks": [{"type": "section", "text": {{ plain("x") }}, "ts": NaN}]}', "what comes out of it is no JSON: "),
        (
            '{"blocks": [{"type": "section", "fields": [{{ plain("x" * 2001) }}]}]}',
            "fields[0].text has 2001 characters",
        ),
        ('{"blocks": [{"type": "context", "elements": []}]}', "blocks[0].elements is no list of 1 to 10"),
        ('{"blocks": [{"type": "image", "image_url": "https://example.com/x"}]}', "no image_url or no alt_text"),
        ('{"attachments": [{"blocks": [{"type": "context"}]}]}', "attachments[0].blocks[0].elements is no list"),
        ('{"attachments": ["x"]}', "attachments[0] is no object"),
        ('{"attachments": {{ [{"fallback": "x"}] * 21 }}}', "attachments is no list of at most 20"),
    ],
)
def test_what_slack_would_refuse_is_not_sent(source: str, said: str) -> None:
    text, failure = shown("slack", CASES["first"], {"slack/alert.json.j2": source})
    assert failure.startswith("slack/alert.json.j2 (")
    assert said in failure
    assert "could not be used" in text


def test_what_slack_takes_is_sent() -> None:
    blocks = """[{"type": "header", "text": {{ plain("x" * 150, 150) }}}, {"type": "divider"},
        {"type": "section", "text": {{ code("a", ["b"]) }}, "fields": {{ [plain("x", 2000)] * 10 }}},
        {"type": "image", "image_url": "https://example.com/x.png", "alt_text": "x"},
        {"type": "context", "elements": [{"type": "image"}, {{ plain("x") }}]}]"""
    source = f'{{"text": "x", "unfurl_links": false, "blocks": {blocks}, "attachments": [{{"blocks": {blocks}}}]}}'
    assert shown("slack", CASES["first"], {"slack/alert.json.j2": source})[1] == ""


# Safety --------------------------------------------------------------------------------------------------------------


def hostile() -> Iterator[Alert]:
    for payload in PAYLOADS.values():
        resource = Resource(payload, payload, name=payload)
        changes = dict.fromkeys(("title", "description", "product", "finding_id", "remediation"), payload)
        yield alert({**changes, "resources": (resource,), "types": (payload,)})


EVERYTHING = "{{ title }}{{ description }}{{ remediation }}{{ finding_id }}{{ subject }}"
UNSAFE_HTML = {
    "as it is": EVERYTHING,
    "autoescape off": "{% autoescape false %}" + EVERYTHING + "{% endautoescape %}",
    "a text template included": "{% include 'text/facts.txt.j2' %}",
    "a macro": "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(title) }}{{ m(description) }}",
    "joined": "{{ [title, description] | join('<b>') }}{{ title ~ description }}",
}


@pytest.mark.parametrize("unsafe", UNSAFE_HTML)
def test_no_text_of_a_finding_becomes_markup_in_a_mail(unsafe: str) -> None:
    own = {"email/alert.html.j2": UNSAFE_HTML[unsafe]}
    for told in hostile():
        mail = channels.compose(CHANNELS["email"], told, "tocsin", own)
        assert mail.failure == ""
        html = mail.files()[".html"]
        assert not re.search(r"<(?!b>)", html) or unsafe != "joined"
        assert "<script" not in html
        assert "<a " not in html
        assert "<img" not in html


def test_a_text_template_in_a_mail_is_escaped_once() -> None:
    """By the name of the template that includes it, not by its own."""
    macro = "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(title) }}"
    own = {"email/alert.html.j2": "{% include 'text/facts.txt.j2' %}", "text/facts.txt.j2": macro}
    mail = channels.compose(CHANNELS["email"], alert({"title": "<b>"}), "tocsin", own)
    assert mail.files()[".html"] == "&lt;b&gt;"


@pytest.mark.parametrize("use", ["{{{{ title | {} }}}}", "{{% filter {} %}}{{{{ title }}}}{{% endfilter %}}"])
@pytest.mark.parametrize("filter_name", ["safe", "striptags", "urlize"])
def test_filters_that_make_markup_of_text_do_not_exist(filter_name: str, use: str) -> None:
    _, failure = shown("email", CASES["first"], {"email/alert.html.j2": use.format(filter_name)})
    assert f"No filter named '{filter_name}'" in failure


@pytest.mark.parametrize(
    "value",
    [
        "title ~ description",
        '{"type": "mrkdwn", "text": title}',
        "[title]",
        "overview ~ title",
        "title | tojson",
        "title | e",
    ],
)
def test_no_text_of_a_finding_becomes_a_mention_or_a_link_in_slack(value: str) -> None:
    source = f'{{"text": "x", "attachments": [{{"fallback": {{{{ {value} }}}}}}]}}'
    for told in hostile():
        post = channels.compose(CHANNELS["slack"], told, "tocsin", {"slack/alert.json.j2": source})
        assert post.failure == ""
        attachments = json.dumps(json.loads(post.files()[".json"])["attachments"])
        assert not re.search("[<>]", attachments)


def test_the_users_own_words_may_mention_and_link() -> None:
    words = "<!here> see <https://wiki.example.com/runbook|the runbook>"
    text, failure = shown("slack", CASES["first"], {"slack/alert.json.j2": f'{{"text": "{words}"}}'})
    assert failure == ""
    assert words in text


def test_a_template_changes_no_recipient_and_no_header() -> None:
    header = {"email/alert.txt.j2": "To: x@y\nBcc: x@y\nSubject: x\n\nx"}
    plain, own = (channels.compose(CHANNELS["email"], CASES["first"], "tocsin", chosen) for chosen in ({}, header))
    assert isinstance(plain, email.Mail)
    assert isinstance(own, email.Mail)
    assert own.failure == ""
    assert own.text.startswith("To: x@y")
    assert replace(own, text=plain.text) == plain


# Tocsin's own fail ---------------------------------------------------------------------------------------------------


@pytest.fixture
def broken_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package whose templates are all broken in line 2."""
    for name in templates.names():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("line one\n{{ nothing_of_that_name }}\n")
    monkeypatch.setattr(templates, "_folder", lambda: tmp_path)
    templates._environment.cache_clear()
    yield
    templates._environment.cache_clear()


@pytest.mark.usefixtures("broken_built_in")
@pytest.mark.parametrize("kind", CHANNELS)
def test_the_last_resort_needs_no_template(kind: str) -> None:
    told = alert({"title": "<b>Title</b>"})
    for own in ({}, {MAIN[kind]: "{{ mine }}"}):
        text, failure = shown(kind, told, own)
        assert f"{MAIN[kind]} (line 2: UndefinedError: 'nothing_of_that_name' is undefined)" in failure
        assert ("'mine' is undefined" in failure) == bool(own)
        for part in ("Title", "New problem", "111122223333", "eu-west-1", "A message template failed"):
            assert part in text
        if kind in ("email", "slack"):
            assert "&lt;b&gt;Title" in text


def test_templates_are_found_beside_the_package_as_in_the_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tocsin").mkdir()
    monkeypatch.setattr("tocsin.__file__", str(tmp_path / "tocsin/__init__.py"))
    with pytest.raises(FileNotFoundError, match="build the package again"):
        templates._folder()
    (tmp_path / "templates").mkdir()
    assert templates._folder() == tmp_path / "templates"
