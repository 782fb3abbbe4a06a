"""`make bench`: measure, print tables, write build/bench/result.json. A goal that is missed is marked, no error."""

from __future__ import annotations

import json
import shutil
import sys

from rich.console import Console

from tests.bench import figures, imports, parsing, way
from tests.deployment import ROOT

OUT = ROOT / "build" / "bench"


def main() -> int:
    """Returns 0 when everything was measured."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    found: list[figures.Figure] = []
    with console.status("") as status:

        def show(title: str, topic: list[figures.Figure]) -> None:
            found.extend(topic)
            console.print(figures.table(title, topic))

        show("Cold start", imports.measure(OUT / "package", status.update))
        show("Reading an event", parsing.measure(status.update))
        show("On the local AWS", way.measure(OUT / "work", status.update))
    path = OUT / "result.json"
    path.write_text(json.dumps(figures.result(found), indent=2) + "\n")
    missed = [figure.name for figure in found if not figure.met]
    console.print(f"{len(found) - len(missed)} of {len(found)} goals met. {path.relative_to(ROOT)} has the figures.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
