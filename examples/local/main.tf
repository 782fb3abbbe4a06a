# The module on a local AWS, as `make demo` applies it: all four feeds, what is older than the installation told too, otherwise
# the module's defaults.

provider "aws" {
  region     = var.region
  access_key = var.account_id # a local AWS takes the account from it
  secret_key = "local"

  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  max_retries                 = 3 # the provider's 25 would hang for minutes on an error

  endpoints {
    cloudwatch     = var.endpoint
    dynamodb       = var.endpoint
    events         = var.endpoint
    iam            = var.endpoint
    lambda         = var.endpoint
    logs           = var.endpoint
    scheduler      = var.endpoint
    secretsmanager = var.endpoint
    sesv2          = var.endpoint
    sfn            = var.endpoint
    sns            = var.endpoint
    sqs            = var.endpoint
    sts            = var.endpoint
  }
}

module "tocsin" {
  source = "../.."

  # A null takes the module's default.
  name                  = var.name
  mode                  = var.mode
  backlog               = var.backlog
  samples               = var.samples
  minimum_severity      = var.minimum_severity
  dedupe_days           = var.dedupe_days
  products              = var.products
  account_ids           = var.account_ids
  account_groups        = var.account_groups
  feeds                 = local.feeds
  channels              = local.channels
  routes                = var.routes
  template_overrides    = var.template_overrides
  ses_identities        = local.ses_identities
  ses_configuration_set = var.ses_configuration_set
  alarm_emails          = var.alarm_emails
  log_retention_days    = var.log_retention_days
  tags                  = var.tags
  runtime               = var.runtime
  role_path             = var.role_path
  deletion_protection   = var.deletion_protection
}

locals {
  default_channels = {
    soc_mail  = { email = { from = "tocsin@example.com", to = ["soc@example.com"] } }
    soc_slack = { slack = { webhook_secret_arn = aws_secretsmanager_secret.slack.arn, allowed_hosts = ["127.0.0.1"] } }
    audit     = { sns = { emails = ["audit@example.com"] } }
  }

  # Not coalesce: the two have different types.
  asked_channels = [for channels in [var.channels, local.default_channels] : channels if channels != null][0]

  # What only an estate has is replaced, so that settings can be tried as they are: the webhook of every slack channel by the
  # one below, topics by topics of Tocsin's own, event buses by the default one. What is misspelt stays, for the module to refuse.
  replaced = {
    email = { identity_arn = null, configuration_set = null }
    sns   = { topic_arn = null, emails = [] }
    slack = { webhook_secret_arn = aws_secretsmanager_secret.slack.arn, allowed_hosts = ["127.0.0.1"] }
  }
  channels = { for name, channel in local.asked_channels : name => merge(channel, {
    for kind, values in merge({}, channel) : kind => merge(values, local.replaced[kind])
    if values != null && contains(keys(local.replaced), kind) && !(kind == "sns" && try(values.emails, null) != null)
  }) }
  feeds = { for name, feed in var.feeds : name => try({ for key in keys(feed) : key => "default" }, null) }

  # Every domain that a channel sends from: here nobody has verified one before.
  ses_identities = toset([for channel in local.channels : split("@", channel.email.from)[1] if can(split("@", channel.email.from)[1])])
}

# The webhook of the channel soc_slack. The value is put in afterwards, so that it is in no state.
resource "aws_secretsmanager_secret" "slack" {
  name                    = "${coalesce(var.name, "tocsin")}-slack"
  description             = "Incoming webhook of the channel soc_slack."
  recovery_window_in_days = 0
}
