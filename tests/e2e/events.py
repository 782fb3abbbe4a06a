"""Events for the end-to-end tests: one finding over several feeds, one control under two standards."""

from __future__ import annotations

from typing import Any

ACCOUNT = "111122223333"
REGION = "eu-west-1"
DETECTOR = f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/a1b2c3"


def asff(name: str, updated_at: str, *, label: str = "HIGH", **changes: Any) -> dict[str, Any]:
    """A GuardDuty finding as Security Hub holds it."""
    finding: dict[str, Any] = {
        "SchemaVersion": "2018-10-08",
        "Id": f"{DETECTOR}/finding/{name}",
        "ProductArn": f"arn:aws:securityhub:{REGION}::product/aws/guardduty",
        "ProductName": "GuardDuty",
        "GeneratorId": DETECTOR,
        "AwsAccountId": ACCOUNT,
        "Region": REGION,
        "CreatedAt": updated_at,
        "UpdatedAt": updated_at,
        "Types": ["TTPs/Command and Control/Backdoor:EC2-C&CActivity.B"],
        "Title": f"Instance {name} talks to a command-and-control server",
        "Description": "It opened connections to 198.51.100.23 on port 4444.",
        "Severity": {"Label": label},
        "Resources": [{"Type": "AwsEc2Instance", "Id": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-{name}"}],
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
    }
    return finding | changes


def control(standard: str, updated_at: str, *, status: str = "FAILED") -> dict[str, Any]:
    """The same control on the same bucket, as one standard reports it."""
    return asff(
        "control",
        updated_at,
        label="HIGH" if status == "FAILED" else "INFORMATIONAL",
        Id=f"arn:aws:securityhub:{REGION}:{ACCOUNT}:subscription/{standard}/S3.8/finding/1",
        ProductArn=f"arn:aws:securityhub:{REGION}::product/aws/securityhub",
        ProductName="Security Hub",
        GeneratorId="security-control/S3.8",
        Compliance={"Status": status, "SecurityControlId": "S3.8"},
        Resources=[{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::example-invoices"}],
    )


def imported(*findings: dict[str, Any], detail_type: str = "Security Hub Findings - Imported") -> dict[str, Any]:
    """What Security Hub sends for findings."""
    return _event("aws.securityhub", detail_type, {"findings": list(findings)})


def native(name: str, updated_at: str, *, severity: float = 8) -> dict[str, Any]:
    """The finding of `asff(name)` as GuardDuty sends it itself."""
    detail = {
        "schemaVersion": "2.0",
        "accountId": ACCOUNT,
        "region": REGION,
        "partition": "aws",
        "id": name,
        "arn": f"{DETECTOR}/finding/{name}",
        "type": "Backdoor:EC2/C&CActivity.B",
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": f"i-{name}"}},
        "service": {"serviceName": "guardduty", "archived": False, "count": 1},
        "severity": severity,
        "createdAt": updated_at,
        "updatedAt": updated_at,
        "title": f"Instance {name} talks to a command-and-control server",
        "description": "It opened connections to 198.51.100.23 on port 4444.",
    }
    return _event("aws.guardduty", "GuardDuty Finding", detail)


def _event(source: str, detail_type: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "region": REGION,
        "resources": [],
        "detail": detail,
    }
