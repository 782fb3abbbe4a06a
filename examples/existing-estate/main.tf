# An estate that has everything already: the platform team's boundary, role path, KMS key, subnets and scanned, signed copies of
# the two zips; the mail team's SES identity; topics and a secret of the security team's own. Nothing is looked up: the ARNs stand
# in `locals`. The key's policy must hold what the output `kms_key_policy` says, the topics' policies what the variables'
# descriptions say.

provider "aws" {
  region = "eu-west-1"
}

locals {
  tags         = { team = "security", cost-center = "4711" }
  boundary     = "arn:aws:iam::111122223333:policy/platform/boundary"
  key          = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  subnets      = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  groups       = ["sg-0123456789abcdef0"]
  code_signing = "arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-0123456789abcdef0"
  identity     = "arn:aws:ses:eu-west-1:111122223333:identity/example.com"
  audit_topic  = "arn:aws:sns:eu-west-1:444455556666:security-audit"
  alarm_topic  = "arn:aws:sns:eu-west-1:111122223333:platform-alarms"
  slack_secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:soc-webhook-AbCdEf"
  pci_accounts = ["111122223333", "444455556666"]
}

module "tocsin" {
  source = "../.." # elsewhere: git::ssh://git.example.com/security/terraform-aws-tocsin.git?ref=v0.1.0

  name = "sec-tocsin"
  tags = local.tags

  feeds          = { security_hub = {}, guardduty = { event_bus_name = "security-central" } }
  account_groups = { pci = local.pci_accounts }
  channels = {
    soc   = { slack = { webhook_secret_arn = local.slack_secret } }
    pay   = { email = { from = "tocsin@example.com", to = ["pay@example.com"], identity_arn = local.identity, configuration_set = "platform" } }
    audit = { sns = { topic_arn = local.audit_topic } }
  }
  routes = [
    { to = ["audit"], continue = true },
    { to = ["pay"], match = { account_ids = ["@pci"] } },
    { to = ["soc"] },
  ]
  alarm_topic = { arn = local.alarm_topic }

  log_retention_days       = 365
  role_path                = "/platform/security/"
  permissions_boundary_arn = local.boundary
  kms_key_arn              = local.key
  vpc_subnet_ids           = local.subnets
  vpc_security_group_ids   = local.groups
  deletion_protection      = true
  lambda_package = {
    s3_bucket               = "platform-artefacts-eu-west-1"
    code                    = { s3_key = "signed/tocsin-0.1.0.zip", s3_object_version = "3HL4kqtJvjVBH40Nrjfkd" }
    dependencies            = { s3_key = "signed/tocsin-dependencies-0.1.0.zip", s3_object_version = "L4kqtJlcpXroDTDmpUMLUo" }
    code_signing_config_arn = local.code_signing
  }
}
