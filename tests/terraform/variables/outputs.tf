output "variables" {
  description = "Every variable, so that none is unused here."
  value = [
    var.name,
    var.tags,
    var.mode,
    var.backlog,
    var.samples,
    var.minimum_severity,
    var.dedupe_days,
    var.products,
    var.account_ids,
    var.account_groups,
    var.feeds,
    var.channels,
    var.routes,
    var.ses_identities,
    var.ses_configuration_set,
    var.alarm_topic_arn,
    var.alarm_emails,
    var.log_retention_days,
    var.runtime,
  ]
}
