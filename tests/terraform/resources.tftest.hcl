# Names, limits, encryption, retention and alarms, part by part.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  config = {
    name                     = "tocsin"
    partition                = "aws"
    region                   = "eu-west-1"
    account_id               = "111122223333"
    tags                     = { team = "security" }
    role_path                = "/"
    permissions_boundary_arn = null
    kms_key_arn              = null
    vpc_subnet_ids           = []
    vpc_security_group_ids   = []
    log_retention_days       = 30
    deletion_protection      = false
  }

  # of modules/intake
  feeds                    = { security_hub = { event_bus_name = "default" }, guardduty = { event_bus_name = "central" } }
  minimum_severity         = "HIGH"
  products                 = []
  function_arn             = "arn:aws:lambda:eu-west-1:111122223333:function:tocsin-triage"
  function_timeout_seconds = 30

  # of modules/alerting
  package = {
    runtime                 = "python3.12"
    filename                = "lambda/dist/tocsin.zip"
    source_code_hash        = "hash"
    s3_bucket               = null
    s3_key                  = null
    s3_object_version       = null
    code_signing_config_arn = null
    layer_arns              = ["arn:aws:lambda:eu-west-1:111122223333:layer:x:1"]
  }
  queue             = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-intake" }
  dead_letter_queue = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-dead-letters", url = "https://sqs.example.com/tocsin-dead-letters" }
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

  # of modules/monitoring
  queue_name             = "tocsin-intake"
  dead_letter_queue_name = "tocsin-dead-letters"
  state_machine_arn      = "arn:aws:states:eu-west-1:111122223333:stateMachine:tocsin-alert"
  sweep_function_name    = "tocsin-sweep"
  alarm_emails           = ["ops@example.com"]
}

run "queues" {
  command = apply
  module { source = "./modules/intake" }

  assert {
    condition     = aws_sqs_queue.intake.visibility_timeout_seconds == 180 && aws_sqs_queue.intake.message_retention_seconds == 345600 && aws_sqs_queue.dead_letters.message_retention_seconds == 1209600
    error_message = "Visibility is six times the function's time-out; events are kept 4 days, dead letters 14."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.intake.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 20 }
    error_message = "redrive_policy: ${aws_sqs_queue.intake.redrive_policy}"
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.intake, aws_sqs_queue.dead_letters] : queue.sqs_managed_sse_enabled && queue.tags.team == "security"])
    error_message = "A queue without encryption or tags."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.intake.policy).Statement == [{
      Effect    = "Allow"
      Action    = "sqs:SendMessage"
      Principal = { Service = "events.amazonaws.com" }
      Resource  = "arn:aws:sqs:eu-west-1:111122223333:tocsin-intake"
      Condition = { ArnEquals = { "aws:SourceArn" = [
        "arn:aws:events:eu-west-1:111122223333:rule/central/tocsin-guardduty",
        "arn:aws:events:eu-west-1:111122223333:rule/tocsin-security-hub",
        "arn:aws:events:eu-west-1:111122223333:rule/tocsin-security-hub-actions",
      ] } }
    }]
    error_message = "Only our own rules may send: ${aws_sqs_queue.intake.policy}"
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.dead_letters.policy).Statement == [merge(jsondecode(aws_sqs_queue.intake.policy).Statement[0], { Resource = "arn:aws:sqs:eu-west-1:111122223333:tocsin-dead-letters" })]
    error_message = "EventBridge needs the permission to send dead letters: ${aws_sqs_queue.dead_letters.policy}"
  }

  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.queue : target.dead_letter_config[0].arn == aws_sqs_queue.dead_letters.arn])
    error_message = "A rule without a dead-letter queue drops what it cannot deliver."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.triage.function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.triage.batch_size == 10 && aws_lambda_event_source_mapping.triage.scaling_config[0].maximum_concurrency >= 2
    error_message = "One bad message must not fail its batch, and a storm not take all concurrency."
  }
}

run "alerting" {
  command = apply
  module { source = "./modules/alerting" }
  variables {
    alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"
    channels        = { settings = {}, statements = [] }
  }

  assert {
    condition     = aws_dynamodb_table.ledger.ttl[0] == { attribute_name = "expires_at", enabled = true } && aws_dynamodb_table.ledger.point_in_time_recovery[0].enabled && !aws_dynamodb_table.ledger.server_side_encryption[0].enabled && aws_dynamodb_table.ledger.billing_mode == "PAY_PER_REQUEST"
    error_message = "The ledger needs its TTL and recovery, and without a key of the estate one of AWS's own."
  }

  assert {
    condition     = aws_sfn_state_machine.alert.type == "STANDARD" && aws_sfn_state_machine.alert.logging_configuration[0].level == "ERROR" && !aws_sfn_state_machine.alert.logging_configuration[0].include_execution_data
    error_message = "The machine is standard, and logs errors without the data of findings."
  }

  assert {
    condition     = aws_cloudwatch_log_group.machine.name == "/aws/vendedlogs/states/tocsin-alert" && aws_cloudwatch_log_group.machine.retention_in_days == 30
    error_message = "The machine's log group: ${aws_cloudwatch_log_group.machine.name}"
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.machine.policy).Statement : statement.Action if statement.Resource != ["*"]] == [
      ["dynamodb:GetItem"], ["lambda:InvokeFunction"],
    ]
    error_message = "The alert machine: ${aws_iam_role_policy.machine.policy}"
  }

  assert {
    condition     = alltrue(flatten([for statement in jsondecode(aws_iam_role_policy.machine.policy).Statement : [for action in statement.Action : startswith(action, "logs:")] if statement.Resource == ["*"]]))
    error_message = "Only the delivery of logs has no resource: ${aws_iam_role_policy.machine.policy}"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.schedule.policy).Statement == [{ Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [output.functions["sweep"].arn] }]
    error_message = "The schedule: ${aws_iam_role_policy.schedule.policy}"
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.machine, aws_iam_role.schedule] : jsondecode(role.assume_role_policy).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" } }])
    error_message = "Another account's machine or schedule could use a role."
  }

  assert {
    condition     = aws_scheduler_schedule.sweep.schedule_expression == "rate(1 minute)" && aws_scheduler_schedule.sweep.target[0].arn == output.functions["sweep"].arn
    error_message = "The outbox is swept each minute."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.sweep.function_name == "tocsin-sweep" && aws_lambda_function_event_invoke_config.sweep.maximum_retry_attempts == 0 && aws_lambda_function_event_invoke_config.sweep.maximum_event_age_in_seconds == 60
    error_message = "A sweep that failed would run again beside the next one."
  }

  assert {
    condition     = aws_iam_role.machine.name == "tocsin-alert-eu-west-1" && aws_iam_role.schedule.name == "tocsin-schedule-eu-west-1"
    error_message = "Role names are global, so the Region is part of them: ${aws_iam_role.machine.name}, ${aws_iam_role.schedule.name}"
  }

  assert {
    condition = jsonencode({ for name, function in output.functions : name => setsubtract(keys(function.environment), ["LEDGER_TABLE", "SETTINGS_TABLE", "SETTINGS_KEY", "POWERTOOLS_LOG_LEVEL", "TOCSIN_NAME"]) }) == jsonencode({
      triage = ["ALERT_MACHINE_ARN", "DEAD_LETTER_QUEUE_URL", "INSTALLED_AT"]
      tell   = []
      settle = []
      sweep  = ["ALARM_TOPIC_ARN", "ALERT_MACHINE_ARN"]
    })
    error_message = "The environment of the functions: ${jsonencode({ for name, function in output.functions : name => keys(function.environment) })}"
  }

  assert {
    condition     = output.log_group_names == { triage = "/aws/lambda/tocsin-triage", tell = "/aws/lambda/tocsin-tell", settle = "/aws/lambda/tocsin-settle", sweep = "/aws/lambda/tocsin-sweep", alert = "/aws/vendedlogs/states/tocsin-alert" }
    error_message = "Log groups: ${jsonencode(output.log_group_names)}"
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
    alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"
    channels        = { settings = {}, statements = [] }
  }

  assert {
    condition     = jsondecode(aws_dynamodb_table_item.settings.item).pk.S != run.alerting.functions["tell"].environment.SETTINGS_KEY && startswith(jsondecode(aws_dynamodb_table_item.settings.item).pk.S, "${sha256(output.settings)}/")
    error_message = "The new item would be put over the old one, which DynamoDB refuses: ${aws_dynamodb_table_item.settings.item}"
  }
}

# What DynamoDB would refuse while it is applied is refused when it is planned.
run "settings_that_no_item_holds" {
  command = plan
  module { source = "./modules/alerting" }
  variables {
    alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"
    channels        = { settings = {}, statements = [] }
    settings        = merge(var.settings, { routes = [{ to = ["soc"], match = { titles = [join("", [for _ in range(410) : format("%01000d", 0)])] } }] })
  }
  expect_failures = [terraform_data.settings]
}

# As when the Region is known only while it is applied: the mock provider replaces nothing, but shows the name that would do it.
run "roles_of_alerting_are_kept" {
  command = apply
  module { source = "./modules/alerting" }
  variables {
    config          = merge(var.config, { region = "eu-central-1" })
    alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"
    channels        = { settings = {}, statements = [] }
  }

  assert {
    condition     = aws_iam_role.machine.name == "tocsin-alert-eu-west-1" && aws_iam_role.schedule.name == "tocsin-schedule-eu-west-1"
    error_message = "A role that is replaced is another role to who trusts it: ${aws_iam_role.machine.name}, ${aws_iam_role.schedule.name}"
  }
}

run "longest_names" {
  command = plan
  module { source = "./modules/function" }
  variables {
    config          = merge(var.config, { name = "a-name-of-20-letters", region = "ap-southeast-1" })
    name            = "schedule"
    description     = "Longer than any function's name."
    timeout_seconds = 30
    memory_mb       = 512
    environment     = {}
    statements      = []
  }

  assert {
    condition     = startswith(aws_iam_role.this.name, "a-name-of-20-letters") && length(aws_iam_role.this.name) <= 64
    error_message = "A role's name has at most 64 characters: ${aws_iam_role.this.name}"
  }
}

run "function" {
  command = apply
  module { source = "./modules/function" }
  variables {
    name            = "triage"
    description     = "Reads events."
    timeout_seconds = 30
    memory_mb       = 512
    environment     = { LEDGER_TABLE = "tocsin-ledger" }
    statements      = [{ actions = ["sqs:SendMessage"], resources = ["arn:aws:sqs:eu-west-1:111122223333:x"] }]
  }

  assert {
    condition     = aws_lambda_function.this.function_name == "tocsin-triage" && aws_lambda_function.this.handler == "tocsin.handlers.triage.handler" && aws_lambda_function.this.runtime == "python3.12" && aws_lambda_function.this.timeout == 30
    error_message = "The function is not as asked for."
  }

  # Powertools would take it for a dimension of every metric, and the alarms, which know only `name`, would never see one.
  # https://docs.aws.amazon.com/powertools/python/latest/core/metrics/
  assert {
    condition     = !contains(keys(aws_lambda_function.this.environment[0].variables), "POWERTOOLS_SERVICE_NAME")
    error_message = "POWERTOOLS_SERVICE_NAME is set: ${join(", ", keys(aws_lambda_function.this.environment[0].variables))}"
  }

  assert {
    condition     = aws_iam_role.this.name == "tocsin-triage-eu-west-1"
    error_message = "Role names are global, so the Region is part of them: ${aws_iam_role.this.name}"
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 30 && alltrue([for tags in [aws_lambda_function.this.tags, aws_cloudwatch_log_group.this.tags, aws_iam_role.this.tags] : tags.team == "security"])
    error_message = "Retention or tags are missing."
  }
}

run "statements_of_a_function_in_a_vpc" {
  command = apply
  module { source = "./modules/function" }
  variables {
    config          = merge(var.config, { vpc_subnet_ids = ["subnet-0a1b2c3d"], vpc_security_group_ids = ["sg-0a1b2c3d"] })
    name            = "triage"
    description     = "Reads events."
    timeout_seconds = 30
    memory_mb       = 512
    environment     = {}
    statements      = []
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement if startswith(statement.Action[0], "ec2:")] == [
      {
        Effect   = "Allow"
        Action   = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"]
        Resource = ["*"]
      },
      {
        Effect    = "Deny"
        Action    = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"]
        Resource  = ["*"]
        Condition = { ArnEquals = { "lambda:SourceFunctionArn" = ["arn:aws:lambda:eu-west-1:111122223333:function:tocsin-triage"] } }
      },
    ]
    error_message = "Network interfaces are for Lambda to make, not for the code: ${aws_iam_role_policy.this.policy}"
  }
}

run "role_of_a_function_is_kept" {
  command = apply
  module { source = "./modules/function" }
  variables {
    config          = merge(var.config, { region = "eu-central-1" })
    name            = "triage"
    description     = "Reads events."
    timeout_seconds = 30
    memory_mb       = 512
    environment     = {}
    statements      = [{ actions = ["sqs:SendMessage"], resources = ["*"], conditions = { Bool = { "aws:SecureTransport" = ["true"] } } }]
  }

  assert {
    condition     = aws_iam_role.this.name == "tocsin-triage-eu-west-1"
    error_message = "A new role of the same name has no grant on the function's key: ${aws_iam_role.this.name}"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[0] == { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["*"], Condition = { Bool = { "aws:SecureTransport" = ["true"] } } }
    error_message = "A condition is missing: ${aws_iam_role_policy.this.policy}"
  }
}

run "alarms" {
  command = plan
  module { source = "./modules/monitoring" }
  variables {
    alarm_topic = null
  }

  assert {
    condition     = toset(keys(output.alarm_names)) == toset(["dead-letters", "intake-age", "alerts-failed", "alerts-timed-out", "alerts-aborted", "outbox-age", "no-route", "dead-channels", "template-failed", "sweep-errors"])
    error_message = "Alarms: ${join(", ", keys(output.alarm_names))}"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([output.alarm_topic_arn]) && alarm.ok_actions == toset([output.alarm_topic_arn]) && alarm.tags.team == "security"])
    error_message = "An alarm that nobody hears."
  }

  assert {
    condition     = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.threshold if alarm.threshold > 0 } == { intake-age = 900, outbox-age = 900 }
    error_message = "The age of the outbox and of the queue are alarms after 15 minutes, everything else at once."
  }

  assert {
    condition     = [for key, alarm in aws_cloudwatch_metric_alarm.this : key if alarm.treat_missing_data == "breaching"] == ["outbox-age"]
    error_message = "A sweeper that does not run is an alarm; where nothing happens, nothing is wrong."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["outbox-age"].dimensions.name == "tocsin" && aws_cloudwatch_metric_alarm.this["outbox-age"].namespace == "Tocsin"
    error_message = "The metric is written with the installation's name."
  }

  assert {
    condition = jsondecode(aws_sns_topic.alarms[0].policy).Statement == [
      {
        Effect    = "Allow"
        Action    = "sns:Publish"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Resource  = "arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"
        Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" } }
      },
      {
        Effect    = "Allow"
        Action    = "sns:Publish"
        Principal = { Service = "events.amazonaws.com" }
        Resource  = "arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"
      },
    ]
    error_message = "Who may publish alarms, EventBridge without a condition, which it would not meet: ${aws_sns_topic.alarms[0].policy}"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_metric_alarm.this["dead-letters"].alarm_description, "custom destination tocsin-intake")
    error_message = "Letters from EventBridge and triage have no source queue to go back to: ${aws_cloudwatch_metric_alarm.this["dead-letters"].alarm_description}"
  }

  assert {
    condition     = [for subscription in aws_sns_topic_subscription.email : subscription.endpoint] == ["ops@example.com"]
    error_message = "alarm_emails are subscribed."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.bad_endings.event_pattern).detail == {
      status          = ["FAILED", "TIMED_OUT", "ABORTED"]
      stateMachineArn = ["arn:aws:states:eu-west-1:111122223333:stateMachine:tocsin-alert"]
    }
    error_message = "Bad endings: ${aws_cloudwatch_event_rule.bad_endings.event_pattern}"
  }
}

run "alarms_to_your_own_topic" {
  command = plan
  module { source = "./modules/monitoring" }
  variables {
    alarm_topic  = { arn = "arn:aws:sns:eu-west-1:444455556666:ops" }
    alarm_emails = []
  }

  assert {
    condition     = length(aws_sns_topic.alarms) == 0 && aws_cloudwatch_event_target.bad_endings.arn == "arn:aws:sns:eu-west-1:444455556666:ops" && alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:444455556666:ops"])])
    error_message = "Alarms go to the topic that was given, and none is created."
  }
}

run "channels" {
  command = plan
  module { source = "./modules/channels" }
  variables {
    channels = {
      mail  = { email = { from = "tocsin@example.com", to = ["soc@example.com"] } }
      desk  = { sns = { emails = ["a@example.com", "b@example.com", "a@example.com"] } }
      audit = { sns = { topic_arn = "arn:aws:sns:eu-west-1:444455556666:audit" } }
    }
    ses_identities        = ["example.com"]
    ses_configuration_set = true
  }

  assert {
    condition     = keys(aws_sns_topic.this) == ["desk"] && aws_sns_topic.this["desk"].name == "tocsin-channel-desk" && aws_sns_topic.this["desk"].kms_master_key_id == "alias/aws/sns"
    error_message = "A topic of its own, encrypted, where none was given."
  }

  assert {
    condition     = [for subscription in aws_sns_topic_subscription.email : subscription.endpoint] == ["a@example.com", "b@example.com"]
    error_message = "The e-mail addresses are subscribed, each once."
  }

  assert {
    condition     = keys(output.ses_dkim_tokens) == ["example.com"] && output.ses_configuration_set == "tocsin" && output.settings.mail.email.configuration_set == "tocsin"
    error_message = "Identity and configuration set were asked for: the channel that names none uses it."
  }

  assert {
    condition     = contains(output.statements[0].resources, "arn:aws:ses:eu-west-1:111122223333:configuration-set/*") && jsonencode(output.statements[0].conditions) == jsonencode({ StringEquals = { "ses:FromAddress" = ["tocsin@example.com"] } })
    error_message = "The configuration set needs its permission, and the sender is pinned: ${jsonencode(output.statements)}"
  }
}

run "channels_bring_your_own" {
  command = plan
  module { source = "./modules/channels" }
  variables {
    channels              = { mail = { email = { from = "tocsin@example.com", to = ["soc@example.com"] } } }
    ses_identities        = []
    ses_configuration_set = false
  }

  assert {
    condition     = length(aws_sesv2_email_identity.this) + length(aws_sesv2_configuration_set.this) + length(aws_sns_topic.this) == 0 && output.settings.mail.email.configuration_set == null
    error_message = "By default nothing is created for e-mail."
  }

  assert {
    condition     = jsonencode([for statement in output.statements : statement.actions]) == jsonencode([["ses:SendEmail"]])
    error_message = "Permissions for kinds of channels that are not in use: ${jsonencode(output.statements)}"
  }
}
