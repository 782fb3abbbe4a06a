"""EventBridge Scheduler: roles are checked, and a schedule can be run on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.local_aws import control, iam
from tests.local_aws.emulator import eventbridge, responses, scheduler
from tests.local_aws.patching import replace

Response = tuple[int, dict[str, str], bytes]


def _checked(original: Callable[..., Response], name: str, body: dict[str, Any]) -> Response:
    """AWS refuses a schedule whose role it cannot assume; ministack does not look at the role.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role
    """
    role = (body.get("Target") or {}).get("RoleArn", "")
    if not iam.assumable_by(role, "scheduler.amazonaws.com"):
        refused: Response = scheduler._error(
            400,
            "ValidationException",
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        )
        return refused
    return original(name, body)


def fire(name: str) -> None:
    """Run the enabled schedule of this name now. Raises control.Refused when there is none, or when it is off."""
    found = [schedule for schedule in scheduler._schedules.values() if schedule["Name"] == name]
    if not found:
        raise control.Refused(f"there is no schedule {name!r}")
    if found[0].get("State") != "ENABLED":
        raise control.Refused(f"the schedule {name!r} is {found[0].get('State')}")
    event = {
        "EventId": responses.new_uuid(),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": int(time.time()),
        "Resources": [found[0]["Arn"]],
        "Account": responses.get_account_id(),
        "Region": responses.get_region(),
    }
    eventbridge._invoke_target(found[0]["Target"], event, found[0])


def _fire(asked: Mapping[str, Any]) -> None:
    fire(asked["schedule"])


def install() -> None:
    """Apply the patches and register the control requests."""
    replace(scheduler, "_create_schedule", _checked, "name", "body")
    replace(scheduler, "_update_schedule", _checked, "name", "body")
    control.register("fire", _fire)
