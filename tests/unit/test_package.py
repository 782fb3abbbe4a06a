"""What `make package` builds: the same every time, and able to run where only the Lambda runtime is."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

from scripts import package

RUNTIME = ("boto3", "botocore", "s3transfer", "dateutil", "six", *sorted(package.RUNTIMES))
"""What the Lambda runtime brings, boto3 and what it needs, and the layer leaves out."""


def names(archive: str) -> list[str]:
    with ZipFile(package.DIST / archive) as opened:
        return opened.namelist()


def isolated(code: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    """Runs code in a Python that sees the standard library and the folders, and nothing of this environment."""
    path = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
    command = [sys.executable, "-I", "-S", "-B", "-c", path + code]
    return subprocess.run(command, text=True, capture_output=True, check=False, env={"AWS_DEFAULT_REGION": "eu-west-1"})


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed zips as Lambda lays them out: the code in task, the layer in layer/python."""
    folder = tmp_path_factory.mktemp("unpacked")
    for archive, target in (("tocsin.zip", "task"), ("dependencies.zip", "layer")):
        with ZipFile(package.DIST / archive) as opened:
            opened.extractall(folder / target)
    return folder


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the Lambda runtime alone."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found = Path(spec.origin)
        source = found.parent if found.name == "__init__.py" else found
        (folder / source.name).symlink_to(source)
    return folder


def test_two_builds_are_byte_identical(tmp_path: Path) -> None:
    package.write_zip(tmp_path / "one.zip", {"b.py": b"b = 1\n", "a.py": b""})
    package.write_zip(tmp_path / "two.zip", {"a.py": b"", "b.py": b"b = 1\n"})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize("archive", ["tocsin.zip", "dependencies.zip"])
def test_entries_carry_nothing_of_the_machine_that_built_them(archive: str) -> None:
    with ZipFile(package.DIST / archive) as opened:
        entries = opened.infolist()
    assert entries
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {(entry.date_time, entry.create_system, entry.external_attr >> 16) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 3, 0o100644)
    }


def test_the_code_comes_with_its_templates_and_without_the_command() -> None:
    found = names("tocsin.zip")
    assert "tocsin/handlers/triage.py" in found
    assert any(name.startswith("templates/") for name in found)
    assert not [name for name in found if name.startswith("tocsin/cli/")]
    assert not [name for name in found if "__pycache__" in name or "/." in name]


def test_the_layer_is_pure_python_with_every_licence_and_without_the_runtimes_packages() -> None:
    found = names("dependencies.zip")
    assert all(name.startswith("python/") for name in found)
    assert not [name for name in found if name.endswith((".so", ".pyd", ".lock", "/RECORD"))]
    assert not {name.split("/")[1] for name in found} & {*RUNTIME, "bin", "tests"}
    distributions = {name.split("/")[1] for name in found if ".dist-info/" in name}
    licensed = {name.split("/")[1] for name in found if ".dist-info/" in name and "LICENSE" in name.upper()}
    assert distributions == licensed


def test_the_layer_holds_exactly_the_locked_versions() -> None:
    locked = {
        line.split(" ")[0].replace("-", "_")
        for line in (package.ROOT / "lambda" / "requirements.txt").read_text().splitlines()
        if "==" in line
    }
    installed = {name.split("/")[1] for name in names("dependencies.zip") if ".dist-info/" in name}
    ours = {line for line in locked if line.partition("==")[0] not in package.RUNTIMES}
    assert {name.removesuffix(".dist-info").replace("-", "==") for name in installed} == ours


def test_the_layer_works_without_its_compiled_parts(unpacked: Path, runtime: Path) -> None:
    result = isolated(
        "import jinja2, markupsafe, requests, charset_normalizer, certifi, pathlib\n"
        "from aws_lambda_powertools import Logger\n"
        "assert jinja2.Environment(autoescape=True).from_string('{{ x }}').render(x='<a>') == '&lt;a&gt;'\n"
        "text = 'h\\u00e9llo w\\u00f6rld'\n"
        "assert str(charset_normalizer.from_bytes(text.encode()).best()) == text\n"
        "assert pathlib.Path(certifi.where()).is_file()\n"
        "assert requests.Request('GET', 'https://example.com').prepare().url == 'https://example.com/'\n"
        "print(markupsafe.__file__)",
        unpacked / "layer" / "python",
        runtime,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(unpacked))


def test_every_module_that_ships_imports_with_the_layer_and_the_runtime_alone(unpacked: Path, runtime: Path) -> None:
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in names("tocsin.zip")
        if name.endswith(".py")
    ]
    result = isolated(
        f"import importlib\nfor name in {modules!r}: importlib.import_module(name)",
        unpacked / "task",
        unpacked / "layer" / "python",
        runtime,
    )
    assert result.returncode == 0, result.stderr


def test_the_check_names_each_file_that_differs(tmp_path: Path) -> None:
    package.write_zip(tmp_path / "x.zip", {"same": b"1", "changed": b"1", "gone": b"1"})
    assert package.differences_of(tmp_path / "x.zip", {"same": b"1", "changed": b"2", "new": b"1"}) == [
        "x.zip: new is missing",
        "x.zip: gone should not be there",
        "x.zip: changed differs",
    ]


def test_the_check_fails_for_a_zip_that_is_not_there(tmp_path: Path) -> None:
    (line,) = package.differences_of(tmp_path / "x.zip", {"a": b""})
    assert line.startswith("x.zip: cannot be read")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jinja2/tests.py", True),
        ("certifi/cacert.pem", True),
        ("idna-3.20.dist-info/licenses/LICENSE.md", True),
        ("markupsafe/_speedups.cpython-313-x86_64-linux-gnu.so", False),
        ("markupsafe/_speedups.c", False),
        ("markupsafe/_speedups.pyi", False),
        ("some/tests/test_it.py", False),
        ("idna-3.20.dist-info/RECORD", False),
        ("vendored/poetry.lock", False),
        ("other-1.1.0.data/scripts/jp.py", False),
        ("urllib3/util/url.py", False),
        ("jmespath-1.1.0.dist-info/METADATA", False),
    ],
)
def test_what_ships_of_a_wheel(name: str, expected: bool) -> None:
    assert package.ships(PurePosixPath(name)) is expected


def test_a_wheel_that_installs_elsewhere_is_refused() -> None:
    with pytest.raises(package.PackageError, match=r"data/purelib/x\.py is installed elsewhere"):
        package.ships(PurePosixPath("x-1.data/purelib/x.py"))
