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
      POWERTOOLS_LOG_LEVEL = "INFO"
      TOCSIN_NAME          = var.config.name
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

  # A depends_on on the whole module makes the Region, and with it the name, unknown when planning: each role would be
  # replaced. A new role of the same name is another one to Lambda's grant on its key, and the function could not start.
  # https://docs.aws.amazon.com/lambda/latest/dg/security-encryption-at-rest.html
  lifecycle {
    ignore_changes = [name]
  }

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
    Version   = "2012-10-17"
    Statement = [for statement in local.statements : { for key, value in statement : key => value if length(value) > 0 }]
  })
}

locals {
  write_log = { actions = ["logs:CreateLogStream", "logs:PutLogEvents"], resources = ["${aws_cloudwatch_log_group.this.arn}:*"], conditions = {} }

  statements = [
    for statement in concat(var.statements, [local.write_log]) :
    { Effect = "Allow", Action = statement.actions, Resource = statement.resources, Condition = statement.conditions }
  ]
}
