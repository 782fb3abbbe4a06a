locals {
  name = "${var.config.name}-${var.name}"
  arn  = "arn:${var.config.partition}:lambda:${var.config.region}:${var.config.account_id}:function:${local.name}"
}

resource "aws_lambda_function" "this" {
  function_name           = local.name
  description             = var.description
  role                    = aws_iam_role.this.arn
  runtime                 = var.package.runtime
  handler                 = "tocsin.handlers.${var.name}.handler"
  filename                = var.package.filename
  source_code_hash        = var.package.source_code_hash
  s3_bucket               = var.package.s3_bucket
  s3_key                  = var.package.s3_key
  s3_object_version       = var.package.s3_object_version
  code_signing_config_arn = var.package.code_signing_config_arn
  layers                  = var.package.layer_arns
  memory_size             = var.memory_mb
  timeout                 = var.timeout_seconds
  kms_key_arn             = var.config.kms_key_arn
  tags                    = var.config.tags

  environment {
    variables = merge(var.environment, {
      POWERTOOLS_LOG_LEVEL = "INFO"
      TOCSIN_NAME          = var.config.name
    })
  }

  dynamic "vpc_config" {
    for_each = length(var.config.vpc_subnet_ids) > 0 ? ["vpc"] : []

    content {
      subnet_ids         = var.config.vpc_subnet_ids
      security_group_ids = var.config.vpc_security_group_ids
    }
  }

  # The log group comes first, or Lambda makes one that keeps logs forever; the statements come first, or the first calls fail.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.name}"
  retention_in_days = var.config.log_retention_days
  kms_key_id        = var.config.kms_key_arn
  tags              = var.config.tags
}

resource "aws_iam_role" "this" {
  name                 = "${local.name}-${var.config.region}"
  path                 = var.config.role_path
  permissions_boundary = var.config.permissions_boundary_arn
  description          = "What the function ${local.name} may do."
  tags                 = var.config.tags

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

  # Lambda decrypts the environment as the function's role.
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
  read_environment = [
    for key_arn in compact([var.config.kms_key_arn]) :
    { actions = ["kms:Decrypt"], resources = [key_arn], conditions = { StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = [local.arn] } } }
  ]

  # Lambda makes and removes the network interfaces as the function's role, on whatever resource; the code itself may not.
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
  network_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]
  connect = [
    for effect, condition in { Allow = {}, Deny = { ArnEquals = { "lambda:SourceFunctionArn" = [local.arn] } } } :
    { Effect = effect, Action = local.network_actions, Resource = ["*"], Condition = condition } if length(var.config.vpc_subnet_ids) > 0
  ]

  statements = concat([
    for statement in concat(var.statements, [local.write_log], local.read_environment) :
    { Effect = "Allow", Action = statement.actions, Resource = statement.resources, Condition = statement.conditions }
  ], local.connect)
}
