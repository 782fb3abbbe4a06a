"""AWS's own description of its APIs (the models that ship with botocore): routes, request checks, error names."""

from __future__ import annotations

import functools
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import botocore.loaders
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator


@functools.cache
def model(service: str) -> ServiceModel:
    """The model of a service under boto3's name for it, for example `securityhub`."""
    return ServiceModel(botocore.loaders.Loader().load_service_model(service, "service-2"), service)


@functools.cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    routes = []
    for operation in model(service).operation_names:
        http = model(service).operation_model(operation).http
        path = http["requestUri"].split("?")[0].rstrip("/")
        parts = re.split(r"\{([^}]+)\}", path)
        pattern = "".join(
            re.escape(part)
            if index % 2 == 0
            else f"(?P<{part.rstrip('+').replace('-', '_')}>{'.+' if part.endswith('+') else '[^/]+'})"
            for index, part in enumerate(parts)
        )
        # Fixed paths before those with variables: /findings/import must not be read as /findings/{id}.
        routes.append((len(parts), http["method"], re.compile(pattern + "/?"), operation))
    routes.sort(key=lambda route: route[0])
    return [(method, pattern, operation) for _, method, pattern, operation in routes]


def route(service: str, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The operation that a REST request names and the variables of its path; None when there is none."""
    for verb, pattern, operation in _routes(service):
        if verb == method and (match := pattern.fullmatch(path)):
            return operation, {name: urllib.parse.unquote(value) for name, value in match.groupdict().items()}
    return None


def problems(service: str, operation: str, parameters: Mapping[str, Any]) -> list[str]:
    """What AWS would refuse in a request by its model: types, required members, lengths, enums, patterns."""
    shape = model(service).operation_model(operation).input_shape
    if not isinstance(shape, StructureShape):
        return []
    report = ParamValidator().validate(dict(parameters), shape)
    found = [report.generate_report()] if report.has_errors() else []
    found += [f"{operation} has no parameter {name}" for name in parameters if name not in shape.members]
    return found + list(_constraints(parameters, shape, operation))


def _constraints(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """botocore checks types and minimums only; maximums, enums and patterns are the server's to check."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _constraints(value[name], member, f"{path}.{name}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        yield from _range(len(value), shape, path)
        for index, item in enumerate(value):
            yield from _constraints(item, shape.member, f"{path}[{index}]")
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _constraints(item, shape.value, f"{path}.{key}")
    elif isinstance(value, str):
        yield from _range(len(value), shape, path)
        allowed = getattr(shape, "enum", [])
        if allowed and value not in allowed:
            yield f"{path} is {value!r}, not one of {', '.join(allowed)}"
        pattern = shape.metadata.get("pattern")
        if pattern and not _matches(pattern, value):
            yield f"{path} is {value!r}, which does not match {pattern}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _range(value, shape, path)


def _range(size: float, shape: Shape, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{path} is {size}, less than {least}"
    if most is not None and size > most:
        yield f"{path} is {size}, more than {most}"


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:  # a pattern that only Java reads
        return True


def error_class(service: str, code: str) -> str | None:
    """The name of the SDK's exception class for an error code, None when the model does not list the code.

    Step Functions and the SDKs name errors by class: code `NotFound` of SNS is `NotFoundException`.
    """
    for shape in model(service).error_shapes:
        name = shape.name if shape.name.endswith("Exception") else f"{shape.name}Exception"
        if code in (name, shape.name, shape.metadata.get("error", {}).get("code")):
            return name
    return None


def members(service: str, operation: str, direction: Literal["input", "output"]) -> Mapping[str, Shape]:
    """The members of an operation's request or answer, by name."""
    operation_model = model(service).operation_model(operation)
    shape = operation_model.input_shape if direction == "input" else operation_model.output_shape
    return dict(shape.members) if shape else {}
