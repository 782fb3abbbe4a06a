locals {
  definition = templatefile("${path.module}/alert.asl.json", {
    partition           = var.config.partition
    ledger_table        = aws_dynamodb_table.ledger.name
    tell_function_arn   = module.tell.arn
    settle_function_arn = module.settle.arn
  })

  # Composed, because the machine waits for the statements that name it.
  machine_name = "${var.config.name}-alert"
  machine_arn  = "arn:${var.config.partition}:states:${var.config.region}:${var.config.account_id}:stateMachine:${local.machine_name}"
}

resource "aws_sfn_state_machine" "alert" {
  name       = local.machine_name
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

  # Said also without a key of one's own: left out, the provider would not take a key away again.
  encryption_configuration {
    type                              = var.config.kms_key_arn == null ? "AWS_OWNED_KEY" : "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = var.config.kms_key_arn
    kms_data_key_reuse_period_seconds = var.config.kms_key_arn == null ? null : 900
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
  name              = "/aws/vendedlogs/states/${local.machine_name}"
  retention_in_days = var.config.log_retention_days
  kms_key_id        = var.config.kms_key_arn
  tags              = var.config.tags
}

resource "aws_iam_role" "machine" {
  name                 = "${local.machine_name}-${var.config.region}"
  path                 = var.config.role_path
  permissions_boundary = var.config.permissions_boundary_arn
  description          = "What the state machine ${local.machine_name} may do."
  tags                 = var.config.tags

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
    Statement = concat([
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
    ], local.use_key)
  })
}

# The ledger, the machine's own data, and its log on the way to the group.
# https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
locals {
  use_key = flatten([
    for key_arn in local.key_arns : [
      for statement in [
        { actions = ["kms:Decrypt"], condition = { StringLike = { "kms:ViaService" = ["dynamodb.${var.config.region}.*"] } } },
        { actions = ["kms:Decrypt", "kms:GenerateDataKey"], condition = { StringEquals = { "kms:EncryptionContext:aws:states:stateMachineArn" = [local.machine_arn] } } },
        { actions = ["kms:GenerateDataKey"], condition = { StringEquals = { "kms:EncryptionContext:SourceArn" = ["arn:${var.config.partition}:logs:${var.config.region}:${var.config.account_id}:*"] } } },
      ] : { Effect = "Allow", Action = statement.actions, Resource = [key_arn], Condition = statement.condition }
    ]
  ])
}
