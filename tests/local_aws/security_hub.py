"""Security Hub CSPM, which ministack lacks: hub, action targets, findings in and out, and the events they cause.

Requests are checked against AWS's own model; a filter that is not emulated is refused, never ignored. Any product
and account may import, because the caller stands for the services that do.
https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html
"""

from __future__ import annotations

import base64
import copy
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.local_aws import control, event_bridge, iam, journal, shapes
from tests.local_aws.emulator import app, responses
from tests.local_aws.patching import PatchError

Finding = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

_SEVERITIES = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}
_KEPT_ON_IMPORT = ("Note", "UserDefinedFields", "VerificationState", "Workflow", "Confidence", "Criticality")
_UPDATABLE = ("Confidence", "Criticality", "RelatedFindings", "Types", "UserDefinedFields", "VerificationState")
_FILTER_VALUES = 20
_FINDING_BYTES = 240 * 1024
_PATHS = {
    "ComplianceSecurityControlId": "Compliance.SecurityControlId",
    "ComplianceStatus": "Compliance.Status",
    "NoteText": "Note.Text",
    "ResourceId": "Resources.Id",
    "ResourceRegion": "Resources.Region",
    "ResourceTags": "Resources.Tags",
    "ResourceType": "Resources.Type",
    "SeverityLabel": "Severity.Label",
    "Type": "Types",
    "WorkflowStatus": "Workflow.Status",
    **{
        name: name
        for name in [
            "AwsAccountId",
            "CompanyName",
            "CreatedAt",
            "Description",
            "FirstObservedAt",
            "GeneratorId",
            "Id",
            "LastObservedAt",
            "ProductArn",
            "ProductFields",
            "ProductName",
            "RecordState",
            "Region",
            "Sample",
            "Title",
            "UpdatedAt",
            "UserDefinedFields",
            "VerificationState",
        ]
    },
}

_hubs: dict[str, dict[str, Any]] = {}
_targets: dict[str, dict[str, str]] = {}
_findings: dict[str, Finding] = {}
_lock = threading.RLock()


class _Refused(Exception):
    """An API error."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


# -- the hub and its action targets -----------------------------------------------------------------------------


def _hub_arn() -> str:
    return f"arn:aws:securityhub:{responses.get_region()}:{responses.get_account_id()}:hub/default"


def _hub() -> dict[str, Any]:
    if _hub_arn() not in _hubs:
        text = f"Account {responses.get_account_id()} is not subscribed to AWS Security Hub"
        raise _Refused("InvalidAccessException", text, 401)
    return _hubs[_hub_arn()]


def _enable(asked: Mapping[str, Any]) -> dict[str, Any]:
    if _hub_arn() in _hubs:
        raise _Refused("ResourceConflictException", "Account is already subscribed to Security Hub", 409)
    _hubs[_hub_arn()] = {
        "HubArn": _hub_arn(),
        "SubscribedAt": _now(),
        "AutoEnableControls": True,
        "ControlFindingGenerator": asked.get("ControlFindingGenerator", "SECURITY_CONTROL"),
    }
    return {}


def _disable(asked: Mapping[str, Any]) -> dict[str, Any]:
    _hub()
    del _hubs[_hub_arn()]
    return {}


def _create_target(asked: Mapping[str, Any]) -> dict[str, Any]:
    _hub()
    arn = _hub_arn().replace("hub/default", f"action/custom/{asked['Id']}")
    if arn in _targets:
        raise _Refused("ResourceConflictException", f"Action target {asked['Id']} already exists", 409)
    _targets[arn] = {"ActionTargetArn": arn, "Name": asked["Name"], "Description": asked["Description"]}
    return {"ActionTargetArn": arn}


def _describe_targets(asked: Mapping[str, Any]) -> dict[str, Any]:
    _hub()
    return {"ActionTargets": [_target(arn) for arn in asked.get("ActionTargetArns") or list(_targets)]}


def _update_target(asked: Mapping[str, Any]) -> dict[str, Any]:
    _target(asked["ActionTargetArn"]).update({k: asked[k] for k in ("Name", "Description") if k in asked})
    return {}


def _delete_target(asked: Mapping[str, Any]) -> dict[str, Any]:
    del _targets[_target(asked["ActionTargetArn"])["ActionTargetArn"]]
    return {"ActionTargetArn": asked["ActionTargetArn"]}


def _target(arn: str) -> dict[str, str]:
    if arn not in _targets:
        raise _Refused("ResourceNotFoundException", f"Action target {arn} not found", 404)
    return _targets[arn]


# -- findings ---------------------------------------------------------------------------------------------------


def _import(asked: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html"""
    _hub()
    failed = []
    for given in asked["Findings"]:
        problem = _import_problem(given)
        if problem:
            failed.append({"Id": given["Id"], "ErrorCode": "InvalidInput", "ErrorMessage": problem})
            continue
        finding = _merged(copy.deepcopy(given), _findings.get(_key(given)))
        _findings[_key(finding)] = finding
        _announce(finding)
    return {
        "FailedCount": len(failed),
        "SuccessCount": len(asked["Findings"]) - len(failed),
        "FailedFindings": failed,
    }


def _import_problem(finding: Mapping[str, Any]) -> str | None:
    severity = finding.get("Severity") or finding.get("FindingProviderFields", {}).get("Severity")
    if not severity or not {"Label", "Normalized"} & set(severity):
        return "Severity.Label or Severity.Normalized is required"
    if len(json.dumps(finding).encode()) > _FINDING_BYTES:
        return f"The finding is larger than {_FINDING_BYTES} bytes"
    for name in ("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"):
        if name in finding and _timestamp(finding[name]) is None:
            return f"{name} is not an ISO 8601 timestamp: {finding[name]}"
    known = _findings.get(_key(finding))
    if known and (_timestamp(finding["UpdatedAt"]) or 0.0) < (_timestamp(known["UpdatedAt"]) or 0.0):
        return f"UpdatedAt {finding['UpdatedAt']} is before that of the stored finding"
    return None


def _merged(finding: Finding, known: Finding | None) -> Finding:
    """What Security Hub makes of an imported finding: its defaults, and what only customers may change kept.

    https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html
    """
    severity = dict(finding.get("Severity") or finding["FindingProviderFields"]["Severity"])
    if "Label" in severity:
        severity["Normalized"] = _SEVERITIES[severity["Label"]]
    else:
        severity["Label"] = [name for name, least in _SEVERITIES.items() if severity["Normalized"] >= least][-1]
    finding["Severity"] = severity
    finding.setdefault("FindingProviderFields", {"Severity": dict(severity), "Types": finding.get("Types", [])})
    if known:
        finding.update({name: known[name] for name in _KEPT_ON_IMPORT if name in known})
    finding.setdefault("Workflow", {"Status": "NEW"})
    finding.setdefault("RecordState", "ACTIVE")
    finding.setdefault("Region", responses.get_region())
    finding.setdefault("ProductName", finding["ProductArn"].rsplit("/", 1)[-1])
    finding["Workflow"] = {"Status": _workflow(finding, known)}
    finding["WorkflowState"] = "NEW"
    return finding


def _workflow(finding: Finding, known: Finding | None) -> str:
    """What comes back, or fails again, is NEW again; a control that passes is RESOLVED.

    https://docs.aws.amazon.com/securityhub/latest/userguide/findings-workflow-status.html
    """
    status = str(finding["Workflow"]["Status"])
    compliance = (finding.get("Compliance") or {}).get("Status")
    if finding["ProductArn"].endswith("/aws/securityhub") and compliance == "PASSED" and status != "SUPPRESSED":
        return "RESOLVED"
    if known and status in ("NOTIFIED", "RESOLVED"):
        returned = known["RecordState"] == "ARCHIVED" and finding["RecordState"] == "ACTIVE"
        failed_again = (known.get("Compliance") or {}).get("Status") == "PASSED" and compliance != "PASSED"
        if returned or failed_again:
            return "NEW"
    return status


def _update(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Changes a finding without its UpdatedAt, and announces it as imported.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindings.html
    """
    _hub()
    processed, unprocessed = [], []
    for identifier in asked["FindingIdentifiers"]:
        finding = _findings.get(_key(identifier))
        if finding is None:
            missing = {"ErrorCode": "FindingNotFound", "ErrorMessage": "Finding Not Found"}
            unprocessed.append({"FindingIdentifier": identifier, **missing})
            continue
        finding.update({name: copy.deepcopy(asked[name]) for name in _UPDATABLE if name in asked})
        if "Workflow" in asked:
            finding["Workflow"] = dict(asked["Workflow"])
        if "Note" in asked:
            finding["Note"] = {**asked["Note"], "UpdatedAt": _now()}
        if "Severity" in asked:
            severity = {**finding["Severity"], **asked["Severity"]}
            finding["Severity"] = {**severity, "Normalized": _SEVERITIES[severity["Label"]]}
        processed.append(identifier)
        _announce(finding)
    return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}


def _get(asked: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html"""
    _hub()
    found = [finding for finding in _findings.values() if _selected(finding, asked.get("Filters") or {})]
    for criterion in reversed(asked.get("SortCriteria") or []):
        path = _PATHS.get(criterion["Field"], criterion["Field"])
        found.sort(key=lambda finding, path=path: str(next(iter(_values(finding, path)), "")))  # type: ignore[misc]
        if criterion.get("SortOrder") == "desc":
            found.reverse()
    first = int(base64.b64decode(asked["NextToken"])) if asked.get("NextToken") else 0
    last = first + (asked.get("MaxResults") or 20)
    answer: dict[str, Any] = {"Findings": copy.deepcopy(found[first:last])}
    if last < len(found):
        answer["NextToken"] = base64.b64encode(str(last).encode()).decode()
    return answer


def _selected(finding: Finding, filters: Mapping[str, Any]) -> bool:
    """Every filter holds; within one, any positive condition and all negative ones do."""
    for name, conditions in filters.items():
        if name not in _PATHS:
            raise _Refused("InvalidInputException", f"The filter {name} is not emulated")
        if len(conditions) > _FILTER_VALUES:
            raise _Refused("InvalidInputException", f"The filter {name} has more than {_FILTER_VALUES} values")
        values = list(_values(finding, _PATHS[name]))
        negative = [condition for condition in conditions if "NOT" in condition.get("Comparison", "")]
        positive = [condition for condition in conditions if condition not in negative]
        if positive and not any(_holds(values, condition) for condition in positive):
            return False
        if not all(_holds(values, condition) for condition in negative):
            return False
    return True


_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "EQUALS": str.__eq__,
    "PREFIX": str.startswith,
    "CONTAINS": str.__contains__,
    "NOT_EQUALS": str.__eq__,
    "PREFIX_NOT_EQUALS": str.startswith,
    "NOT_CONTAINS": str.__contains__,
}


def _holds(values: list[Any], condition: Mapping[str, Any]) -> bool:
    if {"Start", "End", "DateRange"} & set(condition):
        return _in_time(values, condition)
    wanted, comparison = condition["Value"], condition.get("Comparison", "EQUALS")
    if "Key" in condition:
        values = [value[condition["Key"]] for value in values if condition["Key"] in value]
    if isinstance(wanted, bool):
        return any(value == wanted for value in values)
    if comparison not in _COMPARISONS:
        raise _Refused("InvalidInputException", f"The comparison {comparison} is not emulated")
    hit = any(_COMPARISONS[comparison](str(value), wanted) for value in values)
    return not hit if "NOT" in comparison else hit


def _in_time(values: list[Any], condition: Mapping[str, Any]) -> bool:
    if "DateRange" in condition:
        start, end = time.time() - 86_400 * condition["DateRange"]["Value"], math.inf
    else:
        start = _timestamp(condition.get("Start", "")) or -math.inf
        end = _timestamp(condition.get("End", "")) or math.inf
    return any(start <= (_timestamp(value) or -math.inf) <= end for value in values)


def _values(value: Any, path: str) -> Iterator[Any]:
    """The values at a dotted path, through lists."""
    head, _, rest = path.partition(".")
    for item in value if isinstance(value, list) else [value]:
        inner = item.get(head) if isinstance(item, dict) else None
        if inner is None:
            continue
        if rest:
            yield from _values(inner, rest)
        else:
            yield from inner if isinstance(inner, list) else [inner]


def _key(finding: Mapping[str, Any]) -> str:
    return f"{finding['ProductArn']}|{finding['Id']}"


def _timestamp(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -- events -----------------------------------------------------------------------------------------------------


def _announce(finding: Finding) -> None:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html"""
    event_bridge.publish(
        {
            "source": "aws.securityhub",
            "detail-type": "Security Hub Findings - Imported",
            "resources": [f"{finding['ProductArn']}/{finding['Id']}"],
            "detail": {"findings": [copy.deepcopy(finding)]},
        }
    )


def _custom_action(asked: Mapping[str, Any]) -> str:
    """A person sends findings to a custom action; `action` is its name or id. Returns the event's id."""
    arn = next((a for a, t in _targets.items() if asked["action"] in (t["Name"], a.rsplit("/", 1)[-1])), None)
    if arn is None:
        raise control.Refused(f"there is no action target {asked['action']!r}")
    chosen = [finding for finding in _findings.values() if finding["Id"] in asked["finding_ids"]]
    if len(chosen) != len(asked["finding_ids"]):
        missing = set(asked["finding_ids"]) - {finding["Id"] for finding in chosen}
        raise control.Refused(
            f"there is not exactly one finding for each id: {', '.join(sorted(missing)) or 'several'}"
        )
    return event_bridge.publish(
        {
            "source": "aws.securityhub",
            "detail-type": "Security Hub Findings - Custom Action",
            "resources": [arn],
            "detail": {
                "actionName": _targets[arn]["Name"],
                "actionDescription": _targets[arn]["Description"],
                "findings": copy.deepcopy(chosen),
            },
        }
    )


# -- requests ---------------------------------------------------------------------------------------------------

_OPERATIONS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "EnableSecurityHub": _enable,
    "DisableSecurityHub": _disable,
    "DescribeHub": lambda asked: dict(_hub()),
    "CreateActionTarget": _create_target,
    "DescribeActionTargets": _describe_targets,
    "UpdateActionTarget": _update_target,
    "DeleteActionTarget": _delete_target,
    "BatchImportFindings": _import,
    "BatchUpdateFindings": _update,
    "GetFindings": _get,
}


async def _handle(
    method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, list[str]]
) -> Response:
    try:
        document = _answer(method, path, body, query_params)
    except _Refused as refused:
        error = json.dumps({"Code": refused.code, "Message": str(refused)}).encode()
        return refused.status, {"Content-Type": "application/json", "x-amzn-ErrorType": refused.code}, error
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()


def _answer(method: str, path: str, body: bytes, query_params: Mapping[str, list[str]]) -> dict[str, Any]:
    found = shapes.route("securityhub", method, path)
    if not found or found[0] not in _OPERATIONS:
        raise _Refused("UnknownOperationException", f"{found[0] if found else path} is not emulated", 501)
    operation, variables = found
    asked = {**json.loads(body or b"{}"), **variables, **{name: values[0] for name, values in query_params.items()}}
    _check_permission(operation, asked)
    if problems := shapes.problems("securityhub", operation, asked):
        raise _Refused("InvalidInputException", "; ".join(problems))
    with _lock:
        return _OPERATIONS[operation](asked)


def _check_permission(operation: str, asked: Mapping[str, Any]) -> None:
    """Roles need the permission on the hub, and for an import on the product.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecurityhub.html
    """
    current = journal.running.get()
    role = journal.role_of(current.principal) if current else ""
    resources = sorted({finding["ProductArn"] for finding in asked.get("Findings", [])}) or [_hub_arn()]
    for resource in resources if role else []:
        role_arn = f"arn:aws:iam::{responses.get_account_id()}:role/{role}"
        if not iam.role_may(role_arn, f"securityhub:{operation}", resource):
            text = f"is not authorized to perform: securityhub:{operation} on resource: {resource}"
            raise _Refused("AccessDeniedException", f"Role {role} {text}", 403)


def state() -> dict[str, Any]:
    """What a restart must bring back, as JSON."""
    return {"hubs": _hubs, "targets": _targets, "findings": _findings}


def restore(saved: Mapping[str, Any]) -> None:
    """Take over what `state()` gave."""
    _hubs.update(saved["hubs"])
    _targets.update(saved["targets"])
    _findings.update(saved["findings"])


def install() -> None:
    """Serve Security Hub beside ministack's services."""
    if "securityhub" in app.SERVICE_HANDLERS:
        raise PatchError("ministack has a Security Hub of its own by now: compare it with this one")
    app.SERVICE_HANDLERS["securityhub"] = _handle
    control.register("custom_action", _custom_action)
    control.register("forget_findings", lambda _: _findings.clear())
