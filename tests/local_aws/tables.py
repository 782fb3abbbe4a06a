"""DynamoDB: what each call wrote, in write units, for the journal. ministack's own behaviour needed no repair."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from tests.local_aws import journal
from tests.local_aws.emulator import dynamodb
from tests.local_aws.patching import replace

Response = tuple[int, dict[str, str], bytes]


def _capacity(
    original: Callable[..., None],
    result: dict[str, Any],
    data: Mapping[str, Any],
    table_name: str,
    write: bool = False,
    **items: Any,
) -> None:
    """ministack counts only when the caller asks for it; the journal always does."""
    current = journal.running.get()
    if current and write:
        counted: dict[str, Any] = {}
        original(counted, {**data, "ReturnConsumedCapacity": "TOTAL"}, table_name, write=True, **items)
        current.write_units += counted["ConsumedCapacity"]["CapacityUnits"]
    original(result, data, table_name, write=write, **items)


def _condition_failed(
    original: Callable[..., Response], data: Mapping[str, Any], old_item: Mapping[str, Any] | None, *message: str
) -> Response:
    """AWS bills a failed condition by the size of the item that is there, at least one unit.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
    """
    current = journal.running.get()
    if current:
        size = dynamodb._billed_item_bytes({}, old_item) if old_item else 1
        current.write_units += max(1, math.ceil(size / 1024))
    return original(data, old_item, *message)


def _transact(original: Callable[..., Response], data: dict[str, Any]) -> Response:
    """A transaction's units are in its answer only if asked for: ask, and leave them out again."""
    asked = data.get("ReturnConsumedCapacity", "NONE")
    status, headers, body = original({**data, "ReturnConsumedCapacity": "TOTAL" if asked == "NONE" else asked})
    current = journal.running.get()
    if current:
        operations = [operation for item in data.get("TransactItems", []) for operation in item.values()]
        current.tables += sorted({operation.get("TableName", "") for operation in operations})
    if status != 200:
        return status, headers, body
    answer = json.loads(body)
    if current:
        current.write_units += sum(table["CapacityUnits"] for table in answer.get("ConsumedCapacity", []))
    if asked == "NONE":
        answer.pop("ConsumedCapacity", None)
    return status, headers, json.dumps(answer).encode()


def install() -> None:
    """Apply the patches."""
    replace(
        dynamodb,
        "_add_consumed_capacity",
        _capacity,
        "result",
        "data",
        "table_name",
        "write",
        "old_item",
        "new_item",
        "index_name",
    )
    replace(dynamodb, "_conditional_check_failed", _condition_failed, "data", "old_item", "message")
    replace(dynamodb, "_transact_write_items", _transact, "data")
