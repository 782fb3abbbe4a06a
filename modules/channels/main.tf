# What the channels need: topics of our own, SES identities and a configuration set where they are asked for. Everything may
# be brought instead, and nothing here holds a secret.

locals {
  # Decided by `emails`, whose presence is known when planning; the ARN of a topic made in the same plan is not.
  own_topics = { for name, channel in var.channels : name => channel.sns.emails if try(channel.sns.emails, null) != null }

  # Composed, not read from the resources, so that the settings are known when planning.
  own_topic_arns = {
    for name in keys(local.own_topics) :
    name => "arn:${var.config.partition}:sns:${var.config.region}:${var.config.account_id}:${var.config.name}-channel-${name}"
  }

  identity_arn_prefix          = "arn:${var.config.partition}:ses:${var.config.region}:${var.config.account_id}:identity/"
  configuration_set_arn_prefix = "arn:${var.config.partition}:ses:${var.config.region}:${var.config.account_id}:configuration-set/"
  configuration_set            = var.ses_configuration_set ? var.config.name : null

  email = { for name, channel in var.channels : name => merge(channel.email, {
    configuration_set = try(coalesce(channel.email.configuration_set, local.configuration_set), null)
  }) if channel.email != null }

  sns = { for name, channel in var.channels : name => {
    topic_arn = contains(keys(local.own_topics), name) ? local.own_topic_arns[name] : channel.sns.topic_arn
  } if channel.sns != null }

  slack = { for name, channel in var.channels : name => channel.slack if channel.slack != null }

  # SES asks for the permission on the identity that covers the sender, the address itself or else its domain, and on the
  # configuration set. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
  ses_arns = concat(
    flatten([for email in local.email : email.identity_arn == null ? tolist([
      "${local.identity_arn_prefix}${email.from}",
      "${local.identity_arn_prefix}${split("@", email.from)[1]}",
    ]) : tolist([email.identity_arn])]),
    [for email in local.email : "${local.configuration_set_arn_prefix}${email.configuration_set}" if email.configuration_set != null],
  )
}

resource "aws_sns_topic" "this" {
  for_each = local.own_topics

  name              = "${var.config.name}-channel-${each.key}"
  display_name      = var.config.name
  kms_master_key_id = "alias/aws/sns"
  tags              = var.config.tags
}

resource "aws_sns_topic_subscription" "email" {
  for_each = merge([
    for name, emails in local.own_topics : { for email in emails : "${name}/${email}" => { channel = name, email = email } }
  ]...)

  topic_arn = aws_sns_topic.this[each.value.channel].arn
  protocol  = "email"
  endpoint  = each.value.email
}

resource "aws_sesv2_email_identity" "this" {
  for_each = var.ses_identities

  email_identity = each.value
  tags           = var.config.tags
}

resource "aws_sesv2_configuration_set" "this" {
  count = var.ses_configuration_set ? 1 : 0

  configuration_set_name = var.config.name
  tags                   = var.config.tags

  reputation_options {
    reputation_metrics_enabled = true
  }
}
