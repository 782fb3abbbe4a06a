"""The examples, planned by real Terraform with the real provider: in an existing estate nothing is left out, and no two
deployments share a name. The plan of a resource is its `values`: what is known before it is applied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deployment import ROOT, Terraform
from tests.local_aws import LocalAws

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SIGNING = "arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-0123456789abcdef0"
TAGS = {"team": "security", "cost-center": "4711"}
BUCKET = "platform-artefacts-eu-west-1"
VARIABLES = (ROOT / "variables.tf", ROOT / "examples" / "local" / "variables.tf")
COUNTS = ROOT / "build" / "estate" / "plan.md"

# What every resource of a type carries in examples/existing-estate, and how many there are.
CARRIED: dict[str, tuple[int, dict[str, Any]]] = {
    "aws_iam_role": (
        6,
        {
            "path": "/platform/security/",
            "permissions_boundary": "arn:aws:iam::111122223333:policy/platform/boundary",
        },
    ),
    "aws_lambda_function": (
        4,
        {
            "vpc_config.subnet_ids": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
            "vpc_config.security_group_ids": ["sg-0123456789abcdef0"],
            "kms_key_arn": KEY,
            "code_signing_config_arn": SIGNING,
            "s3_bucket": BUCKET,
            "s3_key": "signed/tocsin-0.1.0.zip",
            "s3_object_version": "3HL4kqtJvjVBH40Nrjfkd",
            "filename": None,
        },
    ),
    "aws_lambda_layer_version": (
        1,
        {
            "s3_bucket": BUCKET,
            "s3_key": "signed/tocsin-dependencies-0.1.0.zip",
            "s3_object_version": "L4kqtJlcpXroDTDmpUMLUo",
            "filename": None,
        },
    ),
    "aws_cloudwatch_log_group": (5, {"retention_in_days": 365, "kms_key_id": KEY}),
    "aws_dynamodb_table": (
        2,
        {
            "deletion_protection_enabled": True,
            "server_side_encryption.enabled": True,
            "server_side_encryption.kms_key_arn": KEY,
        },
    ),
    "aws_sfn_state_machine": (
        1,
        {
            "encryption_configuration.type": "CUSTOMER_MANAGED_KMS_KEY",
            "encryption_configuration.kms_key_id": KEY,
        },
    ),
}


@dataclass(frozen=True)
class Resource:
    """One resource of a plan."""

    address: str
    kind: str
    values: Mapping[str, Any]

    def carries(self, wanted: Mapping[str, Any]) -> bool:
        """Whether these values are planned, `block.attribute` for one in a block, whatever else is."""
        return all(self._value(*name.split(".")) == value for name, value in wanted.items())

    def _value(self, name: str, inner: str | None = None) -> Any:
        value = self.values.get(name)
        return value if inner is None else value[0][inner] if value else None

    @property
    def identity(self) -> dict[str, str]:
        """What it is called, and what it belongs to."""
        return {
            name: value
            for name, value in self.values.items()
            if isinstance(value, str)
            and (name in ("name", "role", "rule") or (name.endswith("_name") and name != "display_name"))
        }


def resources(plan: Mapping[str, Any]) -> list[Resource]:
    """What a plan creates. Raises AssertionError where it would do anything else."""
    changes = [change for change in plan["resource_changes"] if change["mode"] == "managed"]
    assert {tuple(change["change"]["actions"]) for change in changes} == {("create",)}
    return [Resource(change["address"], change["type"], change["change"]["after"]) for change in changes]


# A root module of its own: three deployments, two of them in one Region, two of one name.
DEPLOYMENTS = """
provider "aws" {{
  region = "eu-west-1"
}}
provider "aws" {{
  alias  = "elsewhere"
  region = "eu-central-1"
}}
module "one" {{
  source = "{root}"
{inputs}
}}
module "other_name" {{
  source = "{root}"
  name   = "tocsin-test"
{inputs}
}}
module "other_region" {{
  source    = "{root}"
  providers = {{ aws = aws.elsewhere }}
{inputs}
}}
"""
INPUTS = """
  channels = {
    desk = { sns = { emails = ["desk@example.com"] } }
    mail = { email = { from = "tocsin@example.com", to = ["soc@example.com"] } }
  }
  feeds                 = { security_hub = {}, security_hub_v2 = {}, guardduty = {}, inspector = {} }
  ses_configuration_set = true
  alarm_emails          = ["operations@example.com"]
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def plans(work: Path) -> dict[str, list[Resource]]:
    """The plan of each example, and of the three deployments; two at a time, because each takes ten seconds."""
    roots = {name: ROOT / "examples" / name for name in ("existing-estate", "complete", "minimal")}
    roots["deployments"] = work / "root"
    roots["deployments"].mkdir()
    (roots["deployments"] / "main.tf").write_text(DEPLOYMENTS.format(root=ROOT, inputs=INPUTS))
    with LocalAws(state_dir=work / "aws") as aws:

        def plan(name: str) -> list[Resource]:
            terraform = Terraform(roots[name], work / name, aws.environment())
            terraform.init()
            return resources(terraform.planned())

        with ThreadPoolExecutor(max_workers=2) as pool:
            return dict(zip(roots, pool.map(plan, roots), strict=True))


@pytest.fixture(scope="module")
def planned(plans: dict[str, list[Resource]]) -> list[Resource]:
    """The plan of examples/existing-estate."""
    return plans["existing-estate"]


@pytest.fixture(scope="module")
def taggable(plans: dict[str, list[Resource]], work: Path) -> set[str]:
    """The types of resources that take tags, by the provider's schema."""
    schemas = Terraform(ROOT / "examples" / "existing-estate", work / "existing-estate", {}).schemas()
    return {kind for kind, schema in schemas.items() if "tags" in schema["block"]["attributes"]}


def of(planned: list[Resource], kind: str) -> list[Resource]:
    return [resource for resource in planned if resource.kind == kind]


@pytest.mark.parametrize("kind", CARRIED)
def test_every_one_carries_what_the_estate_asks_for(kind: str, planned: list[Resource]) -> None:
    count, wanted = CARRIED[kind]
    assert len(of(planned, kind)) == count
    assert [resource.address for resource in of(planned, kind) if not resource.carries(wanted)] == []


def test_whatever_takes_tags_has_them(planned: list[Resource], taggable: set[str]) -> None:
    tagged = [resource for resource in planned if resource.kind in taggable]
    assert len(tagged) > 30
    assert [resource.address for resource in tagged if not resource.carries({"tags": TAGS})] == []


def test_what_the_estate_has_is_not_made_again(planned: list[Resource]) -> None:
    assert not {one.kind for one in planned if one.kind.startswith(("aws_sns_topic", "aws_sesv2_", "aws_kms_"))}


def test_the_counts_are_written_down(planned: list[Resource], taggable: set[str]) -> None:
    """A table for people: how many of how many carry what."""
    rows = [
        (
            f"`{kind}`: {', '.join(wanted)}",
            sum(one.carries(wanted) for one in of(planned, kind)),
            len(of(planned, kind)),
        )
        for kind, (_, wanted) in CARRIED.items()
    ]
    tagged = [resource for resource in planned if resource.kind in taggable]
    rows.append(("what takes `tags`", sum(one.carries({"tags": TAGS}) for one in tagged), len(tagged)))
    rows.append(("resources in all", len(planned), len(planned)))
    COUNTS.parent.mkdir(parents=True, exist_ok=True)
    COUNTS.write_text(
        "".join(f"| {' | '.join(map(str, row))} |\n" for row in [("what", "carry it", "of"), ("---",) * 3, *rows])
    )
    assert all(carry == count for _, carry, count in rows)


@pytest.mark.parametrize("name", ["minimal", "complete"])
def test_an_example_plans(name: str, plans: dict[str, list[Resource]]) -> None:
    assert len(of(plans[name], "aws_lambda_function")) == 4


@pytest.fixture(scope="module")
def deployments(plans: dict[str, list[Resource]]) -> dict[str, dict[str, Resource]]:
    """Each deployment's resources, by their address inside of it."""
    found: dict[str, dict[str, Resource]] = {}
    for resource in plans["deployments"]:
        _, deployment, address = resource.address.split(".", 2)
        found.setdefault(deployment, {})[address] = resource
    return found


def test_two_deployments_share_no_name(deployments: dict[str, dict[str, Resource]]) -> None:
    one, other = deployments["one"], deployments["other_name"]
    assert one.keys() == other.keys()
    named = {address for address, resource in one.items() if resource.identity}
    assert len(named) > 40
    assert [address for address in named if one[address].identity == other[address].identity] == []


def test_two_regions_share_no_name_where_names_are_global(deployments: dict[str, dict[str, Resource]]) -> None:
    """Of what the module makes, only IAM has no Region."""
    one, other = deployments["one"], deployments["other_region"]
    named = {address for address, resource in one.items() if resource.kind.startswith("aws_iam_")}
    assert len(named) == 12
    assert [address for address in named if one[address].identity == other[address].identity] == []


def test_every_setting_can_be_given_to_the_local_example() -> None:
    """Who tries an estate's tfvars on the local AWS hears nothing of undeclared variables."""
    module, local = (set(re.findall(r'^variable "(\w+)"', path.read_text(), re.MULTILINE)) for path in VARIABLES)
    assert module - local == set()
