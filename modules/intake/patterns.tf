# The event patterns: what is open and severe enough, and everything that closes. Severity narrows only what is open, because
# a closing may arrive with any severity (a control that passes becomes INFORMATIONAL). A field that is missing lets the event
# in: triage decides, and sends what it cannot read to the dead-letter queue. `$or` stands inside `findings`, so that all of
# a pattern is asked of the same finding:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html

locals {
  severities = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
  rank       = index(local.severities, var.minimum_severity)
  severe     = slice(local.severities, local.rank, length(local.severities))
  missing    = { exists = false }

  # Inspector's word for what nobody has rated yet; it counts as MEDIUM.
  untriaged = [for severity in ["UNTRIAGED"] : severity if local.rank <= index(local.severities, "MEDIUM")]

  # Product names differ in case between feeds. The product is optional in ASFF: without one, triage looks at ProductArn.
  products = [
    for product in concat([for name in var.products : { equals-ignore-case = name }], [local.missing]) : product
    if length(var.products) > 0
  ]

  patterns = {
    # https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html
    # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
    security-hub = {
      feed = "security_hub"
      pattern = {
        source      = ["aws.securityhub"]
        detail-type = ["Security Hub Findings - Imported"]
        detail = {
          findings = { for key, value in {
            ProductName = local.products
            "$or" = [
              { Severity = { Label = concat(local.severe, [local.missing]) } },
              { RecordState = ["ARCHIVED"] },
              { Workflow = { Status = ["SUPPRESSED", "RESOLVED"] } },
              { Compliance = { Status = ["PASSED"] } },
            ]
          } : key => value if length(value) > 0 }
        }
      }
    }

    # A person asks, so neither severity nor product counts.
    security-hub-actions = {
      feed = "security_hub"
      pattern = {
        source      = ["aws.securityhub"]
        detail-type = ["Security Hub Findings - Custom Action"]
      }
    }

    # https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-v2-cwe-event-formats.html
    # OCSF severity_id: 0 unknown, 1 informational to 5 critical, 6 fatal, 99 other; activity_id 3 is Close; status_id 3 suppressed,
    # 4 resolved, 5 archived, 6 deleted, and optional beside its word; compliance.status_id 1 is Pass.
    # https://schema.ocsf.io/classes/detection_finding
    security-hub-v2 = {
      feed = "security_hub_v2"
      pattern = {
        source      = ["aws.securityhub"]
        detail-type = ["Findings Imported V2"]
        detail = {
          findings = { for key, value in {
            class_uid = [2002, 2003, 2004]
            metadata  = { for key, value in { product = { name = local.products } } : key => value if length(local.products) > 0 }
            "$or" = [
              { severity_id = concat(range(local.rank + 1, 7), [0, 99, local.missing]) },
              { activity_id = [3] },
              { status_id = [3, 4, 5, 6] },
              { status = ["Suppressed", "Resolved", "Archived"] },
              { compliance = { status_id = [1] } },
            ]
          } : key => value if length(value) > 0 }
        }
      }
    }

    # https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
    guardduty = {
      feed = "guardduty"
      pattern = {
        source      = ["aws.guardduty"]
        detail-type = ["GuardDuty Finding"]
        detail = {
          "$or" = [
            { severity = [{ numeric = [">=", [0, 1, 4, 7, 9][local.rank]] }, local.missing] },
            { service = { archived = [true] } },
          ]
        }
      }
    }

    # https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
    inspector = {
      feed = "inspector"
      pattern = {
        source      = ["aws.inspector2"]
        detail-type = ["Inspector2 Finding"]
        detail = {
          "$or" = [
            { severity = concat(local.severe, local.untriaged, [local.missing]) },
            { status = ["CLOSED", "SUPPRESSED"] },
          ]
        }
      }
    }
  }

  rules = {
    for name, rule in local.patterns : name => {
      event_bus_name = var.feeds[rule.feed].event_bus_name
      pattern        = jsonencode(rule.pattern)
    } if contains(keys(var.feeds), rule.feed)
  }
}
