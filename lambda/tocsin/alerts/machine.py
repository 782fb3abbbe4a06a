"""Starting the `alert` state machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tocsin.alerts.ledger import Ledger
from tocsin.alerts.problem import Problem
from tocsin.log import count, logger

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


def start(client: SFNClient, machine_arn: str, ledger: Ledger, problem: Problem) -> None:
    """Start this attempt, best effort: the outbox row stays until the alert is told, so the sweeper makes up for it.

    An attempt that did not start, or perhaps did not, gives up its lease, and the next sweep makes the next one. Should
    both run, the reservations keep one of them from sending. Raises what the ledger raises then.

    The name makes the start idempotent. ExecutionAlreadyExists says that this attempt ran before and proves nothing:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    attempt = {"alert_id": problem.alert_id, "attempt": problem.attempt, "key": problem.key}
    try:
        client.start_execution(
            stateMachineArn=machine_arn,
            name=f"{problem.alert_id}-{problem.attempt}",
            input=json.dumps(attempt),
        )
    except client.exceptions.ExecutionAlreadyExists:
        logger.info("this attempt was started before", extra=attempt)
    except (ClientError, BotoCoreError) as error:
        logger.warning("the execution did not start; the sweeper will try again", extra=attempt | {"error": str(error)})
        count("StartFailed")
        ledger.end_lease(problem)
