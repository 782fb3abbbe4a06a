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

run "item" {
  command = apply
  module { source = "./modules/alerting" }
  variables {
    config = {
      name                     = "tocsin"
      partition                = "aws"
      region                   = "eu-west-1"
      account_id               = "111122223333"
      tags                     = {}
      role_path                = "/"
      permissions_boundary_arn = null
      kms_key_arn              = null
      vpc_subnet_ids           = []
      vpc_security_group_ids   = []
      log_retention_days       = 90
      deletion_protection      = false
    }
    package = {
      runtime                 = "python3.13"
      filename                = "lambda/dist/tocsin.zip"
      source_code_hash        = "hash"
      s3_bucket               = null
      s3_key                  = null
      s3_object_version       = null
      code_signing_config_arn = null
      layer_arns              = []
    }
    queue             = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-intake" }
    dead_letter_queue = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-dead-letters", url = "https://sqs.example.com/tocsin-dead-letters" }
    alarm_topic_arn   = "arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"
    channels          = { settings = {}, statements = [] }
    settings = {
      mode             = "alert"
      backlog          = "silent"
      samples          = "mark"
      minimum_severity = "HIGH"
      dedupe_days      = {}
      products         = []
      account_ids      = []
      account_groups   = {}
      routes           = []
    }
  }

  assert {
    condition     = jsondecode(aws_dynamodb_table_item.settings.item) == { pk = { S = "${sha256(output.settings)}/${terraform_data.settings.id}" }, document = { S = output.settings } }
    error_message = "The item is not the document under its hash: ${aws_dynamodb_table_item.settings.item}"
  }

  assert {
    condition     = alltrue([for function in values(output.functions) : function.environment.SETTINGS_KEY == jsondecode(aws_dynamodb_table_item.settings.item).pk.S])
    error_message = "A function names other settings than those that were written."
  }

  assert {
    condition     = jsondecode(output.settings).routes == []
    error_message = "Without a channel there is no route, so that findings become an alarm: ${output.settings}"
  }

  assert {
    condition     = can(formatdate("YYYY", output.installed_at)) && output.functions["triage"].environment.INSTALLED_AT == output.installed_at
    error_message = "triage needs to know when the installation was made."
  }

  assert {
    condition     = jsondecode(output.state_machine.definition).StartAt != ""
    error_message = "The rendered machine: ${output.state_machine.definition}"
  }
}

# As when the settings are known only while they are applied: replaced, though they are the same.
run "item_replaced_under_the_same_hash" {
  command = apply
  module { source = "./modules/alerting" }
  plan_options {
    replace = [terraform_data.settings]
  }
  variables {
    config = {
      name                     = "tocsin"
      partition                = "aws"
      region                   = "eu-west-1"
      account_id               = "111122223333"
      tags                     = {}
      role_path                = "/"
      permissions_boundary_arn = null
      kms_key_arn              = null
      vpc_subnet_ids           = []
      vpc_security_group_ids   = []
      log_retention_days       = 90
      deletion_protection      = false
    }
    package = {
      runtime                 = "python3.13"
      filename                = "lambda/dist/tocsin.zip"
      source_code_hash        = "hash"
      s3_bucket               = null
      s3_key                  = null
      s3_object_version       = null
      code_signing_config_arn = null
      layer_arns              = []
    }
    queue             = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-intake" }
    dead_letter_queue = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-dead-letters", url = "https://sqs.example.com/tocsin-dead-letters" }
    alarm_topic_arn   = "arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"
    channels          = { settings = {}, statements = [] }
    settings = {
      mode             = "alert"
      backlog          = "silent"
      samples          = "mark"
      minimum_severity = "HIGH"
      dedupe_days      = {}
      products         = []
      account_ids      = []
      account_groups   = {}
      routes           = []
    }
  }

  assert {
    condition     = jsondecode(aws_dynamodb_table_item.settings.item).pk.S != run.item.functions["tell"].environment.SETTINGS_KEY && startswith(jsondecode(aws_dynamodb_table_item.settings.item).pk.S, "${sha256(output.settings)}/")
    error_message = "The new item would be put over the old one, which DynamoDB refuses: ${aws_dynamodb_table_item.settings.item}"
  }
}

# What DynamoDB would refuse while it is applied is refused when it is planned.
run "settings_that_no_item_holds" {
  command = plan
  module { source = "./modules/alerting" }
  variables {
    config = {
      name                     = "tocsin"
      partition                = "aws"
      region                   = "eu-west-1"
      account_id               = "111122223333"
      tags                     = {}
      role_path                = "/"
      permissions_boundary_arn = null
      kms_key_arn              = null
      vpc_subnet_ids           = []
      vpc_security_group_ids   = []
      log_retention_days       = 90
      deletion_protection      = false
    }
    package = {
      runtime                 = "python3.13"
      filename                = "lambda/dist/tocsin.zip"
      source_code_hash        = "hash"
      s3_bucket               = null
      s3_key                  = null
      s3_object_version       = null
      code_signing_config_arn = null
      layer_arns              = []
    }
    queue             = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-intake" }
    dead_letter_queue = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-dead-letters", url = "https://sqs.example.com/tocsin-dead-letters" }
    alarm_topic_arn   = "arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"
    channels          = { settings = {}, statements = [] }
    settings = {
      mode             = "alert"
      backlog          = "silent"
      samples          = "mark"
      minimum_severity = "HIGH"
      dedupe_days      = {}
      products         = []
      account_ids      = []
      account_groups   = {}
      routes           = [{ to = ["soc"], match = { titles = [join("", [for _ in range(410) : format("%01000d", 0)])] } }]
    }
  }
  expect_failures = [terraform_data.settings]
}
