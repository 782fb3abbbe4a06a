"""IAM where ministack does not ask it: roles of state machines, targets and schedules, and who may assume a role.

ministack checks the signature and the permissions of every request; what happens inside of it (a state machine
writing to a table, EventBridge sending to a queue) it lets through. The integrations ask here instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.local_aws import journal
from tests.local_aws.emulator import app, iam, iam_evaluator, responses
from tests.local_aws.patching import replace
from tests.local_aws.records import Permission


def enforced() -> bool:
    """Whether permissions are checked at all."""
    return bool(app.AUTH)


def session(role_arn: str, name: str) -> str:
    """The ARN under which a role's calls appear: `assumed-role/ROLE/NAME`."""
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    return f"arn:aws:sts::{account}:assumed-role/{role}/{name}"


def role_may(role_arn: str, action: str, resource: str) -> bool:
    """Whether the policies of a role, within its boundary, allow an action such as `sqs:SendMessage`.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    if not enforced():
        return True
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    context = iam_evaluator.EvalContext(
        principal_arn=session(role_arn, "local-aws"),
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=responses.get_region(),
    )
    decision = iam_evaluator.evaluate(
        context,
        iam_evaluator._gather_role_policies(name, account),
        *iam_evaluator._permissions_boundary(iam._roles, name, account),
    )
    return bool(decision.decision == "Allow")


def service_may(
    policy: str | Mapping[str, Any] | None, service: str, action: str, resource: str, source_arn: str
) -> bool:
    """Whether the resource's own policy lets an AWS service (`events.amazonaws.com`) act for `source_arn`."""
    if not enforced():
        return True
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=responses.get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": responses.get_account_id()},
    )
    return bool(iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow")


def assumable_by(role_arn: str, service: str) -> bool:
    """Whether a role exists and its trust policy names the service principal, for example `states.amazonaws.com`."""
    if not enforced():
        return True
    role = iam._roles.get_scoped(role_arn.split(":")[4], None, role_arn.rsplit("/", 1)[-1])
    if role is None:
        return False
    document = role.get("AssumeRolePolicyDocument") or "{}"
    statements = json.loads(document).get("Statement", []) if isinstance(document, str) else document["Statement"]
    return any(
        statement.get("Effect") == "Allow" and service in _listed(statement.get("Principal", {}), "Service")
        for statement in ([statements] if isinstance(statements, dict) else statements)
    )


def _evaluate(original: Callable[..., Any], ctx: Any, policies: Any, *limits: Any) -> Any:
    """Every question about a role is remembered, whoever asks it: a request's signature or what happens inside."""
    result = original(ctx, policies, *limits)
    if role := journal.role_of(ctx.principal_arn):
        allowed = result.decision == "Allow"
        journal.permissions.add(Permission(role, ctx.action, ctx.resource_arn, allowed))
    return result


def _listed(principal: Any, kind: str) -> list[str]:
    named = principal.get(kind, []) if isinstance(principal, dict) else []
    return [named] if isinstance(named, str) else list(named)


def install() -> None:
    """Apply the patches."""
    replace(iam_evaluator, "evaluate", _evaluate, "ctx", "policies", "limits")
