"""CloudWatch alarms: every member of an alarm is kept and described, so that Terraform sees no drift.

ministack keeps what the query protocol says only in part (no metric math) and describes ten members of it. It
evaluates alarms without their dimensions, so that any function's error would raise all: here nothing evaluates
them, and a test sets their state (SetAlarmState), which runs their actions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.local_aws import query, shapes
from tests.local_aws.emulator import cloudwatch
from tests.local_aws.patching import replace

Response = tuple[int, dict[str, str], bytes]

_LEFT_OUT = ("Metrics", "InsufficientDataActions", "ThresholdMetricId", "EvaluateLowSampleCountPercentile")
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")


def _put(
    original: Callable[..., Response], params: Mapping[str, Any], cbor_data: Any, is_cbor: bool, is_json: bool = False
) -> Response:
    """Keep the members that ministack's reading of a query leaves out."""
    response = original(params, cbor_data, is_cbor, is_json)
    if response[0] >= 400:
        return response
    given = cbor_data if is_cbor or is_json else None
    alarm = cloudwatch._alarms[given["AlarmName"] if given else cloudwatch._p(params, "AlarmName")]
    members = shapes.members("cloudwatch", "PutMetricAlarm", "input")
    for name in _LEFT_OUT:
        value = given.get(name) if given else query.decode(members[name], params, name)
        if value is not None:
            alarm[name] = value
    if alarm.get("Metrics"):
        for name in _OF_ONE_METRIC:  # ministack's defaults, which AWS does not describe beside metric math
            alarm.pop(name, None)
    return response


def _describe(
    original: Callable[..., Response], params: Mapping[str, Any], cbor_data: Any, is_cbor: bool, is_json: bool = False
) -> Response:
    """Describe the alarms that ministack selected, with all they have."""
    status, headers, body = original(params, cbor_data, is_cbor, is_json)
    if is_cbor or is_json or status != 200:
        return status, headers, body
    text = body.decode()
    members = shapes.members("cloudwatch", "DescribeAlarms", "output")
    for kind, store in (("MetricAlarms", cloudwatch._alarms), ("CompositeAlarms", cloudwatch._composite_alarms)):
        found = re.search(f"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        if not found:
            continue
        alarms = [store[name] for name in re.findall(r"<AlarmName>(.*?)</AlarmName>", found[1])]
        text = text.replace(found[0], f"<{kind}>{query.encode(members[kind], alarms)}</{kind}>")
    return status, headers, text.encode()


def install() -> None:
    """Apply the patches."""
    takes = ("params", "cbor_data", "is_cbor", "is_json")
    replace(cloudwatch, "_put_metric_alarm", _put, *takes)
    replace(cloudwatch, "_describe_alarms", _describe, *takes)
    replace(cloudwatch, "_evaluate_alarm", lambda original, alarm: None, "alarm")
