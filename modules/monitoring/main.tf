# Who hears when Tocsin itself is in trouble: one topic, alarms on it, and the executions that ended badly.

locals {
  topic_name = "${var.config.name}-alarms"
  own_topic  = var.alarm_topic == null

  # Composed, because the topic's policy names it.
  topic_arn = local.own_topic ? "arn:${var.config.partition}:sns:${var.config.region}:${var.config.account_id}:${local.topic_name}" : var.alarm_topic.arn
}

# Encrypted with the estate's key or not at all: CloudWatch and EventBridge cannot publish to a topic with the AWS managed
# key, since nobody can let them use that one. What it carries are names and counts, no findings.
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
resource "aws_sns_topic" "alarms" {
  count = local.own_topic ? 1 : 0

  name              = local.topic_name
  display_name      = "${var.config.name} alarms"
  kms_master_key_id = var.config.kms_key_arn
  tags              = var.config.tags

  # No condition for EventBridge: in a topic's policy it meets none (the guide's "Amazon SNS permissions").
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "sns:Publish"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Resource  = local.topic_arn
        Condition = { StringEquals = { "aws:SourceAccount" = var.config.account_id } }
      },
      {
        Effect    = "Allow"
        Action    = "sns:Publish"
        Principal = { Service = "events.amazonaws.com" }
        Resource  = local.topic_arn
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(local.own_topic ? var.alarm_emails : [])

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  minute = 60

  alarms = {
    dead-letters = {
      description = "Events could not be handled. Read them in the dead-letter queue ${var.dead_letter_queue_name}, each with its reason; mend the cause and redrive them within 14 days, to the custom destination ${var.queue_name}: those from EventBridge and triage have no source queue."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = var.dead_letter_queue_name }
    }
    intake-age = {
      description = "Events wait in ${var.queue_name} for more than 15 minutes: triage fails or cannot keep up. Look at its log."
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = var.queue_name }
      threshold   = 900
    }
    alerts-failed = {
      description = "Executions of the alert machine failed. The sweeper tries again; look at the execution's error."
      namespace   = "AWS/States"
      metric      = "ExecutionsFailed"
      statistic   = "Sum"
      dimensions  = { StateMachineArn = var.state_machine_arn }
    }
    alerts-timed-out = {
      description = "Executions of the alert machine timed out. The sweeper tries again; look at where the execution stood."
      namespace   = "AWS/States"
      metric      = "ExecutionsTimedOut"
      statistic   = "Sum"
      dimensions  = { StateMachineArn = var.state_machine_arn }
    }
    alerts-aborted = {
      description = "Executions of the alert machine were aborted by somebody. The sweeper tries again."
      namespace   = "AWS/States"
      metric      = "ExecutionsAborted"
      statistic   = "Sum"
      dimensions  = { StateMachineArn = var.state_machine_arn }
    }
    # Written by each sweep. Silence for five minutes means that nobody sweeps, which is as bad.
    outbox-age = {
      description    = "An alert waits for more than 15 minutes to be told everywhere, or the sweeper does not run. Look at the log of ${var.sweep_function_name}."
      namespace      = "Tocsin"
      metric         = "OutboxAgeSeconds"
      dimensions     = { name = var.config.name }
      threshold      = 900
      period_seconds = 5 * local.minute
      missing        = "breaching"
    }
    no-route = {
      description = "A finding met no route, so nobody heard of it. Its decision is in the log of triage; let the last route take everything."
      namespace   = "Tocsin"
      metric      = "NoRoute"
      statistic   = "Sum"
      dimensions  = { name = var.config.name }
    }
    dead-channels = {
      description = "A channel was given up for an alert after 72 hours or 20 tries. The report that went before says why."
      namespace   = "Tocsin"
      metric      = "DeadChannels"
      statistic   = "Sum"
      dimensions  = { name = var.config.name }
    }
    template-failed = {
      description = "A template of template_overrides failed, and the message was told in Tocsin's own words. The message and the log of tell name the template and the reason; tocsin render shows it before it is applied."
      namespace   = "Tocsin"
      metric      = "TemplateFailed"
      statistic   = "Sum"
      dimensions  = { name = var.config.name }
    }
    # One failed sweep is made good by the next.
    sweep-errors = {
      description = "Three sweeps of five failed. Look at the log of ${var.sweep_function_name}."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      statistic   = "Sum"
      dimensions  = { FunctionName = var.sweep_function_name }
      datapoints  = 3
      periods     = 5
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.config.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = try(each.value.statistic, "Maximum")
  comparison_operator = "GreaterThanThreshold"
  threshold           = try(each.value.threshold, 0)
  period              = try(each.value.period_seconds, local.minute)
  evaluation_periods  = try(each.value.periods, 1)
  datapoints_to_alarm = try(each.value.datapoints, 1)
  treat_missing_data  = try(each.value.missing, "notBreaching")
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]
  tags                = var.config.tags
}

# The alarm counts; this names the execution. A machine that times out runs no state of its own any more, so it comes from outside.
resource "aws_cloudwatch_event_rule" "bad_endings" {
  name        = "${var.config.name}-bad-endings"
  description = "Executions of ${var.config.name}'s state machines that failed, timed out or were aborted."
  tags        = var.config.tags

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      status          = ["FAILED", "TIMED_OUT", "ABORTED"]
      stateMachineArn = [var.state_machine_arn]
    }
  })
}

resource "aws_cloudwatch_event_target" "bad_endings" {
  rule = aws_cloudwatch_event_rule.bad_endings.name
  arn  = local.topic_arn

  input_transformer {
    input_paths = {
      name   = "$.detail.name"
      status = "$.detail.status"
      arn    = "$.detail.executionArn"
    }
    input_template = "\"${var.config.name}: the execution <name> ended <status>. The sweeper tries again. <arn>\""
  }

  depends_on = [aws_sns_topic.alarms]
}
