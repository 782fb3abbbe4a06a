"""The table in memory answers as moto does, to every call that the ledger makes, over records of every shape."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.alerts import NOW, sighting
from tests.functional.alerts.conftest import TABLE, World
from tests.functional.alerts.table import Table
from tocsin.alerts.alert import Reason
from tocsin.alerts.decide import Decision
from tocsin.alerts.ledger import Ledger
from tocsin.alerts.problem import Copy, Problem, Telling

SEEN = sighting("e1", at_seconds=60, actors=("198.51.100.1", "198.51.100.2"))
ALERT_ID = f"{SEEN.key}-mm7p6yo0"
times = st.integers(NOW - 1, NOW + 1)
tellings = st.builds(
    Telling,
    st=st.sampled_from(("PENDING", "SENDING", "SENT", "DROPPED", "DEAD")),
    until=st.none() | times,
    next=st.none() | times,
    tries=st.integers(0, 2),
)
problems = st.builds(
    Problem,
    key=st.just(SEEN.key),
    rev=st.integers(1, 3),
    state=st.sampled_from(("OPEN", "CLOSED")),
    src=st.dictionaries(
        st.sampled_from((SEEN.copy, "n1")),
        st.builds(Copy, stamp=st.sampled_from((SEEN.stamp - 1, SEEN.stamp)), time=times, open=st.booleans()),
    ),
    rank=st.integers(2, 4),
    seen=st.integers(0, 2),
    first_seen=times,
    last_seen=times,
    expires_at=st.sampled_from((NOW // 1000, NOW // 1000 + 1)),
    actors=st.sampled_from((frozenset(), SEEN.actors, SEEN.actors | {"x"}, frozenset({"x"}))),
    heard=st.sampled_from((frozenset(), frozenset({"mail"}))),
    told_at=st.none() | times,
    told_rank=st.none() | st.integers(2, 4),
    alert_id=st.sampled_from((None, ALERT_ID, "other-1")),
    alert_rank=st.sampled_from((3, 4)),
    attempt=st.integers(0, 2),
    lease_until=times,
    returned=st.booleans(),
    ch=st.dictionaries(st.sampled_from(("mail", "slack")), tellings),
)
told = Decision(Reason.FIRST, alert=True, channels=("mail",))
CALLS: dict[str, Any] = {
    "repeat": lambda ledger, old: ledger.repeat(SEEN, 1),
    "read": lambda ledger, old: ledger.read(SEEN.key),
    "read_all": lambda ledger, old: ledger.read_all([SEEN.key, "0" * 32]),
    "store": lambda ledger, old: ledger.store(old, SEEN, Decision(Reason.REPEAT)),
    "claim": lambda ledger, old: ledger.claim(old, SEEN, told),
    "reserve": lambda ledger, old: ledger.reserve(SEEN.key, ALERT_ID, 1, "mail"),
    "settle": lambda ledger, old: ledger.settle(SEEN.key, ALERT_ID, "mail", "m"),
    "release": lambda ledger, old: ledger.release(SEEN.key, ALERT_ID, 1, "mail", why="w", wait_ms=1, counted=False),
    "hold": lambda ledger, old: ledger.hold(SEEN.key, ALERT_ID, 1, "mail", why="w", wait_ms=lambda tries: tries),
    "end": lambda ledger, old: ledger.end(SEEN.key, ALERT_ID, "mail", "DEAD", "w"),
    "drop": lambda ledger, old: ledger.end(
        SEEN.key, ALERT_ID, "mail", "DROPPED", "w", instead=("mail", "slack", "chat")
    ),
    "next_attempt": lambda ledger, old: ledger.next_attempt(old),
    "finish": lambda ledger, old: ledger.finish(SEEN.key, ALERT_ID),
    "alert": lambda ledger, old: ledger.alert(SEEN.key, ALERT_ID),
    "outbox": lambda ledger, old: sorted(ledger.outbox(), key=lambda due: due.alert_id),
    "note_failure": lambda ledger, old: ledger.note_failure("mail", ALERT_ID, "w", dead=True),
    "failing": lambda ledger, old: ledger.failing(),
    "noticed": lambda ledger, old: [ledger.noticed(row) for row in ledger.failing()],
}


def outcome(call: Any, ledger: Ledger, old: Problem) -> Any:
    """What a call returns, or the kind of error that it raises."""
    try:
        return call(ledger, old)
    except ClientError as error:
        return error.response["Error"]["Code"]
    except Exception as error:  # noqa: BLE001 - a Conflict, compared by its name
        return type(error).__name__


def everything(client: Any) -> list[dict[str, Any]]:
    """All items, in order, sets in order."""
    found = client.scan(TableName=TABLE)["Items"] if not isinstance(client, Table) else client.items.values()
    ordered = [
        {name: {"SS": sorted(value["SS"])} if "SS" in value else value for name, value in item.items()}
        for item in found
    ]
    return sorted(ordered, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(old=problems, read=problems, missing=st.booleans(), calls=st.permutations(sorted(CALLS)))
def test_the_table_answers_as_moto_does(
    world: World, old: Problem, read: Problem, missing: bool, calls: list[str]
) -> None:
    """Every method of the ledger, in any order, from any record; `read` is what the caller believes it to be."""
    table: Any = Table(TABLE)
    for item in world.client.scan(TableName=TABLE)["Items"]:
        world.client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    ledgers = [Ledger(client, TABLE, lambda: NOW) for client in (world.client, table)]
    if not missing:
        for client in (world.client, table):
            client.put_item(TableName=TABLE, Item=old.to_item())
    for name in calls[:6]:
        of_moto, of_table = (outcome(CALLS[name], ledger, read) for ledger in ledgers)
        assert of_table == of_moto, name
        assert everything(table) == everything(world.client), name


BAD: dict[str, dict[str, Any]] = {
    "a reserved word without #": {
        "UpdateExpression": "SET state = :v",
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    },
    "a value that is not defined": {"UpdateExpression": "SET a = :v"},
    "a value that is not used": {
        "UpdateExpression": "SET a = :v",
        "ExpressionAttributeValues": {":v": {"S": "x"}, ":w": {"S": "x"}},
    },
    "a parent that is missing": {
        "UpdateExpression": "SET nothing.inner = :v",
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    },
    "a sum with what is missing": {
        "UpdateExpression": "SET number = nothing + :v",
        "ExpressionAttributeValues": {":v": {"N": "1"}},
    },
    "a sum with text": {"UpdateExpression": "SET a = words + :v", "ExpressionAttributeValues": {":v": {"N": "1"}}},
    "a number added to text": {"UpdateExpression": "ADD words :v", "ExpressionAttributeValues": {":v": {"N": "1"}}},
    "text added": {"UpdateExpression": "ADD words :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
    "paths that overlap": {
        "UpdateExpression": "SET inner.one = :v, inner = :v",
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    },
    "a change of the key": {"UpdateExpression": "SET pk = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
    "a clause twice": {
        "UpdateExpression": "SET a = :v SET b = :v",
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    },
    "an unknown function": {
        "UpdateExpression": "SET a = :v",
        "ConditionExpression": "exists(a)",
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    },
}


MOTO_DIFFERS: dict[str, dict[str, Any]] = {
    "a name that is not defined": {"UpdateExpression": "SET #a = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
    "a condition that ends too early": {"UpdateExpression": "REMOVE a", "ConditionExpression": "a = "},
    "a nested attribute added to": {
        "UpdateExpression": "ADD inner.number :v",
        "ExpressionAttributeValues": {":v": {"N": "1"}},
    },
    "an empty set": {"UpdateExpression": "ADD inner :v", "ExpressionAttributeValues": {":v": {"SS": []}}},
}
"""What moto lets pass, or fails at in another way."""


@pytest.mark.parametrize("name", BAD)
def test_what_dynamodb_refuses_is_refused(world: World, name: str) -> None:
    item = {"pk": {"S": "p"}, "sk": {"S": "s"}, "words": {"S": "w"}, "inner": {"M": {"one": {"S": "1"}}}}
    for client in (world.client, Table(TABLE)):
        client.put_item(TableName=TABLE, Item=item)
        with pytest.raises(ClientError, match="ValidationException"):
            client.update_item(TableName=TABLE, Key={"pk": {"S": "p"}, "sk": {"S": "s"}}, **BAD[name])


@pytest.mark.parametrize("name", MOTO_DIFFERS)
def test_what_moto_does_not_refuse_is_refused_too(name: str) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        Table(TABLE).update_item(TableName=TABLE, Key={"pk": {"S": "p"}, "sk": {"S": "s"}}, **MOTO_DIFFERS[name])


def test_a_batch_and_a_query_leave_the_rest_for_the_next_call() -> None:
    table = Table(TABLE, page_items=2, batch_items=2)
    keys = [{"pk": {"S": "p"}, "sk": {"S": str(number)}} for number in range(5)]
    for key in keys:
        table.put_item(TableName=TABLE, Item=key)
    answer = table.batch_get_item(RequestItems={TABLE: {"Keys": keys}})
    assert answer["Responses"][TABLE] == keys[:2]
    assert answer["UnprocessedKeys"][TABLE]["Keys"] == keys[2:]
    pages = table.get_paginator("query").paginate(
        TableName=TABLE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "p"}}
    )
    assert [len(page["Items"]) for page in pages] == [2, 2, 1]
