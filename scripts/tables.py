"""The tables of inputs and outputs in the README, from variables.tf and outputs.tf.

    tables.py write     puts them between the marks
    tables.py check     fails when they are stale

The files are read as `terraform fmt` leaves them: a block's arguments stand two spaces in, what belongs to them deeper.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
SHORT = 200
"""Characters of a description that are shown whole."""

BEGIN, END = "<!-- inputs and outputs: written by make docs -->", "<!-- end of inputs and outputs -->"


class Unreadable(Exception):
    """A file is not as the tables need it; the message says where and what to do."""


@dataclass(frozen=True)
class Block:
    """A variable or an output, and the line that it begins at."""

    file: str
    line: int
    name: str
    arguments: dict[str, str]

    @property
    def description(self) -> str:
        """The whole of it when it is short, else the first sentence; without one Unreadable."""
        text = self.arguments.get("description", "")
        if heredoc := re.fullmatch(r"<<-?(\w+)\n(.*)\n\s*\1", text, re.DOTALL):
            text = heredoc[2]
        else:
            text = text.removeprefix('"').removesuffix('"').replace('\\"', '"')
        if not text:
            raise Unreadable(f"{self.file} line {self.line}: {self.name} has no description: write one")
        whole = " ".join(text.split())
        return whole if len(whole) <= SHORT else first_sentence(whole)

    @property
    def kind(self) -> str:
        """The type without the attributes of objects: `map(object)`."""
        if "type" not in self.arguments:
            raise Unreadable(f"{self.file} line {self.line}: {self.name} has no type: write one")
        plain = re.sub(r"#.*", "", self.arguments["type"])
        return re.sub(r"object\(\{.*\}\)", "object", "".join(plain.split()))

    @property
    def default(self) -> str:
        """As it is written, on one line; `required` without one."""
        if "default" not in self.arguments:
            return "required"
        return f"`{' '.join(self.arguments['default'].split())}`"


def first_sentence(text: str) -> str:
    """Up to the first full stop or colon after which something new begins, outside of brackets and code."""
    found = re.match(r"(?:`[^`]*`|\([^)]*\)|[^`(])+?[.:](?=\s+[A-Z`]|$)", text)
    return re.sub(r"[.:]$", "", found[0] if found else text) + "."


def blocks(file: str, kind: str) -> Iterator[Block]:
    """Every block of the kind in the file, in order."""
    text = (ROOT / file).read_text()
    for block in re.finditer(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', text, re.MULTILINE | re.DOTALL):
        found = re.finditer(r"^  (\w+) += +(.*?)\n(?=  [\w#]|\n|\Z)", mask(block[2]), re.MULTILINE | re.DOTALL)
        arguments = {argument[1]: block[2][argument.start(2) : argument.end(2)] for argument in found}
        yield Block(file, text.count("\n", 0, block.start()) + 1, block[1], arguments)


def mask(body: str) -> str:
    """The same length, with the text of heredocs blotted out: it is not `terraform fmt` that indents it."""
    return re.sub(
        r"<<-?(\w+)\n.*?\n\s*\1$", lambda heredoc: "·" * len(heredoc[0]), body, flags=re.DOTALL | re.MULTILINE
    )


def tables() -> str:
    """Both tables, in Markdown."""
    inputs = [
        f"| `{block.name}` | {cell(block.description)} | `{block.kind}` | {cell(block.default)} |"
        for block in blocks("variables.tf", "variable")
    ]
    outputs = [f"| `{block.name}` | {cell(block.description)} |" for block in blocks("outputs.tf", "output")]
    if not inputs or not outputs:
        raise Unreadable("variables.tf or outputs.tf holds no block that begins a line: run terraform fmt")
    return "\n".join(
        (
            "| input | what it says | type | default |",
            "|---|---|---|---|",
            *inputs,
            "",
            "| output | what it says |",
            "|---|---|",
            *outputs,
        )
    )


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def filled(readme: str) -> str:
    """The README with the tables of now. Raises Unreadable when it has no marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Unreadable(f"README.md has no place for the tables: put the lines {BEGIN} and {END} where they belong")
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def main(action: str) -> int:
    readme = README.read_text()
    try:
        new = filled(readme)
    except Unreadable as error:
        print(error, file=sys.stderr)
        return 1
    if action == "write":
        README.write_text(new)
    elif new != readme:
        print("README.md: the tables of inputs and outputs are stale: run make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
