"""The `tocsin` command, for people who write tfvars and templates: one module a sub-command."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

COMMANDS = ("parse", "render")
"""Modules of this package, each with `add_parser(subparsers)` and `run(arguments) -> int`."""

REFUSED, WRONG_USAGE = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0 when done, 1 when something was refused or unreadable, 2 for wrong usage."""
    modules, missing = _modules()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a finding may hold characters that the terminal has not
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(
        prog="tocsin", description="Findings and messages as Tocsin sees them.", epilog=missing, allow_abbrev=False
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in modules.values():
        module.add_parser(subparsers)
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as leaving:  # argparse has said why
        return leaving.code if isinstance(leaving.code, int) else WRONG_USAGE
    try:
        code: int = modules[arguments.command].run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (head, less) has seen enough; nothing is left to be flushed into its pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    return code


def _modules() -> tuple[dict[str, ModuleType], str | None]:
    """The sub-commands that can be had here, and a sentence about the others: `parse` needs no library at all."""
    modules: dict[str, ModuleType] = {}
    missing = []
    for name in COMMANDS:
        try:
            modules[name] = importlib.import_module(f"tocsin.cli.{name}")
        except ModuleNotFoundError as error:
            missing.append(f"`{name}` is not available here: it needs the Python package {error.name}.")
    return modules, " ".join(missing) or None


if __name__ == "__main__":
    sys.exit(main())
