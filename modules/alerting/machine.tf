locals {
  definition = templatefile("${path.module}/alert.asl.json", {
    partition           = var.config.partition
    ledger_table        = aws_dynamodb_table.ledger.name
    tell_function_arn   = module.tell.arn
    settle_function_arn = module.settle.arn
  })
}

resource "aws_sfn_state_machine" "alert" {
  name       = "${var.config.name}-alert"
  type       = "STANDARD"
  role_arn   = aws_iam_role.machine.arn
  definition = local.definition
  tags       = var.config.tags

  # Without the data of executions: findings stay out of the log.
  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.machine.arn}:*"
  }

  lifecycle {
    precondition {
      condition     = can(jsondecode(local.definition).StartAt)
      error_message = "modules/alerting/alert.asl.json is not a state machine once rendered."
    }
  }

  depends_on = [aws_iam_role_policy.machine]
}

# Under this prefix, because the resource policy that lets Step Functions write would otherwise outgrow its limit.
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
resource "aws_cloudwatch_log_group" "machine" {
  name              = "/aws/vendedlogs/states/${var.config.name}-alert"
  retention_in_days = var.config.log_retention_days
  tags              = var.config.tags
}

resource "aws_iam_role" "machine" {
  name        = "${var.config.name}-alert-${var.config.region}"
  description = "What the state machine ${var.config.name}-alert may do."
  tags        = var.config.tags

  # As in modules/function: the name is unknown when planning if the whole module has a depends_on.
  lifecycle {
    ignore_changes = [name]
  }

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.config.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "machine" {
  name = "statements"
  role = aws_iam_role.machine.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem"]
        Resource = [aws_dynamodb_table.ledger.arn]
      },
      {
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [module.tell.arn, module.settle.arn]
      },
      {
        # The delivery of logs knows no resources. https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery",
          "logs:DeleteLogDelivery",
          "logs:DescribeLogGroups",
          "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery",
          "logs:ListLogDeliveries",
          "logs:PutResourcePolicy",
          "logs:UpdateLogDelivery",
        ]
        Resource = ["*"]
      },
    ]
  })
}
