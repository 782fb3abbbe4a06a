output "alarm_topic_arn" {
  description = "ARN of the topic that hears of alarms and failures."
  value       = local.topic_arn
}

output "alarm_names" {
  description = "Name of each alarm."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.alarm_name }
}
