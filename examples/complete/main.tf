# Every important input at once. The example makes what the module needs around it, all in one plan: a KMS key with the policy
# that the module asks for, a VPC with a NAT gateway, a topic, and the secret of a Slack webhook, to be filled in afterwards:
#   aws secretsmanager put-secret-value --secret-id tocsin-slack --secret-string https://hooks.slack.com/services/...
# SES mails from example.com once its DNS has the records of the output `ses_dkim_tokens`.

provider "aws" {
  region = "eu-west-1"
}

locals {
  tags = { team = "security", service = "tocsin" }
}

module "tocsin" {
  source = "../.." # elsewhere: git::ssh://git.example.com/security/terraform-aws-tocsin.git?ref=v0.1.0

  name = "tocsin"
  tags = local.tags

  # What is told
  mode             = "alert"  # observe: decide and record, tell nobody
  backlog          = "silent" # findings older than the installation
  samples          = "mark"
  minimum_severity = "HIGH"
  dedupe_days      = { CRITICAL = 0.5 }
  products         = ["Security Hub", "GuardDuty", "Inspector", "Macie"]
  account_groups   = { pci = ["111122223333", "444455556666"] }

  # Where findings come from
  feeds = { security_hub = {}, guardduty = {} }

  # Who hears it
  channels = {
    soc   = { slack = { webhook_secret_arn = aws_secretsmanager_secret.slack.arn } }
    pay   = { email = { from = "tocsin@example.com", to = ["pay@example.com", "soc@example.com"] } }
    desk  = { sns = { emails = ["desk@example.com"] } }
    audit = { sns = { topic_arn = aws_sns_topic.audit.arn } }
  }
  routes = [
    { to = ["audit"], continue = true },
    { to = ["pay"], match = { account_ids = ["@pci"], severities = ["CRITICAL", "HIGH"] }, except = { products = ["Inspector"] } },
    { to = ["desk"], match = { products = ["Inspector"], "tag:team" = ["workplace"] } },
    { to = ["soc"] },
  ]
  ses_identities        = ["example.com"]
  ses_configuration_set = true

  # Who hears that Tocsin itself is in trouble
  alarm_emails = ["operations@example.com"]

  # How it runs, and how it fits the estate
  runtime                  = "python3.13"
  log_retention_days       = 365
  role_path                = "/tocsin/"
  permissions_boundary_arn = aws_iam_policy.boundary.arn
  kms_key_arn              = aws_kms_key.tocsin.arn
  vpc_subnet_ids           = aws_subnet.private[*].id
  vpc_security_group_ids   = [aws_security_group.tocsin.id]
  deletion_protection      = true # set to false and apply, before destroying
}

resource "aws_kms_key" "tocsin" {
  description         = "Encrypts what Tocsin keeps, logs and publishes."
  enable_key_rotation = true
  policy              = module.tocsin.kms_key_policy
  tags                = local.tags
}

resource "aws_secretsmanager_secret" "slack" {
  name        = "tocsin-slack"
  description = "Incoming webhook of the channel soc."
  kms_key_id  = aws_kms_key.tocsin.arn
  tags        = local.tags
}

resource "aws_sns_topic" "audit" {
  name              = "tocsin-audit"
  kms_master_key_id = aws_kms_key.tocsin.arn
  tags              = local.tags
}

# The services that the module's roles use, and nothing of IAM.
resource "aws_iam_policy" "boundary" {
  name        = "tocsin-boundary"
  description = "What the roles of Tocsin may do at most."
  tags        = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["dynamodb:*", "ec2:*NetworkInterface*", "ec2:*PrivateIpAddresses", "ec2:DescribeSubnets", "kms:*", "lambda:InvokeFunction", "logs:*", "secretsmanager:GetSecretValue", "ses:SendEmail", "sns:Publish", "sqs:*", "states:StartExecution"]
      Resource = ["*"]
    }]
  })
}
