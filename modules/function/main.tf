locals {
  name = "${var.config.name}-${var.name}"
}

resource "aws_lambda_function" "this" {
  function_name    = local.name
  description      = var.description
  role             = aws_iam_role.this.arn
  runtime          = var.package.runtime
  handler          = "tocsin.handlers.${var.name}.handler"
  filename         = var.package.filename
  source_code_hash = var.package.source_code_hash
  layers           = var.package.layer_arns
  memory_size      = var.memory_mb
  timeout          = var.timeout_seconds
  tags             = var.config.tags

  environment {
    variables = merge(var.environment, {
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Tocsin"
      POWERTOOLS_SERVICE_NAME      = var.name
      TOCSIN_NAME                  = var.config.name
    })
  }

  # The log group comes first, or Lambda makes one that keeps logs forever; the statements come first, or the first calls fail.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.name}"
  retention_in_days = var.config.log_retention_days
  tags              = var.config.tags
}

resource "aws_iam_role" "this" {
  name        = "${local.name}-${var.config.region}"
  description = "What the function ${local.name} may do."
  tags        = var.config.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "statements"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for statement in concat(var.statements, [{
        actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
      }]) : { Effect = "Allow", Action = statement.actions, Resource = statement.resources }
    ]
  })
}
