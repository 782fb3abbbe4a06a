# What the policy of the key in kms_key_arn must hold. Nothing here depends on that key or on a resource, so that a key with
# this policy may be made in the same plan.

locals {
  # The module's own alarm topic; a topic of yours has a key and a policy of its own.
  alarm_topic_arn = "arn:${data.aws_partition.current.partition}:sns:${local.region}:${data.aws_caller_identity.current.account_id}:${var.name}-alarms"

  logs_arn = "arn:${data.aws_partition.current.partition}:logs:${local.region}:${data.aws_caller_identity.current.account_id}"

  kms_key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Who administers the account's IAM administers the key, so nobody can lock it; it also lets who applies this module
        # make encrypted tables, functions and machines.
        # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = ["kms:*"]
        Resource  = ["*"]
      },
      {
        # For a key whose policy leaves the statement above out. By condition: a role that is not there yet is no principal.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
        Sid       = "Roles"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = ["*"]
        Condition = { ArnLike = { "aws:PrincipalArn" = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role${var.role_path}${var.name}-*-${local.region}"] } }
      },
      {
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        Sid       = "LogGroups"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.${data.aws_partition.current.dns_suffix}" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = ["*"]
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = ["${local.logs_arn}:log-group:/aws/lambda/${var.name}-*", "${local.logs_arn}:log-group:/aws/vendedlogs/states/${var.name}-*"] } }
      },
      {
        # The machine encrypts its log lines under this context.
        # https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
        Sid       = "LogDelivery"
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = ["kms:Decrypt"]
        Resource  = ["*"]
        Condition = { StringLike = { "kms:EncryptionContext:SourceArn" = ["${local.logs_arn}:*"] } }
      },
      {
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = ["*"]
        Condition = { StringEquals = { "aws:SourceAccount" = [data.aws_caller_identity.current.account_id] } }
      },
      {
        # EventBridge sends SNS neither its account nor its rule, so only the topic can be asked for.
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
        Sid       = "FailureReports"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = ["*"]
        Condition = { StringEquals = { "kms:EncryptionContext:aws:sns:topicArn" = [local.alarm_topic_arn] } }
      },
    ]
  })
}
