"""AWS's query protocol (form fields in, XML out), read and written by the models of botocore."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, Shape, StructureShape

_NUMBERS = {"integer": int, "long": int, "double": float, "float": float}


def decode(shape: Shape, form: Mapping[str, Any], prefix: str) -> Any:
    """The value that the fields `prefix`, `prefix.X`, `prefix.member.1` of a form spell; None when there is none."""
    if not any(key == prefix or key.startswith(f"{prefix}.") for key in form):
        return None
    if isinstance(shape, StructureShape):
        members = {name: decode(member, form, f"{prefix}.{name}") for name, member in shape.members.items()}
        return {name: value for name, value in members.items() if value is not None}
    if isinstance(shape, ListShape):
        items: list[Any] = []
        while (item := decode(shape.member, form, f"{prefix}.member.{len(items) + 1}")) is not None:
            items.append(item)
        return items
    text = form[prefix][0] if isinstance(form[prefix], list) else form[prefix]
    if shape.type_name == "boolean":
        return text == "true"
    return _NUMBERS.get(shape.type_name, str)(text)


def encode(shape: Shape, value: Any) -> str:
    """The XML content of a value, without the element around it."""
    if isinstance(shape, StructureShape):
        return "".join(
            f"<{name}>{encode(member, value[name])}</{name}>"
            for name, member in shape.members.items()
            if value.get(name) is not None
        )
    if isinstance(shape, ListShape):
        return "".join(f"<member>{encode(shape.member, item)}</member>" for item in value)
    if shape.type_name == "boolean":
        return "true" if value in (True, "true") else "false"
    if shape.type_name == "timestamp" and not isinstance(value, str):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(value))
    return escape(str(value))
