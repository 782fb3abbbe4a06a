"""The Security Hub emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.local_aws.kit import Kit
from tests.local_aws import LocalAwsError


@pytest.fixture
def hub(kit: Kit) -> Iterator[Any]:
    client = kit.client("securityhub")
    client.enable_security_hub()
    yield client
    client.disable_security_hub()


def finding(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": name,
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
        "GeneratorId": "generator",
        "AwsAccountId": "111122223333",
        "CreatedAt": "2026-01-01T00:00:00Z",
        "UpdatedAt": "2026-01-01T00:00:00Z",
        "Severity": {"Label": "HIGH"},
        "Title": f"Title of {name}",
        "Description": "Description",
        "Resources": [{"Type": "AwsEc2Instance", "Id": f"arn:aws:ec2:eu-west-1:111122223333:instance/{name}"}],
        **fields,
    }


def identifier(name: str) -> dict[str, str]:
    return {"Id": name, "ProductArn": finding(name)["ProductArn"]}


def test_needs_a_hub(kit: Kit) -> None:
    with pytest.raises(ClientError, match="not subscribed"):
        kit.client("securityhub").get_findings()


def test_import_announces_each_finding(kit: Kit, hub: Any) -> None:
    answer = hub.batch_import_findings(Findings=[finding("one"), finding("two")])
    assert (answer["SuccessCount"], answer["FailedCount"]) == (2, 0)
    events = kit.aws.events()
    assert [event.envelope["detail"]["findings"][0]["Id"] for event in events] == ["one", "two"]
    assert {event.envelope["detail-type"] for event in events} == {"Security Hub Findings - Imported"}
    imported = events[0].envelope["detail"]["findings"][0]
    assert (imported["Workflow"], imported["RecordState"]) == ({"Status": "NEW"}, "ACTIVE")
    assert imported["Severity"]["Normalized"] == 70
    assert events[0].envelope["source"] == "aws.securityhub"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"Severity": {}}, "Severity.Label or Severity.Normalized"),
        ({"UpdatedAt": "yesterday"}, "not an ISO 8601 timestamp"),
        ({"Description": "x" * 250_000}, "larger than 245760 bytes"),
    ],
)
def test_bad_finding_fails_alone(hub: Any, fields: dict[str, Any], error: str) -> None:
    answer = hub.batch_import_findings(Findings=[finding("bad", **fields), finding("good")])
    (failed,) = answer["FailedFindings"]
    assert failed["Id"] == "bad"
    assert error in failed["ErrorMessage"]
    assert answer["SuccessCount"] == 1


def test_unknown_enum_is_refused(hub: Any) -> None:
    with pytest.raises(ClientError, match="not one of"):
        hub.batch_import_findings(Findings=[finding("bad", RecordState="GONE")])


def test_older_import_is_refused(hub: Any) -> None:
    hub.batch_import_findings(Findings=[finding("old", UpdatedAt="2026-01-02T00:00:00Z")])
    answer = hub.batch_import_findings(Findings=[finding("old", UpdatedAt="2026-01-01T00:00:00Z")])
    assert "before that of the stored finding" in answer["FailedFindings"][0]["ErrorMessage"]


def test_update_keeps_the_stamp_and_is_announced(kit: Kit, hub: Any) -> None:
    hub.batch_import_findings(Findings=[finding("told")])
    note = {"Text": "told", "UpdatedBy": "tocsin"}
    answer = hub.batch_update_findings(
        FindingIdentifiers=[identifier("told"), identifier("absent")], Workflow={"Status": "NOTIFIED"}, Note=note
    )
    assert answer["ProcessedFindings"] == [identifier("told")]
    assert answer["UnprocessedFindings"][0]["ErrorCode"] == "FindingNotFound"
    updated = kit.aws.events()[-1].envelope["detail"]["findings"][0]
    assert (updated["Workflow"]["Status"], updated["UpdatedAt"]) == ("NOTIFIED", finding("told")["UpdatedAt"])
    hub.batch_import_findings(Findings=[finding("told")])
    assert kit.aws.events()[-1].envelope["detail"]["findings"][0]["Workflow"]["Status"] == "NOTIFIED"


def test_what_comes_back_is_new_again(kit: Kit, hub: Any) -> None:
    def status(**fields: Any) -> str:
        hub.batch_import_findings(Findings=[finding("back", **fields)])
        return str(kit.aws.events()[-1].envelope["detail"]["findings"][0]["Workflow"]["Status"])

    control = {"ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub"}
    assert status() == "NEW"
    hub.batch_update_findings(FindingIdentifiers=[identifier("back")], Workflow={"Status": "NOTIFIED"})
    assert status(RecordState="ARCHIVED") == "NOTIFIED"
    assert status(RecordState="ACTIVE") == "NEW"
    assert status(Compliance={"Status": "PASSED"}, **control) == "RESOLVED"
    assert status(Compliance={"Status": "FAILED"}, **control) == "NEW"


def test_filters(hub: Any) -> None:
    hub.batch_import_findings(
        Findings=[
            finding("high", ProductFields={"key": "value"}),
            finding("low", Severity={"Label": "LOW"}),
            finding("other", AwsAccountId="444455556666", UpdatedAt="2026-02-01T00:00:00Z"),
        ]
    )

    def ids(**filters: Any) -> set[str]:
        return {found["Id"] for found in hub.get_findings(Filters=filters)["Findings"]} & {"high", "low", "other"}

    equals = {"Comparison": "EQUALS"}
    assert ids(SeverityLabel=[{"Value": "LOW", **equals}]) == {"low"}
    assert ids(SeverityLabel=[{"Value": "LOW", **equals}, {"Value": "HIGH", **equals}]) == {"high", "low", "other"}
    assert ids(
        SeverityLabel=[{"Value": "HIGH", **equals}], AwsAccountId=[{"Value": "4444", "Comparison": "PREFIX"}]
    ) == {"other"}
    assert ids(AwsAccountId=[{"Value": "444455556666", "Comparison": "NOT_EQUALS"}]) == {"high", "low"}
    assert ids(ProductFields=[{"Key": "key", "Value": "value", **equals}]) == {"high"}
    assert ids(UpdatedAt=[{"Start": "2026-01-15T00:00:00Z", "End": "2026-03-01T00:00:00Z"}]) == {"other"}
    assert ids(ResourceId=[{"Value": "instance/low", "Comparison": "CONTAINS"}]) == {"low"}
    with pytest.raises(ClientError, match="not emulated"):
        ids(MalwareName=[{"Value": "x", **equals}])
    with pytest.raises(ClientError, match="more than 20"):
        ids(Id=[{"Value": str(number), **equals} for number in range(21)])


def test_pages(hub: Any) -> None:
    hub.batch_import_findings(Findings=[finding(f"page-{number}") for number in range(5)])
    filters = {"Id": [{"Value": "page-", "Comparison": "PREFIX"}]}
    first = hub.get_findings(Filters=filters, MaxResults=3)
    second = hub.get_findings(Filters=filters, MaxResults=3, NextToken=first["NextToken"])
    assert [len(first["Findings"]), len(second["Findings"]), "NextToken" in second] == [3, 2, False]
    with pytest.raises(ClientError, match="more than 100"):
        hub.get_findings(MaxResults=101)


def test_custom_action(kit: Kit, hub: Any) -> None:
    arn = hub.create_action_target(Name="Tell", Description="Tell it again", Id="tell")["ActionTargetArn"]
    hub.batch_import_findings(Findings=[finding("asked"), finding("asked-too")])
    kit.aws.custom_action("tell", ["asked", "asked-too"])
    event = kit.aws.events()[-1].envelope
    assert event["detail-type"] == "Security Hub Findings - Custom Action"
    assert (event["resources"], event["detail"]["actionName"]) == ([arn], "Tell")
    assert [found["Id"] for found in event["detail"]["findings"]] == ["asked", "asked-too"]
    with pytest.raises(LocalAwsError, match="absent"):
        kit.aws.custom_action("tell", ["absent"])
    hub.delete_action_target(ActionTargetArn=arn)
    with pytest.raises(ClientError, match="not found"):
        hub.describe_action_targets(ActionTargetArns=[arn])


def test_role_needs_the_permission(kit: Kit, hub: Any) -> None:
    code = "import boto3\ndef handler(event, context):\n    boto3.client('securityhub').get_findings()"
    denied = kit.invoke(kit.function(code))[0]
    assert "securityhub:GetFindings" in denied["errorMessage"]
    hub_arn = f"arn:aws:securityhub:{kit.scope}:hub/default"
    assert kit.invoke(kit.function(code, ("securityhub:GetFindings", hub_arn))) == (None, None)
