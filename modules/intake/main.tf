# EventBridge rules -> queue -> triage. What EventBridge cannot deliver and what triage fails on twenty times ends in the
# dead-letter queue, and so does what triage cannot read, with the reason.

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name           = "${var.config.name}-${each.key}"
  description    = "Findings for ${var.config.name}: open and severe enough, or closing."
  event_bus_name = each.value.event_bus_name
  event_pattern  = each.value.pattern
  tags           = var.config.tags

  # The functions first: when settings let more in, they must know those settings before the pattern does.
  depends_on = [var.function_arn]

  lifecycle {
    precondition {
      condition     = length(each.value.pattern) <= 2048
      error_message = "The event pattern of ${each.key} would have ${length(each.value.pattern)} characters; EventBridge takes 2,048. List fewer products, or none and name them in the match of a route."
    }
  }
}

resource "aws_cloudwatch_event_target" "queue" {
  for_each = local.rules

  rule           = aws_cloudwatch_event_rule.this[each.key].name
  event_bus_name = aws_cloudwatch_event_rule.this[each.key].event_bus_name
  arn            = aws_sqs_queue.intake.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

# Both queues use encryption managed by SQS: with a key of one's own a wrong key policy would lose the event and its dead
# letter alike. The policies are inline because a separate resource takes the provider 25 seconds more.
resource "aws_sqs_queue" "intake" {
  name                       = local.queue_names.intake
  visibility_timeout_seconds = 6 * var.function_timeout_seconds # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  message_retention_seconds  = 4 * 24 * 60 * 60
  sqs_managed_sse_enabled    = true
  policy                     = local.queue_policies.intake
  tags                       = var.config.tags

  # Twenty, because a throttled function burns receives too.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 20
  })
}

# Longer than the queue before it: a message's age counts from when it was first sent.
resource "aws_sqs_queue" "dead_letters" {
  name                      = local.queue_names.dead_letters
  message_retention_seconds = 14 * 24 * 60 * 60
  sqs_managed_sse_enabled   = true
  policy                    = local.queue_policies.dead_letters
  tags                      = var.config.tags
}

locals {
  queue_names = {
    intake       = "${var.config.name}-intake"
    dead_letters = "${var.config.name}-dead-letters"
  }

  # Composed, so that the functions, which need the queues, need not wait for the rules.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
  rule_arns = [
    for name, rule in local.rules : join("", [
      "arn:${var.config.partition}:events:${var.config.region}:${var.config.account_id}:rule/",
      rule.event_bus_name == "default" ? "" : "${rule.event_bus_name}/",
      "${var.config.name}-${name}",
    ])
  ]

  queue_policies = {
    for key, name in local.queue_names : key => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sqs:SendMessage"
        Principal = { Service = "events.amazonaws.com" }
        Resource  = "arn:${var.config.partition}:sqs:${var.config.region}:${var.config.account_id}:${name}"
        Condition = { ArnEquals = { "aws:SourceArn" = sort(local.rule_arns) } }
      }]
    })
  }
}

# Tags only in the partition that takes them: China refuses them, GovCloud shows a change in every plan
# (https://github.com/aws/aws-cdk/issues/31532, https://github.com/hashicorp/terraform-provider-aws/issues/40755). The maximum
# concurrency keeps a storm of findings from taking the account's whole concurrency; reserving it on the function instead
# would send good messages to the dead-letter queue.
resource "aws_lambda_event_source_mapping" "triage" {
  event_source_arn        = aws_sqs_queue.intake.arn
  function_name           = var.function_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.config.partition == "aws" ? var.config.tags : null

  scaling_config {
    maximum_concurrency = 10
  }
}
