# What comes in over each feed.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  config = {
    name       = "tocsin"
    partition  = "aws"
    region     = "eu-west-1"
    account_id = "111122223333"
    tags       = { team = "security" }
  }
  feeds = {
    security_hub    = { event_bus_name = "default" }
    security_hub_v2 = { event_bus_name = "default" }
    guardduty       = { event_bus_name = "security-central" }
    inspector       = { event_bus_name = "default" }
  }
  minimum_severity         = "HIGH"
  products                 = []
  function_arn             = "arn:aws:lambda:eu-west-1:111122223333:function:tocsin-triage"
  function_timeout_seconds = 30
}

run "open_and_severe_or_closing" {
  command = plan
  module { source = "./modules/intake" }

  assert {
    condition = output.event_patterns["security-hub"] == jsonencode({
      source      = ["aws.securityhub"]
      detail-type = ["Security Hub Findings - Imported"]
      detail = { findings = { "$or" = [
        { Severity = { Label = ["HIGH", "CRITICAL", { exists = false }] } },
        { RecordState = ["ARCHIVED"] },
        { Workflow = { Status = ["SUPPRESSED", "RESOLVED"] } },
        { Compliance = { Status = ["PASSED"] } },
      ] } }
    })
    error_message = "ASFF: ${output.event_patterns["security-hub"]}"
  }

  assert {
    condition = output.event_patterns["security-hub-actions"] == jsonencode({
      source      = ["aws.securityhub"]
      detail-type = ["Security Hub Findings - Custom Action"]
    })
    error_message = "A custom action is narrowed: ${output.event_patterns["security-hub-actions"]}"
  }

  assert {
    condition = output.event_patterns["security-hub-v2"] == jsonencode({
      source      = ["aws.securityhub"]
      detail-type = ["Findings Imported V2"]
      detail = { findings = {
        class_uid = [2002, 2003, 2004]
        "$or" = [
          { severity_id = [4, 5, 6, 0, 99, { exists = false }] },
          { activity_id = [3] },
          { status_id = [3, 4, 5, 6] },
          { status = ["Suppressed", "Resolved", "Archived"] },
          { compliance = { status_id = [1] } },
        ]
      } }
    })
    error_message = "OCSF: ${output.event_patterns["security-hub-v2"]}"
  }

  assert {
    condition = output.event_patterns["guardduty"] == jsonencode({
      source      = ["aws.guardduty"]
      detail-type = ["GuardDuty Finding"]
      detail = { "$or" = [
        { severity = [{ numeric = [">=", 7] }, { exists = false }] },
        { service = { archived = [true] } },
      ] }
    })
    error_message = "GuardDuty: ${output.event_patterns["guardduty"]}"
  }

  assert {
    condition = output.event_patterns["inspector"] == jsonencode({
      source      = ["aws.inspector2"]
      detail-type = ["Inspector2 Finding"]
      detail = { "$or" = [
        { severity = ["HIGH", "CRITICAL", { exists = false }] },
        { status = ["CLOSED", "SUPPRESSED"] },
      ] }
    })
    error_message = "Inspector: ${output.event_patterns["inspector"]}"
  }

  assert {
    condition = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.event_bus_name } == {
      security-hub         = "default"
      security-hub-actions = "default"
      security-hub-v2      = "default"
      guardduty            = "security-central"
      inspector            = "default"
    }
    error_message = "A feed has a rule on each bus that it names."
  }

  assert {
    condition     = alltrue([for key, target in aws_cloudwatch_event_target.queue : target.event_bus_name == aws_cloudwatch_event_rule.this[key].event_bus_name])
    error_message = "A target stands on the bus of its rule."
  }
}

run "every_severity" {
  command = plan
  module { source = "./modules/intake" }
  variables {
    minimum_severity = "INFORMATIONAL"
  }

  assert {
    condition     = jsondecode(output.event_patterns["security-hub"]).detail.findings["$or"][0].Severity.Label == ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL", { exists = false }]
    error_message = "ASFF: ${output.event_patterns["security-hub"]}"
  }

  assert {
    condition     = jsondecode(output.event_patterns["security-hub-v2"]).detail.findings["$or"][0].severity_id == [1, 2, 3, 4, 5, 6, 0, 99, { exists = false }]
    error_message = "OCSF: ${output.event_patterns["security-hub-v2"]}"
  }

  assert {
    condition     = jsondecode(output.event_patterns["guardduty"]).detail["$or"][0].severity[0].numeric == [">=", 0]
    error_message = "GuardDuty: ${output.event_patterns["guardduty"]}"
  }

  assert {
    condition     = jsondecode(output.event_patterns["inspector"]).detail["$or"][0].severity == ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL", "UNTRIAGED", { exists = false }]
    error_message = "Inspector: ${output.event_patterns["inspector"]}"
  }
}

run "the_highest_severity_alone" {
  command = plan
  module { source = "./modules/intake" }
  variables {
    minimum_severity = "CRITICAL"
  }

  assert {
    condition     = jsondecode(output.event_patterns["security-hub"]).detail.findings["$or"][0].Severity.Label == ["CRITICAL", { exists = false }]
    error_message = "ASFF: ${output.event_patterns["security-hub"]}"
  }

  assert {
    condition     = jsondecode(output.event_patterns["security-hub-v2"]).detail.findings["$or"][0].severity_id == [5, 6, 0, 99, { exists = false }]
    error_message = "OCSF: ${output.event_patterns["security-hub-v2"]}"
  }

  assert {
    condition     = jsondecode(output.event_patterns["guardduty"]).detail["$or"][0].severity[0].numeric == [">=", 9]
    error_message = "GuardDuty: ${output.event_patterns["guardduty"]}"
  }
}

run "products_without_regard_to_case" {
  command = plan
  module { source = "./modules/intake" }
  variables {
    products = ["GuardDuty", "Security Hub"]
  }

  assert {
    condition     = jsondecode(output.event_patterns["security-hub"]).detail.findings.ProductName == [{ equals-ignore-case = "GuardDuty" }, { equals-ignore-case = "Security Hub" }, { exists = false }]
    error_message = "ASFF: ${output.event_patterns["security-hub"]}"
  }

  assert {
    condition     = jsondecode(output.event_patterns["security-hub-v2"]).detail.findings.metadata.product.name == [{ equals-ignore-case = "GuardDuty" }, { equals-ignore-case = "Security Hub" }, { exists = false }]
    error_message = "OCSF: ${output.event_patterns["security-hub-v2"]}"
  }

  assert {
    condition     = length(jsondecode(output.event_patterns["security-hub"]).detail.findings["$or"]) == 4
    error_message = "Products replaced the severities: ${output.event_patterns["security-hub"]}"
  }
}

run "one_feed" {
  command = plan
  module { source = "./modules/intake" }
  variables {
    feeds = { inspector = { event_bus_name = "default" } }
  }

  assert {
    condition     = keys(output.event_patterns) == ["inspector"]
    error_message = "Rules for feeds that are off: ${join(", ", keys(output.event_patterns))}"
  }
}

# The longest pattern that the variables allow without products has room to spare.
run "patterns_are_short" {
  command = plan
  module { source = "./modules/intake" }
  variables {
    minimum_severity = "INFORMATIONAL"
    products         = ["Config", "Firewall Manager", "GuardDuty", "Health", "IAM Access Analyzer", "Inspector", "IoT Device Defender", "Macie", "Route 53 Resolver DNS Firewall", "Security Hub", "Systems Manager Patch Manager"]
  }

  assert {
    condition     = alltrue([for pattern in output.event_patterns : length(pattern) < 1024])
    error_message = "A pattern with every AWS product takes more than half of what EventBridge allows."
  }
}

run "a_pattern_too_long_for_eventbridge" {
  command = plan
  module { source = "./modules/intake" }
  variables {
    products = [for i in range(50) : "A product with a rather long name, number ${i}"]
  }
  expect_failures = [aws_cloudwatch_event_rule.this]
}
