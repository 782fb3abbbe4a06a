output "name" {
  description = "Name of this installation."
  value       = var.name
}

output "region" {
  description = "Region that the installation is in."
  value       = local.region
}

output "ledger_table" {
  description = "The ledger, one record per problem: `name` and `arn` of the DynamoDB table."
  value       = module.alerting.ledger_table
}

output "settings_table" {
  description = "The table of settings: `name` and `arn`."
  value       = module.alerting.settings_table
}

output "settings" {
  description = "The settings as the functions read them, as JSON."
  value       = module.alerting.settings
}

output "queue" {
  description = "The queue of events: `name`, `url` and `arn`."
  value       = module.intake.queue
}

output "dead_letter_queue" {
  description = "The queue of events that could not be handled: `name`, `url` and `arn`. An alarm watches it."
  value       = module.intake.dead_letter_queue
}

output "event_patterns" {
  description = "The event pattern of each EventBridge rule, as JSON."
  value       = module.intake.event_patterns
}

output "event_rule_arns" {
  description = "ARN of each EventBridge rule."
  value       = module.intake.event_rule_arns
}

output "state_machine" {
  description = "The alert machine: `name`, `arn` and its rendered `definition`."
  value       = module.alerting.state_machine
}

output "topic_arns" {
  description = "ARN of the topic of each SNS channel."
  value       = module.channels.topic_arns
}

output "alarm_topic_arn" {
  description = "ARN of the topic that hears when Tocsin itself is in trouble."
  value       = module.monitoring.alarm_topic_arn
}

output "alarm_names" {
  description = "Name of each alarm."
  value       = module.monitoring.alarm_names
}

output "function_names" {
  description = "Name of each function: triage, tell, settle, sweep."
  value       = { for key, function in module.alerting.functions : key => function.name }
}

output "function_arns" {
  description = "ARN of each function."
  value       = { for key, function in module.alerting.functions : key => function.arn }
}

output "role_arns" {
  description = "ARN of each role: of the functions, of the alert machine and of the schedule."
  value       = module.alerting.role_arns
}

output "role_policies" {
  description = "What each role may do, as JSON: of the functions, of the alert machine and of the schedule."
  value       = module.alerting.role_policies
}

output "kms_key_policy" {
  description = "The policy that the key in `kms_key_arn` needs, as JSON: it depends on the name, the role path, the account and the Region alone, so a key made in the same plan may have it."
  value       = local.kms_key_policy
}

output "log_group_names" {
  description = "Name of each log group: of the functions and of the alert machine."
  value       = module.alerting.log_group_names
}

output "installed_at" {
  description = "When the installation was made (RFC 3339): what is older follows `backlog`."
  value       = module.alerting.installed_at
}

output "ses_dkim_tokens" {
  description = "DKIM tokens of each SES identity that was created: a domain is verified by CNAME records of TOKEN._domainkey.DOMAIN to TOKEN.dkim.amazonses.com."
  value       = module.channels.ses_dkim_tokens
}

output "ses_configuration_set" {
  description = "Name of the SES configuration set that was created, or null."
  value       = module.channels.ses_configuration_set
}
