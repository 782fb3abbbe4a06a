"""Builds the two zips that the module ships, and compares the committed ones with a fresh build.

    package.py build    writes lambda/dist/tocsin.zip and lambda/dist/dependencies.zip
    package.py check    exits 1 when a committed zip differs from a fresh build, and names the files

Two builds are byte-identical; what is compared is names and contents, because the bytes of DEFLATE differ between
builds of zlib. Everything is pure Python: one zip for both architectures and every runtime.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "lambda" / "dist"
WHEELS = ROOT / ".tools" / "wheels"

SHOWN = 30
"""How many differing files are named: more means that all do."""

Contents = Mapping[str, bytes]
"""Name in the zip to content."""

UNUSED_SUFFIXES = {".so", ".pyd", ".c", ".pyi", ".js", ".css"}
"""Compiled code (each package that has it falls back to Python), its source, types, and what only browsers load."""

MISLEADING = {"RECORD", "Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock"}
"""RECORD lists what was left out; a vulnerability scanner takes lock files for what is installed."""


RUNTIMES = {"jmespath", "urllib3"}
"""What boto3 itself needs, so that the Lambda runtime has it beside boto3, in the version that fits. A copy in the
layer would come first, for boto3 too, and be compiled at each cold start: a quarter of what bare boto3 takes."""


class PackageError(Exception):
    """A zip cannot be built; the message says what to do."""


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["build"]:
            return build()
        if arguments == ["check"]:
            return check()
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    print("usage: package.py build|check", file=sys.stderr)
    return 2


def build() -> int:
    DIST.mkdir(exist_ok=True)
    for name, contents in {name: contents() for name, contents in ZIPS.items()}.items():
        write_zip(DIST / name, contents)
        print(f"lambda/dist/{name}: {(DIST / name).stat().st_size / 1024:.0f} KiB")
    return 0


def check() -> int:
    differences = [line for name, contents in ZIPS.items() for line in differences_of(DIST / name, contents())]
    for line in differences[:SHOWN]:
        print(line, file=sys.stderr)
    if len(differences) > SHOWN:
        print(f"and {len(differences) - SHOWN} more", file=sys.stderr)
    if differences:
        print(
            "The committed package is not what the sources make: run `make package` and commit lambda/dist.",
            file=sys.stderr,
        )
        return 1
    print(f"lambda/dist: {' and '.join(ZIPS)} are what the sources make")
    return 0


def differences_of(committed: Path, fresh: Contents) -> list[str]:
    """One line for each file that differs between the committed zip and the fresh contents."""
    try:
        with ZipFile(committed) as archive:
            old = {entry.filename: digest(archive.read(entry)) for entry in archive.infolist()}
    except (FileNotFoundError, BadZipFile) as error:
        return [f"{committed.name}: cannot be read: {error}"]
    new = {name: digest(content) for name, content in fresh.items()}
    return (
        [f"{committed.name}: {name} is missing" for name in sorted(new.keys() - old.keys())]
        + [f"{committed.name}: {name} should not be there" for name in sorted(old.keys() - new.keys())]
        + [f"{committed.name}: {name} differs" for name in sorted(new.keys() & old.keys()) if new[name] != old[name]]
    )


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_zip(path: Path, contents: Contents) -> None:
    """The same bytes for the same contents: sorted names, one time stamp, one mode, one system."""
    with ZipFile(path, "w") as archive:
        for name in sorted(contents):
            entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, contents[name], compresslevel=9)


def function_contents() -> Contents:
    """The package without its command, and the templates at the top."""
    sources = ROOT / "lambda" / "tocsin"
    modules = [path for path in files(sources) if path.suffix == ".py" or path.name == "py.typed"]
    code = {
        path.relative_to(ROOT / "lambda").as_posix(): path for path in modules if sources / "cli" not in path.parents
    }
    templates = {path.relative_to(ROOT).as_posix(): path for path in files(ROOT / "templates")}
    return {name: path.read_bytes() for name, path in (code | templates).items()}


def layer_contents() -> Contents:
    """The locked dependencies below python/, where a layer's packages lie.

    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    A wheel is a zip of what it installs: unpacking is enough. Set-up fetched the locked ones and checked their hashes.
    """
    wheels = sorted(WHEELS.glob("*.whl"))
    if not wheels:
        raise PackageError(".tools/wheels is empty: run `make package`, which fetches the locked wheels first.")
    contents: dict[str, bytes] = {}
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            contents |= {f"python/{name}": archive.read(name) for name in names if ships(PurePosixPath(name))}
    return contents


def ships(name: PurePosixPath) -> bool:
    """Whether a file of a wheel belongs into the layer; raises PackageError for what a wheel installs elsewhere."""
    if name.parts[0].endswith(".data"):
        if name.parts[1] != "scripts":
            raise PackageError(f"{name} is installed elsewhere than beside its package: teach package.py where.")
        return False
    package = name.parts[0].partition("-")[0]  # of the package itself and of its NAME-VERSION.dist-info
    unused = name.suffix in UNUSED_SUFFIXES or name.name in MISLEADING or "tests" in name.parts
    return not unused and package not in RUNTIMES


def files(folder: Path) -> list[Path]:
    """Every file below the folder but hidden ones and caches."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)
    ]


ZIPS: Mapping[str, Callable[[], Contents]] = {"tocsin.zip": function_contents, "dependencies.zip": layer_contents}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
