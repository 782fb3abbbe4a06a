"""The settings document: what the module renders is what the functions read."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tocsin import settings
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
    assert read.routes == (Route(("audit",), {"severities": ("HIGH",)}, {}, True),)


@pytest.mark.parametrize("missing", sorted(DOCUMENT))
def test_a_missing_setting_is_named(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        settings.parse(json.dumps({key: value for key, value in DOCUMENT.items() if key != missing}))


def test_an_unknown_severity_is_named() -> None:
    with pytest.raises(SettingsError, match="SEVERE"):
        settings.parse(json.dumps(DOCUMENT | {"minimum_severity": "SEVERE"}))


def test_the_document_is_found_by_its_key_and_verified() -> None:
    document = json.dumps(DOCUMENT)
    key = f"{hashlib.sha256(document.encode()).hexdigest()}/2f1e"
    assert load(Table(key, document), key).name == "tocsin"
    with pytest.raises(SettingsError, match="not in table settings"):
        load(Table(key, document), "0" * 64)
    with pytest.raises(SettingsError, match="changed by hand"):
        load(Table(key, document + " "), key)
