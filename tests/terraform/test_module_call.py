"""What a user's own configuration, which calls the module, hears of wrong settings when it is planned."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

MISTAKES = {
    "values": """
        name               = "tocsin-of-the-security-team"
        minimum_severity   = "SEVERE"
        dedupe_days        = { HIHG = 7, LOW = -1 }
        template_overrides = "nowhere"
        channels = {
          both  = { sns = { emails = [] }, email = { from = "a@example.com", to = ["b@example.com"] } }
          mail  = { email = { to = ["soc@example.com"] } }
          other = { email = { from = "a@example.com", to = ["b@example.com"], identity = "x" } }
        }
    """,
    "routes": """
        channels = { mail = { email = { from = "a@example.com", to = ["b@example.com"] } } }
        routes = [
          { to = ["mail"], match = { product = ["GuardDuty"] } },
          { to = ["mail"], exept = { products = ["Inspector"] }, continue = true },
          { to = ["mail"], match = { products = ["GuardDuty"] } },
        ]
    """,
    # Terraform speaks of relations between variables once each by itself is right.
    "relations": """
        channels = { mail = { email = { from = "a@example.com", to = ["b@example.com"] } } }
        routes   = [{ to = ["mail"], match = { account_ids = ["@pci"] } }, { to = ["soc"] }]
    """,
    # An ARN that is known only after apply makes nothing else unknown.
    "unknown": """
        channels = {
          soc  = { slack = { webhook_secret_arn = terraform_data.later.output, allowed_host = ["chat.example.com"] } }
          both = { slack = { webhook_secret_arn = terraform_data.later.output }, sns = { emails = [] } }
          mail = { email = { to = ["soc@example.com"], identity_arn = terraform_data.later.output } }
          none = { sns = { topic_arn = terraform_data.later.output, emails = [] } }
        }
    """,
    # What no sentence of ours speaks of is refused by the types of the parts below.
    "type": """
        channels = { soc = { sns = { emails = [] } } }
        routes   = [{ to = ["soc"], continue = "perhaps" }]
    """,
}
SENTENCES = {
    "values": [
        'name ("tocsin-of-the-security-team") must be 1 to 20',
        'minimum_severity ("SEVERE") must be INFORMATIONAL',
        "dedupe_days has unknown severities: HIHG.",
        "dedupe_days must be numbers of days, 0 or more: LOW = -1.",
        'template_overrides ("nowhere") is no directory that holds a file.',
        "channels need exactly one of email, sns, slack: both has email and sns.",
        "email channels need a plain address in from, without a display name: mail (none).",
        'channels with unknown attributes: "identity" in other.email.',
    ],
    "routes": [
        'routes with unknown criteria: "product" in routes[0].match.',
        'routes with unknown attributes: "exept" in routes[1].',
        "The last route (routes[2]) must take everything",
    ],
    "relations": [
        'routes name accounts that are neither 12 digits in quotes nor a known @group: "@pci" in routes[0].match.',
        'routes lead to channels that do not exist: "soc" in routes[1]. The channels are: mail.',
    ],
    "unknown": [
        'channels with unknown attributes: "allowed_host" in soc.slack.',
        "channels need exactly one of email, sns, slack: both has slack and sns.",
        "email channels need a plain address in from, without a display name: mail (none).",
    ],
    "type": ["a bool is required"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the module in `module`."""
    folder = tmp_path_factory.mktemp("call")
    for part in ("modules", "templates", "lambda/dist"):
        shutil.copytree(ROOT / part, folder / "module" / part)
    for path in ROOT.glob("*.tf"):
        shutil.copy(path, folder / "module")
    return folder


@pytest.fixture(scope="module")
def said(folder: Path) -> dict[str, list[str]]:
    """The errors of each mistake's plan. One run of Terraform for all: the provider takes seconds to start."""
    (folder / "tests").mkdir()
    (folder / "main.tf").write_text("# init passes over an empty folder\n")
    for name, settings in MISTAKES.items():
        (folder / name).mkdir()
        (folder / name / "main.tf").write_text(call(settings))
        (folder / "tests" / f"{name}.tftest.hcl").write_text(
            f'mock_provider "aws" {{}}\nrun "{name}" {{\n  command = plan\n  module {{ source = "./{name}" }}\n}}\n'
        )
    subprocess.run(["terraform", "init", "-backend=false"], cwd=folder, check=True, capture_output=True)
    test = subprocess.run(["terraform", "test", "-json"], cwd=folder, check=False, capture_output=True, text=True)
    found: dict[str, list[str]] = {name: [] for name in MISTAKES}
    for line in map(json.loads, test.stdout.splitlines()):
        if line.get("diagnostic", {}).get("severity") == "error":
            found[line["@testrun"]].append(" ".join(line["diagnostic"]["detail"].split()))
    return found


TYPED = """
    terraform {
      required_providers {
        aws = { source = "hashicorp/aws" }
      }
    }
    variable "channels" {
      type = map(object({
        email = optional(object({ from = string, to = set(string), identity_arn = optional(string) }))
        sns   = optional(object({ topic_arn = optional(string), emails = optional(list(string)) }))
        slack = optional(object({ webhook_secret_arn = string, allowed_hosts = optional(list(string)) }))
      }))
      default = {
        mail = { email = { from = "a@example.com", to = ["b@example.com"] } }
        own  = { sns = { emails = [] } }
        chat = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hook-AbCdEf" } }
      }
    }
    variable "hook" {
      default   = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hook-GhIjKl"
      sensitive = true
    }
"""
"""A wrapper of the module: a type of its own, whose optional attributes are nulls, and a secret ARN marked as such."""


def test_a_typed_variable_of_the_caller_and_a_sensitive_arn_are_taken_as_they_are(folder: Path) -> None:
    typed = folder / "typed"
    (typed / "tests").mkdir(parents=True)
    shutil.copytree(ROOT / "tests" / "terraform" / "mocks", typed / "mocks")
    channels = "merge(var.channels, { secret = { slack = { webhook_secret_arn = var.hook } } })"
    (typed / "main.tf").write_text(TYPED + call(f'channels = {channels}\nalarm_emails = ["a@example.com"]'))
    (typed / "tests" / "typed.tftest.hcl").write_text(
        'mock_provider "aws" {\n  source = "./mocks"\n}\nrun "typed" {\n  command = plan\n}\n'
    )
    subprocess.run(["terraform", "init", "-backend=false"], cwd=typed, check=True, capture_output=True)
    test = subprocess.run(["terraform", "test", "-json"], cwd=typed, check=False, capture_output=True, text=True)
    said = [line["diagnostic"]["detail"] for line in map(json.loads, test.stdout.splitlines()) if "diagnostic" in line]
    assert (test.returncode, said) == (0, [])


def call(settings: str) -> str:
    later = 'resource "terraform_data" "later" {\n  input = "arn"\n}\n'
    return f'{later}module "tocsin" {{\n  source = "../module"\n{settings}\n}}\n'


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_said_by_one_sentence(mistake: str, said: dict[str, list[str]]) -> None:
    for sentence in SENTENCES[mistake]:
        assert [detail for detail in said[mistake] if sentence in detail], (sentence, said[mistake])
    for detail in said[mistake]:
        assert "validation rule" not in detail or any(sentence in detail for sentence in SENTENCES[mistake]), detail


def test_an_argument_that_the_module_does_not_have_is_an_error(folder: Path) -> None:
    (folder / "argument").mkdir()
    (folder / "argument" / "main.tf").write_text(call('minimum_severty = "LOW"'))
    where: dict[str, Any] = {"cwd": folder / "argument", "capture_output": True, "text": True}
    subprocess.run(["terraform", "init", "-backend=false"], check=True, **where)
    refused = subprocess.run(["terraform", "validate", "-no-color"], check=False, **where)
    assert refused.returncode == 1
    assert 'An argument named "minimum_severty" is not expected here.' in refused.stderr
