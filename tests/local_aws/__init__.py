"""A local AWS to try the module on: strict where AWS is strict, without an account, Docker or the internet."""

from tests.local_aws.client import LocalAws, LocalAwsError
from tests.local_aws.records import Call, Event, Mail, SnsMessage
from tests.local_aws.slack import SlackMessage, SlackServer

__all__ = ["Call", "Event", "LocalAws", "LocalAwsError", "Mail", "SlackMessage", "SlackServer", "SnsMessage"]
