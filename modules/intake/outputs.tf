output "queue" {
  description = "The queue of events: `name`, `url` and `arn`."
  value = {
    name = aws_sqs_queue.intake.name
    url  = aws_sqs_queue.intake.url
    arn  = aws_sqs_queue.intake.arn
  }
}

output "dead_letter_queue" {
  description = "The queue of events that could not be handled: `name`, `url` and `arn`."
  value = {
    name = aws_sqs_queue.dead_letters.name
    url  = aws_sqs_queue.dead_letters.url
    arn  = aws_sqs_queue.dead_letters.arn
  }
}

output "event_patterns" {
  description = "The event pattern of each rule, as JSON."
  value       = { for name, rule in local.rules : name => rule.pattern }
}

output "event_rule_arns" {
  description = "ARN of each EventBridge rule."
  value       = { for name, rule in aws_cloudwatch_event_rule.this : name => rule.arn }
}
