"""Replace parts of ministack, loudly: a patch that no longer fits stops the start instead of testing nothing."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
from collections.abc import Callable
from typing import Any

MINISTACK_VERSION = "1.5.33"
"""The release whose internals every patch was written against."""

applied: list[str] = []
"""What was replaced, as `module.name`, in order."""


class PatchError(Exception):
    """ministack does not look as expected; the message names the part and what to do."""


def check_version() -> None:
    """Raise PatchError unless the installed ministack is the one the patches were written for."""
    found = importlib.metadata.version("ministack")
    if found != MINISTACK_VERSION:
        raise PatchError(
            f"ministack is {found}, the patches are for {MINISTACK_VERSION}: install that one, or check each patch"
        )


def replace(owner: Any, name: str, replacement: Callable[..., Any], *takes: str) -> None:
    """Put `replacement` in the place of `owner.name`; it gets the original as its first argument.

    `owner` is a module or a class, `takes` the parameter names of the original. Raises PatchError when the
    original is gone or takes something else.
    """
    where = f"{getattr(owner, '__name__', owner)}.{name}"
    original = getattr(owner, name, None)
    if original is None:
        raise PatchError(f"{where} is gone: check ministack's version ({MINISTACK_VERSION} is expected)")
    found = tuple(inspect.signature(original).parameters)
    if found != takes:
        raise PatchError(f"{where} takes {found}, not {takes}: check ministack's version")

    @functools.wraps(original)
    def patched(*args: Any, **kwargs: Any) -> Any:
        return replacement(original, *args, **kwargs)

    setattr(owner, name, patched)
    applied.append(where.removeprefix("ministack."))


def set_value(owner: Any, name: str, value: object, *, was: object) -> None:
    """Set a constant of ministack; raises PatchError when it no longer has the value it `was` known to have."""
    found = getattr(owner, name, None)
    if found != was:
        raise PatchError(f"{owner.__name__}.{name} is {found!r}, not {was!r}: check ministack's version")
    setattr(owner, name, value)
    applied.append(f"{owner.__name__}.{name}".removeprefix("ministack."))
