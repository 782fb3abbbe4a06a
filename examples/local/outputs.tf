output "tocsin" {
  description = "Everything that the module returns: tables, queues, topics, functions, roles."
  value       = module.tocsin
}

output "slack_secret_arn" {
  description = "ARN of the secret that takes the webhook of the channel soc_slack."
  value       = aws_secretsmanager_secret.slack.arn
}
