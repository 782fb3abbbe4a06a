"""The settings document: what the module renders is what the functions read."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tocsin import settings
from tocsin.findings.match import CRITERIA
from tocsin.findings.model import Severity
from tocsin.settings import Email, Route, SettingsError, Slack, Sns

DOCUMENT: dict[str, Any] = {
    "name": "tocsin",
    "mode": "alert",
    "backlog": "silent",
    "samples": "mark",
    "minimum_severity": "HIGH",
    "dedupe_days": {"CRITICAL": 0.5, "HIGH": 7, "MEDIUM": 15, "LOW": 30, "INFORMATIONAL": 30},
    "products": ["GuardDuty"],
    "account_ids": ["111122223333"],
    "channels": {
        "mail": {"email": {"from": "a@example.com", "to": ["b@example.com"], "identity_arn": None}},
        "audit": {"sns": {"topic_arn": "arn:aws:sns:eu-west-1:111122223333:audit"}},
        "soc": {"slack": {"webhook_secret_arn": "arn:s", "allowed_hosts": ["hooks.slack.com"]}, "email": None},
    },
    "templates": {"sns/alert.txt.j2": "{{ title }}"},
    "routes": [{"to": ["audit"], "match": {"severities": ["HIGH"]}, "except": {}, "continue": True}],
}


class Table:
    """A settings table with one document, perhaps under a wrong key."""

    def __init__(self, key: str, document: str) -> None:
        self.items = {key: {"pk": {"S": key}, "document": {"S": document}}}

    def get_item(self, *, Key: dict[str, dict[str, str]], **_: object) -> dict[str, Any]:  # noqa: N803 - boto3's name
        item = self.items.get(Key["pk"]["S"])
        return {"Item": item} if item else {}


def load(table: Any, key: str) -> settings.Settings:
    return settings.load(table, "settings", key)


def test_everything_is_read() -> None:
    read = settings.parse(json.dumps(DOCUMENT))
    assert read.window_ms(Severity.CRITICAL) == 43_200_000
    assert read.channels["mail"].kind == Email("a@example.com", ("b@example.com",))
    assert read.channels["audit"].kind == Sns("arn:aws:sns:eu-west-1:111122223333:audit")
    assert read.channels["soc"].kind == Slack("arn:s", ("hooks.slack.com",))
    assert [read.channels[name].type for name in ("mail", "audit", "soc")] == ["email", "sns", "slack"]
    assert read.templates == {"sns/alert.txt.j2": "{{ title }}"}
    assert read.routes == (Route(("audit",), {"severities": ("HIGH",)}, {}, True),)


@pytest.mark.parametrize("missing", sorted(DOCUMENT))
def test_a_missing_setting_is_named(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        settings.parse(json.dumps({key: value for key, value in DOCUMENT.items() if key != missing}))


ROUTE = DOCUMENT["routes"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minimum_severity": "SEVERE"}, "SEVERE"),
        ({"mode": "quiet"}, "mode is 'quiet', not one of alert, observe"),
        ({"backlog": "digest"}, "backlog is 'digest'"),
        ({"samples": "drop"}, "samples is 'drop'"),
        ({"suppressions": {}}, "the settings has the unknown suppressions"),
        ({"dedupe_days": DOCUMENT["dedupe_days"] | {"SEVERE": 1}}, "dedupe_days has the unknown SEVERE"),
        ({"dedupe_days": {"HIGH": 7}}, "INFORMATIONAL"),
        ({"dedupe_days": DOCUMENT["dedupe_days"] | {"HIGH": -1}}, "dedupe_days of HIGH are -1.0"),
        ({"dedupe_days": DOCUMENT["dedupe_days"] | {"HIGH": "inf"}}, "dedupe_days of HIGH are inf"),
        ({"channels": {"soc": {"slck": {}}}}, "channel soc has the unknown slck"),
        ({"channels": {"soc": {"sns": None}}}, "channel soc has no kind"),
        ({"channels": {"soc": {"sns": {"topic_arn": "a"}, "slack": {}}}}, "channel soc has sns and slack"),
        ({"channels": {"soc": {"sns": {"topic_arn": "a", "topic": "a"}}}}, "channel soc has the unknown topic"),
        ({"routes": [ROUTE | {"exept": {}}]}, "routes.0. has the unknown exept"),
        ({"routes": [ROUTE | {"match": {"product": ["x"]}}]}, "routes.0. has the unknown product"),
        ({"routes": [ROUTE | {"except": {"product": ["x"]}}]}, "routes.0. has the unknown product"),
        (
            {"routes": [ROUTE, ROUTE | {"to": ["sco"]}]},
            "the channel of routes.1. is 'sco', not one of mail, audit, soc",
        ),
    ],
)
def test_what_is_unknown_is_an_error_and_never_ignored(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings.parse(json.dumps(DOCUMENT | change))


def test_every_criterion_of_the_vocabulary_is_known() -> None:
    match = {criterion: ["x"] for criterion in (*CRITERIA, "tag:team")}
    read = settings.parse(json.dumps(DOCUMENT | {"routes": [ROUTE | {"match": match}]}))
    assert set(read.routes[0].match) == set(match)


def test_the_document_is_found_by_its_key_and_verified() -> None:
    document = json.dumps(DOCUMENT)
    key = f"{hashlib.sha256(document.encode()).hexdigest()}/2f1e"
    assert load(Table(key, document), key).name == "tocsin"
    with pytest.raises(SettingsError, match="not in table settings"):
        load(Table(key, document), "0" * 64)
    with pytest.raises(SettingsError, match="changed by hand"):
        load(Table(key, document + " "), key)
