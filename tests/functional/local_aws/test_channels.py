"""What SNS and SES take and refuse."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.functional.local_aws.kit import Kit


class TestSns:
    def topic(self, kit: Kit) -> str:
        return str(kit.client("sns").create_topic(Name=kit.name("topic"))["TopicArn"])

    @pytest.mark.parametrize("subject", ["x" * 101, "two\nlines", "tab\there", " begins with a blank"])
    def test_bad_subject(self, kit: Kit, subject: str) -> None:
        with pytest.raises(ClientError, match="Invalid parameter: Subject"):
            kit.client("sns").publish(TopicArn=self.topic(kit), Subject=subject, Message="x")

    def test_empty_message(self, kit: Kit) -> None:
        with pytest.raises(ClientError, match="Empty message"):
            kit.client("sns").publish(TopicArn=self.topic(kit), Message="")

    def test_accepted_message_is_journaled_and_delivered(self, kit: Kit) -> None:
        topic = self.topic(kit)
        url, arn = kit.queue()
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        kit.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        kit.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        attributes = {"severity": {"DataType": "String", "StringValue": "HIGH"}}
        sent = kit.client("sns").publish(
            TopicArn=topic, Subject="x" * 100, Message="said", MessageAttributes=attributes
        )
        (message,) = kit.aws.sns_messages()
        assert (message.topic_arn, message.subject, message.message) == (topic, "x" * 100, "said")
        assert message.message_id == sent["MessageId"]
        assert message.attributes["severity"]["StringValue"] == "HIGH"
        (delivered,) = kit.received(url)
        assert json.loads(delivered["Body"])["Message"] == "said"

    def test_topic_that_is_gone(self, kit: Kit) -> None:
        with pytest.raises(ClientError, match="NotFound"):
            kit.client("sns").publish(TopicArn=f"arn:aws:sns:{kit.scope}:absent", Message="x")


class TestSes:
    @pytest.fixture(autouse=True)
    def identity(self, kit: Kit) -> None:
        identities = kit.client("sesv2").list_email_identities()["EmailIdentities"]
        if "example.com" not in [identity["IdentityName"] for identity in identities]:
            kit.client("sesv2").create_email_identity(EmailIdentity="example.com")
            kit.client("sesv2").create_configuration_set(ConfigurationSetName="tocsin")

    def message(self, **fields: Any) -> dict[str, Any]:
        simple = {
            "Subject": {"Data": "Told"},
            "Body": {"Html": {"Data": "<p>said</p>"}, "Text": {"Data": "said"}},
            "Headers": [{"Name": "References", "Value": "<a@example.com>"}],
            **fields.pop("Simple", {}),
        }
        return {
            "FromEmailAddress": "Tocsin <tocsin@example.com>",
            "Destination": {"ToAddresses": ["a@example.org", "b@example.org"]},
            "Content": {"Simple": simple},
            **fields,
        }

    def test_whole_message_is_journaled(self, kit: Kit) -> None:
        sent = kit.client("sesv2").send_email(**self.message(ConfigurationSetName="tocsin"))
        (mail,) = kit.aws.mails()
        assert mail.message_id == sent["MessageId"]
        assert (mail.sender, mail.to) == ("Tocsin <tocsin@example.com>", ("a@example.org", "b@example.org"))
        assert (mail.subject, mail.html, mail.text) == ("Told", "<p>said</p>", "said")
        assert mail.headers == {"References": "<a@example.com>"}
        assert mail.configuration_set == "tocsin"

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"FromEmailAddress": "x@example.net"}, "MessageRejected.*not verified.*example.net"),
            ({"Destination": {"ToAddresses": [f"u{n}@example.org" for n in range(51)]}}, "Recipient count exceeds 50"),
            ({"Destination": {}}, "no recipient"),
            ({"Destination": {"ToAddresses": ["nobody"]}}, "Missing final '@domain'"),
            ({"ConfigurationSetName": "absent"}, "NotFoundException.*absent"),
            ({"Simple": {"Subject": {"Data": "two\nlines"}}}, "Control characters"),
            ({"Simple": {"Body": {}}}, "Body must have"),
            ({"Simple": {"Headers": [{"Name": "Message-ID", "Value": "x"}]}}, "sets itself: Message-ID"),
            ({"Simple": {"Headers": [{"Name": "X", "Value": "ü"}]}}, "does not match"),
            ({"Simple": {"Headers": [{"Name": f"X-{n}", "Value": "x"} for n in range(16)]}}, "more than 15"),
            ({"Content": {}}, "exactly one"),
        ],
    )
    def test_refused(self, kit: Kit, fields: dict[str, Any], error: str) -> None:
        with pytest.raises(ClientError, match=error):
            kit.client("sesv2").send_email(**self.message(**fields))
        assert kit.aws.mails() == []

    def test_raw_message(self, kit: Kit) -> None:
        raw = b"From: tocsin@example.com\r\nTo: a@example.org\r\nSubject: Told\r\n\r\nsaid\r\n"
        kit.client("sesv2").send_email(Content={"Raw": {"Data": raw}})
        (mail,) = kit.aws.mails()
        assert (mail.to, mail.subject, mail.text.strip()) == (("a@example.org",), "Told", "said")

    def test_identity_keeps_its_configuration_set(self, kit: Kit) -> None:
        ses = kit.client("sesv2")
        ses.create_email_identity(EmailIdentity="x@example.net", ConfigurationSetName="tocsin")
        assert ses.get_email_identity(EmailIdentity="x@example.net")["ConfigurationSetName"] == "tocsin"
        ses.delete_email_identity(EmailIdentity="x@example.net")


def test_alarm_is_described_whole(kit: Kit) -> None:
    cloudwatch = kit.client("cloudwatch")
    topic = str(kit.client("sns").create_topic(Name=kit.name("topic"))["TopicArn"])
    asked = {
        "AlarmName": kit.name("alarm"),
        "AlarmDescription": "Dead letters <&>",
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": "dead"}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [topic],
        "OKActions": [topic],
        "InsufficientDataActions": [topic],
        "ActionsEnabled": True,
    }
    cloudwatch.put_metric_alarm(**asked)
    (described,) = cloudwatch.describe_alarms(AlarmNames=[asked["AlarmName"]])["MetricAlarms"]
    assert {name: described[name] for name in asked} == asked
    data = {"MetricName": asked["MetricName"], "Value": 1.0, "Dimensions": [{"Name": "QueueName", "Value": "other"}]}
    cloudwatch.put_metric_data(Namespace=asked["Namespace"], MetricData=[data])
    assert kit.aws.sns_messages() == []  # another queue's metric does not raise it
    cloudwatch.set_alarm_state(AlarmName=asked["AlarmName"], StateValue="ALARM", StateReason="a test")
    assert json.loads(kit.aws.sns_messages()[-1].message)["NewStateValue"] == "ALARM"


class TestAlarmByQuery:
    """The query protocol, which Terraform's provider speaks and boto3 no longer does."""

    def ask(self, kit: Kit, **form: str) -> str:
        request = AWSRequest(
            "POST",
            f"{kit.aws.endpoint}/",
            data=urllib.parse.urlencode({**form, "Version": "2010-08-01"}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        SigV4Auth(Credentials(kit.aws.account_id, "test"), "monitoring", kit.aws.region).add_auth(request)
        answer = requests.post(str(request.url), data=request.body, headers=dict(request.headers), timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.text

    def test_members(self, kit: Kit) -> None:
        asked = {
            "AlarmName": kit.name("alarm"),
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Statistic": "Maximum",
            "Period": "60",
            "EvaluationPeriods": "1",
            "Threshold": "0.0",
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        lists = {
            "Dimensions.member.1.Name": "QueueName",
            "Dimensions.member.1.Value": "dead",
            "InsufficientDataActions.member.1": f"arn:aws:sns:{kit.scope}:alarms",
        }
        self.ask(kit, Action="PutMetricAlarm", **asked, **lists)
        described = self.ask(kit, Action="DescribeAlarms", **{"AlarmNames.member.1": asked["AlarmName"]})
        for name, value in {**asked, "Name": "QueueName", "Value": "dead", "ActionsEnabled": "true"}.items():
            assert f"<{name}>{value}</{name}>" in described
        assert f"<InsufficientDataActions><member>arn:aws:sns:{kit.scope}:alarms</member>" in described

    def test_metric_math(self, kit: Kit) -> None:
        name = kit.name("alarm")
        metric = {"Namespace": "AWS/States", "MetricName": "ExecutionsFailed"}
        stat = {"Period": "60", "Stat": "Sum", **{f"Metric.{key}": value for key, value in metric.items()}}
        form = {
            "Metrics.member.1.Id": "sum",
            "Metrics.member.1.Expression": "failed + failed",
            "Metrics.member.2.Id": "failed",
            "Metrics.member.2.ReturnData": "false",
            **{f"Metrics.member.2.MetricStat.{key}": value for key, value in stat.items()},
        }
        plain = {"EvaluationPeriods": "1", "Threshold": "0", "ComparisonOperator": "GreaterThanThreshold"}
        self.ask(kit, Action="PutMetricAlarm", AlarmName=name, **plain, **form)
        described = self.ask(kit, Action="DescribeAlarms", **{"AlarmNames.member.1": name})
        assert "<Expression>failed + failed</Expression>" in described
        assert "<MetricName>ExecutionsFailed</MetricName>" in described
        assert "<ReturnData>false</ReturnData>" in described
        assert "<Statistic>" not in described
