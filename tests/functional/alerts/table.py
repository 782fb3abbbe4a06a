"""A DynamoDB table in memory, for thousands of schedules: no HTTP, no botocore, about 20 microseconds a call.

It takes what boto3's client takes and evaluates the expressions of the call, never what it believes the caller means.
Only the part of the language that the ledger uses is known here; anything else is refused, so that a new expression
fails its tests until it is added. `test_table.py` holds it to moto, expression by expression.

The rules come from
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

Item = dict[str, Any]
Value = dict[str, Any]
"""One attribute in DynamoDB's notation: {"N": "5"}."""

Path = tuple[str, ...]
Commit = tuple[Item | None, Item | None]
"""An item before and after a write; None where there is none."""

RESERVED = frozenset(word.upper() for word in ReservedKeywords.get_reserved_keywords())
TOKEN = re.compile(r"\s*([#:]?[A-Za-z_][A-Za-z0-9_]*|<>|<=|>=|[.,()=<>+-])")


class ConditionalCheckFailed(ClientError):
    """ConditionalCheckFailedException."""


class TransactionConflict(ClientError):
    """TransactionConflictException."""


class TransactionCanceled(ClientError):
    """TransactionCanceledException."""


EXCEPTIONS = SimpleNamespace(
    ConditionalCheckFailedException=ConditionalCheckFailed,
    TransactionConflictException=TransactionConflict,
    TransactionCanceledException=TransactionCanceled,
)


def error(code: str, message: str, *, kind: type[ClientError] = ClientError, **more: Any) -> ClientError:
    """An answer of DynamoDB that is an error."""
    answer: Any = {"Error": {"Code": code, "Message": message}, **more}
    return kind(answer, "call")


def invalid(message: str) -> ClientError:
    return error("ValidationException", message)


@dataclass(frozen=True)
class Words:
    """What the expressions of one call mean by #name and :value."""

    names: Mapping[str, str]
    values: Mapping[str, Value]

    def path(self, path: Path) -> Path:
        return tuple(self.names[part] if part.startswith("#") else part for part in path)


Operand = Callable[[Item, Words], Value | None]
Condition = Callable[[Item, Words], bool]


class Parser:
    """Reads one expression; what it returns is called with an item and the words of the call."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            found = TOKEN.match(text, at)
            if found is None:
                raise invalid(f"Syntax error near: {text[at:]}")
            self._tokens.append(found[1])
            at = found.end()

    def condition(self) -> Condition:
        result = self._either()
        self._end()
        return result

    def update(self) -> list[tuple[str, Path, Operand]]:
        """The actions as (clause, path, operand), the clauses in any order and each at most once."""
        actions: list[tuple[str, Path, Operand]] = []
        seen: set[str] = set()
        while self._tokens:
            clause = self._next().upper()
            if clause not in ("SET", "ADD", "REMOVE") or clause in seen:
                raise invalid(f"Invalid UpdateExpression: {clause}")
            seen.add(clause)
            while True:
                path = self._path(self._next())
                if clause == "SET":
                    self._expect("=")
                    operand = self._sum()
                elif clause == "ADD":
                    operand = self._operand()
                    if len(path) > 1:
                        raise invalid("ADD supports top-level attributes only")
                else:
                    operand = _nothing
                actions.append((clause, path, operand))
                if not self._take(","):
                    break
        return actions

    def paths(self) -> list[Path]:
        found = [self._path(self._next())]
        while self._take(","):
            found.append(self._path(self._next()))
        self._end()
        return found

    def _either(self) -> Condition:
        left = self._both()
        while self._take("OR"):
            left = _or(left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._comparison()
        while self._take("AND"):
            left = _and(left, self._comparison())
        return left

    def _comparison(self) -> Condition:
        if self._take("("):
            inner = self._either()
            self._expect(")")
            return inner
        word = self._next()
        if self._peek() == "(":
            return self._function(word)
        left = self._operand(word)
        operator = self._next().upper()
        if operator == "IN":
            self._expect("(")
            choices = [self._operand()]
            while self._take(","):
                choices.append(self._operand())
            self._expect(")")
            return _in(left, choices)
        if operator not in COMPARISONS:
            raise invalid(f"Syntax error; token: {operator}")
        return _compare(COMPARISONS[operator], left, self._operand())

    def _function(self, name: str) -> Condition:
        self._expect("(")
        first = self._operand()
        second = self._operand() if self._take(",") else None
        self._expect(")")
        if name == "attribute_exists" and second is None:
            return lambda item, words: first(item, words) is not None
        if name == "attribute_not_exists" and second is None:
            return lambda item, words: first(item, words) is None
        if name == "contains" and second is not None:
            return _contains(first, second)
        raise invalid(f"Invalid function name; function: {name}")

    def _sum(self) -> Operand:
        left = self._operand()
        if self._peek() in ("+", "-"):
            sign = 1 if self._next() == "+" else -1
            return _add(left, self._operand(), sign)
        return left

    def _operand(self, word: str | None = None) -> Operand:
        word = word or self._next()
        if word.startswith(":"):
            return lambda item, words: words.values[word]
        if word == "if_not_exists" and self._take("("):
            path = self._path(self._next())
            self._expect(",")
            otherwise = self._operand()
            self._expect(")")
            return _if_not_exists(path, otherwise)
        path = self._path(word)
        return lambda item, words: get(item, words.path(path))

    def _path(self, word: str) -> Path:
        parts = [_name(word)]
        while self._take("."):
            parts.append(_name(self._next()))
        return tuple(parts)

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise invalid("Syntax error; token: <EOF>")
        return self._tokens.pop(0)

    def _take(self, token: str) -> bool:
        if self._peek().upper() != token:
            return False
        self._next()
        return True

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise invalid(f"Syntax error; expected {token}, token: {self._peek()}")

    def _end(self) -> None:
        if self._tokens:
            raise invalid(f"Syntax error; token: {self._peek()}")


def _name(word: str) -> str:
    if not re.fullmatch(r"#?\w+", word):
        raise invalid(f"Syntax error; token: {word}")
    if word.upper() in RESERVED:
        raise invalid(f"Attribute name is a reserved keyword; reserved keyword: {word}")
    return word


def _nothing(item: Item, words: Words) -> None:
    return None


def _or(left: Condition, right: Condition) -> Condition:
    return lambda item, words: left(item, words) or right(item, words)


def _and(left: Condition, right: Condition) -> Condition:
    return lambda item, words: left(item, words) and right(item, words)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Value | None, Value | None], bool]:
    def holds(left: Value | None, right: Value | None) -> bool:
        if left is None or right is None or left.keys() != right.keys():
            return False
        ((kind, one),) = left.items()
        ((_, other),) = right.items()
        if kind not in ("N", "S", "B"):
            raise invalid(f"Invalid operand type for a comparison: {kind}")
        if kind == "N":
            return compare(Decimal(one), Decimal(other))
        return compare(_bytes(one), _bytes(other))

    return holds


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def same(left: Value | None, right: Value | None) -> bool:
    """Whether two values are equal: of one type, numbers by value, sets in any order. A missing one equals nothing."""
    if left is None or right is None or left.keys() != right.keys():
        return False
    ((kind, one),) = left.items()
    ((_, other),) = right.items()
    if kind == "N":
        return Decimal(one) == Decimal(other)
    if kind in ("SS", "NS", "BS"):
        return set(one) == set(other)
    return bool(one == other)


COMPARISONS: dict[str, Callable[[Value | None, Value | None], bool]] = {
    "=": same,
    "<>": lambda left, right: not same(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
}


def _compare(holds: Callable[[Value | None, Value | None], bool], left: Operand, right: Operand) -> Condition:
    return lambda item, words: holds(left(item, words), right(item, words))


def _in(left: Operand, choices: list[Operand]) -> Condition:
    return lambda item, words: any(same(left(item, words), choice(item, words)) for choice in choices)


def _contains(container: Operand, element: Operand) -> Condition:
    def holds(item: Item, words: Words) -> bool:
        whole, part = container(item, words), element(item, words)
        if whole is None or part is None:
            return False
        ((kind, held),) = whole.items()
        ((wanted, value),) = part.items()
        if kind in ("SS", "NS", "BS"):
            return kind == f"{wanted}S" and value in held
        if kind == "S" and wanted == "S":
            return value in held
        return kind == "L" and part in held

    return holds


def _add(left: Operand, right: Operand, sign: int) -> Operand:
    def value(item: Item, words: Words) -> Value:
        one, other = left(item, words), right(item, words)
        if one is None or other is None:
            raise invalid("The provided expression refers to an attribute that does not exist in the item")
        if "N" not in one or "N" not in other:
            raise invalid("An operand in the update expression has an incorrect data type")
        return {"N": str(Decimal(one["N"]) + sign * Decimal(other["N"]))}

    return value


def _if_not_exists(path: Path, otherwise: Operand) -> Operand:
    def value(item: Item, words: Words) -> Value | None:
        found = get(item, words.path(path))
        default = otherwise(item, words)
        return found if found is not None else default

    return value


def get(item: Item, path: Path) -> Value | None:
    """What is at the end of the path, None where it leads nowhere."""
    value: Value | None = item.get(path[0])
    for part in path[1:]:
        value = value["M"].get(part) if value is not None and "M" in value else None
    return value


def put(item: Item, path: Path, value: Value | None) -> Item:
    """The item with `value` at the end of the path, or without what is there. Its parent must be a map."""
    if len(path) == 1:
        return {name: kept for name, kept in item.items() if name != path[0]} | ({path[0]: value} if value else {})
    parent = item.get(path[0])
    if parent is None or "M" not in parent:
        raise invalid("The document path provided in the update expression is invalid for update")
    return item | {path[0]: {"M": put(parent["M"], path[1:], value)}}


def added(old: Value | None, new: Value) -> Value:
    """What ADD makes of an attribute: a sum of numbers, a union of sets; one that is missing begins empty."""
    ((kind, value),) = new.items()
    if kind not in ("N", "SS", "NS", "BS"):
        raise invalid("Incorrect operand type for operator or function; operator: ADD")
    if old is None:
        return new
    if kind not in old:
        raise invalid("An operand in the update expression has an incorrect data type")
    if kind == "N":
        return {"N": str(Decimal(old["N"]) + Decimal(value))}
    return {kind: sorted({*old[kind], *value})}


@lru_cache(maxsize=500)
def _condition(text: str) -> Condition:
    return Parser(text).condition()


@lru_cache(maxsize=500)
def _update(text: str) -> list[tuple[str, Path, Operand]]:
    return Parser(text).update()


@lru_cache(maxsize=500)
def _paths(text: str) -> list[Path]:
    return Parser(text).paths()


def _overlap(one: Path, other: Path) -> bool:
    return one[: len(other)] == other or other[: len(one)] == one


class Table:
    """One table with the keys `pk` and `sk`. Answers share their values with the table: callers must not change them.

    `committed` is told of every write, with the items before and after. `page_items` bounds a page of a query and
    `batch_items` what one batch_get_item reads, so that paging happens with few items.
    """

    exceptions = EXCEPTIONS
    known = frozenset(
        {
            "TableName", "Key", "Item", "ConditionExpression", "UpdateExpression", "ExpressionAttributeNames",
            "ExpressionAttributeValues", "ReturnValues", "ReturnValuesOnConditionCheckFailure", "ConsistentRead",
            "KeyConditionExpression", "ProjectionExpression", "ExclusiveStartKey", "RequestItems", "TransactItems",
            "ClientRequestToken",
        }
    )  # fmt: skip

    def __init__(self, name: str = "ledger", *, page_items: int = 2, batch_items: int = 100) -> None:
        self.name = name
        self.items: dict[tuple[str, str], Item] = {}
        self.page_items = page_items
        self.batch_items = batch_items
        self.committed: Callable[[list[Commit]], None] = lambda commits: None
        self._transactions: dict[str, Any] = {}

    def get_item(self, **call: Any) -> dict[str, Any]:
        words = self._words(call)
        item = self.items.get(self._key(call["Key"]))
        answer = self._projected(item, call, words) if item is not None else None
        return {"Item": answer} if answer is not None else {}

    def put_item(self, **call: Any) -> dict[str, Any]:
        self._commit([self._put(call)])
        return {}

    def delete_item(self, **call: Any) -> dict[str, Any]:
        self._commit([self._delete(call)])
        return {}

    def update_item(self, **call: Any) -> dict[str, Any]:
        commit = self._updated(call)
        self._commit([commit])
        return {"Attributes": commit[1]} if call.get("ReturnValues") == "ALL_NEW" else {}

    def transact_write_items(self, **call: Any) -> dict[str, Any]:
        """All or nothing. The same token again is the same transaction: it succeeds and writes nothing."""
        self._known(call)
        token = call.get("ClientRequestToken")
        if token is not None and token in self._transactions:
            if self._transactions[token] != call["TransactItems"]:
                raise error("IdempotentParameterMismatchException", "the token names another transaction")
            return {}
        commits: list[Commit] = []
        reasons: list[dict[str, Any]] = []
        keys: set[tuple[str, str]] = set()
        for write in call["TransactItems"]:
            ((kind, inner),) = write.items()
            key = self._key(inner.get("Key") or inner["Item"])
            if key in keys:
                raise invalid("Transaction request cannot include multiple operations on one item")
            keys.add(key)
            try:
                commits.append({"Put": self._put, "Delete": self._delete, "Update": self._updated}[kind](inner))
                reasons.append({"Code": "None"})
            except ConditionalCheckFailed:
                reasons.append({"Code": "ConditionalCheckFailed"})
        if any(reason["Code"] != "None" for reason in reasons):
            raise error(
                "TransactionCanceledException", "cancelled", kind=TransactionCanceled, CancellationReasons=reasons
            )
        if token is not None:
            self._transactions[token] = call["TransactItems"]
        self._commit(commits)
        return {}

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        self._known(call)
        ((name, asked),) = call["RequestItems"].items()
        self._named(name)
        keys = [self._key(key) for key in asked["Keys"]]
        if not 1 <= len(keys) <= 100 or len(set(keys)) != len(keys):
            raise invalid("one to a hundred keys, each once")
        read, rest = asked["Keys"][: self.batch_items], asked["Keys"][self.batch_items :]
        found = [dict(self.items[key]) for key in map(self._key, read) if key in self.items]
        unprocessed = {name: asked | {"Keys": rest}} if rest else {}
        return {"Responses": {name: found}, "UnprocessedKeys": unprocessed}

    def query(self, **call: Any) -> dict[str, Any]:
        """One page, in order of the sort key."""
        words = self._words(call)
        holds = _condition(call["KeyConditionExpression"])
        found = sorted(key for key, item in self.items.items() if holds({"pk": item["pk"], "sk": item["sk"]}, words))
        if "ExclusiveStartKey" in call:
            found = [key for key in found if key > self._key(call["ExclusiveStartKey"])]
        page = found[: self.page_items]
        answer: dict[str, Any] = {"Items": [self._projected(self.items[key], call, words) for key in page]}
        if len(found) > len(page):
            last = self.items[page[-1]]
            answer["LastEvaluatedKey"] = {"pk": last["pk"], "sk": last["sk"]}
        return answer

    def get_paginator(self, operation: str) -> Paginator:
        return Paginator(getattr(self, operation))

    def _put(self, call: Mapping[str, Any]) -> Commit:
        words = self._words(call)
        old = self._checked(self._key(call["Item"]), call, words)
        for name, value in call["Item"].items():
            if not name or not value:
                raise invalid("an attribute without a name or a value")
        return old, dict(call["Item"])

    def _delete(self, call: Mapping[str, Any]) -> Commit:
        return self._checked(self._key(call["Key"]), call, self._words(call)), None

    def _updated(self, call: Mapping[str, Any]) -> Commit:
        words = self._words(call)
        old = self._checked(self._key(call["Key"]), call, words)
        before = old if old is not None else dict(call["Key"])
        actions = [(clause, words.path(path), operand) for clause, path, operand in _update(call["UpdateExpression"])]
        paths = [path for _, path, _ in actions]
        for number, path in enumerate(paths):
            if any(_overlap(path, other) for other in paths[:number]):
                raise invalid("Two document paths overlap with each other")
            if path[0] in ("pk", "sk"):
                raise invalid(f"Cannot update attribute {path[0]}. This attribute is part of the key")
        # Every operand is read before anything is written.
        values = [operand(before, words) for _, _, operand in actions]
        new = before
        for (clause, path, _), value in zip(actions, values, strict=True):
            if clause == "SET" and value is None:
                raise invalid("The provided expression refers to an attribute that does not exist in the item")
            if clause == "ADD":
                assert value is not None
                value = added(before.get(path[0]), value)
            new = put(new, path, value)
        return old, new

    def _checked(self, key: tuple[str, str], call: Mapping[str, Any], words: Words) -> Item | None:
        old = self.items.get(key)
        holds = _condition(call["ConditionExpression"])(old or {}, words) if "ConditionExpression" in call else True
        if not holds:
            show = old is not None and call.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            raise error(
                "ConditionalCheckFailedException",
                "The conditional request failed",
                kind=ConditionalCheckFailed,
                **({"Item": old} if show else {}),
            )
        return old

    def _commit(self, commits: list[Commit]) -> None:
        for old, new in commits:
            if new is not None:
                self.items[self._key(new)] = new
            elif old is not None:
                del self.items[self._key(old)]
        self.committed([(old, new) for old, new in commits if old is not None or new is not None])

    def _projected(self, item: Item, call: Mapping[str, Any], words: Words) -> Item:
        if "ProjectionExpression" not in call:
            return dict(item)
        names = [words.path(path)[0] for path in _paths(call["ProjectionExpression"])]
        return {name: item[name] for name in names if name in item}

    def _words(self, call: Mapping[str, Any]) -> Words:
        """The words of the call: each one that is used is defined, and each one that is defined is used."""
        self._known(call)
        self._named(call["TableName"])
        names, values = call.get("ExpressionAttributeNames"), call.get("ExpressionAttributeValues")
        if (names is not None and not names) or (values is not None and not values):
            raise invalid("ExpressionAttributeNames and ExpressionAttributeValues must not be empty")
        for value in (values or {}).values():
            ((kind, inner),) = value.items()
            if kind in ("SS", "NS", "BS") and not inner:
                raise invalid("One or more parameter values were invalid: An set may not be empty")
        used = {word for name in call if name.endswith("Expression") for word in re.findall(r"[#:]\w+", call[name])}
        defined = {*(names or {}), *(values or {})}
        if used != defined:
            raise invalid(f"defined and not used, or used and not defined: {sorted(used ^ defined)}")
        return Words(names or {}, values or {})

    def _known(self, call: Mapping[str, Any]) -> None:
        if strange := call.keys() - self.known:
            raise AssertionError(f"{sorted(strange)} are new to this table: teach it, and test_table.py")

    def _named(self, name: str) -> None:
        if name != self.name:
            raise error("ResourceNotFoundException", f"no table {name}")

    @staticmethod
    def _key(item: Mapping[str, Any]) -> tuple[str, str]:
        return item["pk"]["S"], item["sk"]["S"]


@dataclass(frozen=True)
class Paginator:
    """boto3's paginator: one call a page."""

    call: Callable[..., dict[str, Any]]

    def paginate(self, **call: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self.call(**call)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            call = call | {"ExclusiveStartKey": page["LastEvaluatedKey"]}
