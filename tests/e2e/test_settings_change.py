"""Other settings, applied while it runs. The last of the end-to-end tests, because it leaves them changed."""

from __future__ import annotations

from tests.deployment import local_variables
from tests.e2e.conftest import Installation, stamp
from tests.e2e.events import asff, imported

LOWER = "-var=minimum_severity=MEDIUM"


def test_changed_settings_take_effect_and_the_old_ones_go(tocsin: Installation) -> None:
    table = tocsin.watch.outputs["settings_table"]["name"]
    dynamodb = tocsin.watch.client("dynamodb")
    (before,) = dynamodb.scan(TableName=table)["Items"]
    tocsin.terraform.apply(*local_variables(tocsin.aws), LOWER)
    (after,) = dynamodb.scan(TableName=table)["Items"]
    assert after["pk"] != before["pk"], "an item never changes, it is replaced"
    (end,) = tocsin.publish(imported(asff("medium", stamp(), label="MEDIUM"))).values()
    assert (end.decision, end.reason) == ("ALERT", "FIRST")
    assert tocsin.terraform.plan_is_empty(*local_variables(tocsin.aws), LOWER)
