"""A folder of findings as a story: its own files, then its sub-folders in order of name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tocsin.findings.documents import Delivery, deliveries
from tocsin.findings.event import UnreadableEvent


class StoryError(Exception):
    """The folder holds nothing that can be sent."""


@dataclass(frozen=True)
class Sample:
    """What one file delivers. `file` is relative to the story's folder."""

    file: str
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True)
class Step:
    """Samples that are sent together; the next step waits until they have settled."""

    name: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Unsent:
    """A file that is not sent, and why."""

    file: str
    why: str


def read_story(folder: Path) -> tuple[list[Step], list[Unsent]]:
    """The steps of the story and the files that are no findings. Raises StoryError when nothing is left to send."""
    if not folder.is_dir():
        raise StoryError(f"FINDINGS={folder} is not a folder: name one with *.json files in it")
    samples: dict[Path, list[Sample]] = {}
    unsent = []
    for path in sorted(folder.rglob("*.json"), key=lambda path: (path.parent, path.name)):
        file = path.relative_to(folder).as_posix()
        try:
            found = tuple(deliveries(json.loads(path.read_text(encoding="utf-8"))))
        except (UnreadableEvent, ValueError) as error:
            unsent.append(Unsent(file, str(error)))
            continue
        samples.setdefault(path.parent, []).append(Sample(file, found))
    steps = [Step(parent.relative_to(folder).as_posix(), tuple(samples[parent])) for parent in sorted(samples)]
    if not steps:
        raise StoryError(f"FINDINGS={folder} holds no *.json file with a finding: see `tocsin parse`")
    return steps, unsent
