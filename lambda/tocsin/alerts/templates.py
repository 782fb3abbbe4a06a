"""The templates that arrange a message: Tocsin's own, and the user's in the place of those of the same name.

A user's template chooses the words and never the safety: whatever it does, values are escaped for the kind of message,
and what it makes is neither empty nor endless. Jinja's sandbox costs nothing, so it is on.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import tocsin

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

MOST_BYTES = 200_000
"""What one template may make. SNS takes 256 KiB with the attributes, a mail of 102 KB is cut short by Gmail:
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

NONE: Mapping[str, str] = MappingProxyType({})
"""No templates of the user's own."""


class TemplateError(Exception):
    """A template cannot be used: its name, and why in one line."""

    def __init__(self, template: str, why: str) -> None:
        super().__init__(f"{template} ({why})")
        self.template = template
        self.why = why


class SlackText(str):
    """Text that is escaped for Slack already. Any other text is escaped when a template writes it."""

    __slots__ = ()


def names() -> tuple[str, ...]:
    """The templates there are, and so the names that the user's own may have."""
    return tuple(sorted(path.relative_to(_folder()).as_posix() for path in _folder().rglob("*.j2")))


def read(folder: Path) -> dict[str, str]:
    """The user's own templates in a folder, by name, as the module reads them. Raises TemplateError or OSError."""
    own = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in names():
            raise TemplateError(name, f"there is no template of that name to replace; there are {', '.join(names())}")
        try:
            own[name] = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise TemplateError(name, f"not UTF-8: {error}") from error
    if not own:
        raise TemplateError(str(folder), "no folder that holds a template")
    return own


def render(template: str, own: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """The template (`email/alert.html.j2`), of `own` if it is there, filled in with `values`.

    What the name of the outermost template ends in decides how values are written, in all that it includes: `.html.j2`
    escapes them as HTML; `.json.j2` writes them as JSON, escaped for Slack, so that they can end no string and open no
    object. Raises TemplateError for whatever goes wrong; a name that does not exist is an error.
    """
    parts, size = [], 0
    try:
        environment = _environment(template.split(".", 1)[1], frozenset(own.items()))
        for part in environment.get_template(template).generate(values):
            parts.append(part)
            size += len(part.encode())
            if size > MOST_BYTES:
                raise TemplateError(template, f"more than {MOST_BYTES} bytes come out of it")
    except TemplateError:
        raise
    except Exception as error:  # a template raises anything, a missing name or a division by zero
        raise _located(template, error) from error
    made = "".join(parts)
    if not made.strip():
        raise TemplateError(template, "nothing comes out of it")
    return made


def slack_escaped(text: str) -> SlackText:
    """With `&`, `<` and `>` escaped. https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return SlackText(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


@lru_cache(maxsize=6)
def _environment(kind: str, own: frozenset[tuple[str, str]]) -> SandboxedEnvironment:
    # Imported here: a function that has nothing to tell never pays for it.
    from jinja2 import FunctionLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment
    from markupsafe import escape

    replaced = dict(own)

    def source(name: str) -> tuple[str, str, Callable[[], bool]] | None:
        """The name as file name, too: it is what a traceback shows."""
        if name in replaced:
            return replaced[name], name, lambda: True
        return ((_folder() / name).read_text(encoding="utf-8"), name, lambda: True) if name in names() else None

    # `finalize` is asked for every value, also where a template turns autoescape off.
    finalize: dict[str, Callable[[Any], Any]] = {"html.j2": escape, "json.j2": _as_json}
    environment = SandboxedEnvironment(
        loader=FunctionLoader(source),
        autoescape=kind == "html.j2",
        finalize=finalize.get(kind),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # Those that would let a finding's text be markup, or a link that we did not make; striptags takes escapes back.
    for name in ("safe", "striptags", "urlize"):
        del environment.filters[name]
    return environment


def _as_json(value: object) -> str:
    return json.dumps(_for_slack(value), ensure_ascii=False, default=str)


def _for_slack(value: object) -> object:
    match value:
        case SlackText():
            return value
        case str():
            return slack_escaped(value)
        case Mapping():
            return {key: _for_slack(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_for_slack(inner) for inner in value]
    return value


def _located(template: str, error: Exception) -> TemplateError:
    """The error with the template and line that it comes from, which may be one that the template includes."""
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename.endswith(".j2")
    ]
    name, line = frames[-1] if frames else (template, None)
    return TemplateError(name, f"{f'line {line}: ' if line else ''}{type(error).__name__}: {error}")


def _folder() -> Path:
    """`templates/` beside the package (as in the zip), or beside `lambda/` (as in the repository)."""
    package = Path(tocsin.__file__).resolve().parent
    for folder in (package.parent / "templates", package.parents[1] / "templates"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"there are no templates beside {package} or one folder above: build the package again")
