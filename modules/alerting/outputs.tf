locals {
  functions = { triage = module.triage, tell = module.tell, settle = module.settle, sweep = module.sweep }
}

output "ledger_table" {
  description = "The ledger: `name` and `arn`."
  value = {
    name = aws_dynamodb_table.ledger.name
    arn  = aws_dynamodb_table.ledger.arn
  }
}

output "settings_table" {
  description = "The table of settings: `name` and `arn`."
  value = {
    name = aws_dynamodb_table.settings.name
    arn  = aws_dynamodb_table.settings.arn
  }
}

output "settings" {
  description = "The settings as the functions read them, as JSON."
  value       = local.settings
}

output "state_machine" {
  description = "The alert machine: `name`, `arn` and its rendered `definition`."
  value = {
    name       = aws_sfn_state_machine.alert.name
    arn        = aws_sfn_state_machine.alert.arn
    definition = local.definition
  }
}

output "functions" {
  description = "The functions: `arn`, `name`, `role_arn`, `log_group_name`, `policy` and `environment` of each."
  value       = local.functions
}

output "role_arns" {
  description = "ARN of each role: of the functions, of the alert machine and of the schedule."
  value = merge({ for name, function in local.functions : name => function.role_arn }, {
    alert    = aws_iam_role.machine.arn
    schedule = aws_iam_role.schedule.arn
  })
}

output "role_policies" {
  description = "What each of these roles may do, as JSON."
  value = merge({ for name, function in local.functions : name => function.policy }, {
    alert    = aws_iam_role_policy.machine.policy
    schedule = aws_iam_role_policy.schedule.policy
  })
}

output "log_group_names" {
  description = "Name of each log group: of the functions and of the alert machine."
  value = merge({ for name, function in local.functions : name => function.log_group_name }, {
    alert = aws_cloudwatch_log_group.machine.name
  })
}

output "installed_at" {
  description = "When the installation was made (RFC 3339): what is older is backlog."
  value       = terraform_data.installed_at.output
}

output "triage_timeout_seconds" {
  description = "Seconds after which a call of triage ends: the queue's visibility follows from it."
  value       = local.triage_timeout_seconds
}
