# What tfvars become for the functions: one document, rendered in full, in an item whose key begins with its hash.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  alarm_emails = ["ops@example.com"]
}

run "defaults" {
  command = apply
  variables {
    channels = { soc = { sns = { emails = ["soc@example.com"] } } }
  }

  assert {
    condition = output.settings == jsonencode({
      name             = "tocsin"
      mode             = "alert"
      backlog          = "silent"
      samples          = "mark"
      minimum_severity = "HIGH"
      dedupe_days      = { CRITICAL = 1, HIGH = 7, MEDIUM = 15, LOW = 30, INFORMATIONAL = 30 }
      products         = []
      account_ids      = []
      templates        = {}
      channels         = { soc = { sns = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:tocsin-channel-soc" } } }
      routes           = [{ to = ["soc"], match = {}, except = {}, continue = false }]
    })
    error_message = "settings: ${output.settings}"
  }

  assert {
    condition     = keys(output.event_patterns) == ["security-hub", "security-hub-actions"]
    error_message = "The default feed is Security Hub, not ${join(", ", keys(output.event_patterns))}."
  }
}

run "everything" {
  command = apply
  variables {
    name             = "watch"
    mode             = "observe"
    backlog          = "alert"
    samples          = "silent"
    minimum_severity = "MEDIUM"
    dedupe_days      = { CRITICAL = 0.5, LOW = 0 }
    products         = ["GuardDuty"]
    account_ids      = ["444455556666"]
    account_groups   = { pci = ["444455556666", "777788889999"], lab = ["123456789012"] }
    channels = {
      pay   = { email = { from = "tocsin@example.com", to = ["pay@example.com", "lead@example.com"], identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com", configuration_set = "mail" } }
      soc   = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:soc-AbCdEf" } }
      audit = { sns = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:audit" } }
    }
    routes = [
      { to = ["audit"], continue = true },
      { to = ["pay"], match = { account_ids = ["@pci", "2222*"], "tag:team" = ["payments"] }, except = { account_ids = ["@lab"], severities = ["LOW"] } },
      { to = ["soc"] },
    ]
    template_overrides = "tests/terraform/templates/own"
  }

  assert {
    condition = output.settings == jsonencode({
      name             = "watch"
      mode             = "observe"
      backlog          = "alert"
      samples          = "silent"
      minimum_severity = "MEDIUM"
      dedupe_days      = { CRITICAL = 0.5, HIGH = 7, MEDIUM = 15, LOW = 0, INFORMATIONAL = 30 }
      products         = ["GuardDuty"]
      account_ids      = ["444455556666"]
      templates        = { "slack/alert.json.j2" = file("tests/terraform/templates/own/slack/alert.json.j2") }
      channels = {
        pay   = { email = { from = "tocsin@example.com", to = ["pay@example.com", "lead@example.com"], identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com", configuration_set = "mail" } }
        soc   = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:soc-AbCdEf", allowed_hosts = ["hooks.slack.com", "hooks.slack-gov.com"] } }
        audit = { sns = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:audit" } }
      }
      routes = [
        { to = ["audit"], match = {}, except = {}, continue = true },
        { to = ["pay"], match = { account_ids = ["444455556666", "777788889999", "2222*"], "tag:team" = ["payments"] }, except = { account_ids = ["123456789012"], severities = ["LOW"] }, continue = false },
        { to = ["soc"], match = {}, except = {}, continue = false },
      ]
    })
    error_message = "settings: ${output.settings}"
  }
}

# A null is as good as not given: so a wrapper can pass its own optional variables on.
run "nulls" {
  command = plan
  variables {
    name               = null
    mode               = null
    backlog            = null
    samples            = null
    minimum_severity   = null
    dedupe_days        = null
    products           = null
    account_ids        = null
    account_groups     = null
    feeds              = null
    routes             = null
    template_overrides = null
    log_retention_days = null
    tags               = null
    runtime            = null
    channels           = { soc = { sns = { emails = [] } } }
  }

  assert {
    condition     = jsondecode(output.settings).minimum_severity == "HIGH"
    error_message = "settings: ${output.settings}"
  }
}
