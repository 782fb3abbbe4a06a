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

  configuration_set = var.ses_configuration_set ? var.config.name : null

  email = { for name, channel in var.channels : name => merge(channel.email, {
    configuration_set = try(coalesce(channel.email.configuration_set, local.configuration_set), null)
  }) if channel.email != null }

  sns = { for name, channel in var.channels : name => {
    topic_arn = contains(keys(local.own_topics), name) ? local.own_topic_arns[name] : channel.sns.topic_arn
  } if channel.sns != null }

  slack = { for name, channel in var.channels : name => channel.slack if channel.slack != null }

  # The sender is pinned, not the identity: SES asks for the permission on whichever identity covers the sender (the address,
  # its domain or a domain above), on the configuration set, which may be the identity's default one, and in the sandbox on the
  # recipients' identities (https://github.com/aws/aws-sdk-js/issues/3641). SES compares its keys with regard to case, and the
  # functions send `from` as it is written.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
  # https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
  # https://docs.aws.amazon.com/ses/latest/dg/managing-configuration-sets-default-adding.html
  # https://docs.aws.amazon.com/ses/latest/dg/sending-authorization-policy-examples.html
  ses_scopes = distinct([
    for email in local.email :
    "arn:${var.config.partition}:ses:${try(split(":", email.identity_arn)[3], var.config.region)}:${var.config.account_id}"
  ])
  ses_resources = concat(
    flatten([for scope in local.ses_scopes : ["${scope}:identity/*", "${scope}:configuration-set/*"]]),
    distinct([for email in local.email : email.identity_arn if email.identity_arn != null]),
  )
  ses_conditions = { StringEquals = { "ses:FromAddress" = distinct([for email in local.email : email.from]) } }
}

# Topics and secrets that the estate's key encrypts, the estate's own too: SNS makes data keys, and Secrets Manager decrypts, as
# who calls them. `*` after the Region stands for the partition's domain.
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
locals {
  use_key = flatten([
    for key_arn in compact([var.config.kms_key_arn]) : [
      for statement in [
        { service = "sns", actions = ["kms:Decrypt", "kms:GenerateDataKey*"], used = length(local.sns) > 0 },
        { service = "secretsmanager", actions = ["kms:Decrypt"], used = length(local.slack) > 0 },
      ] : { actions = statement.actions, resources = [key_arn], conditions = { StringLike = { "kms:ViaService" = ["${statement.service}.${var.config.region}.*"] } } }
      if statement.used
    ]
  ])
}

resource "aws_sns_topic" "this" {
  for_each = local.own_topics

  name              = "${var.config.name}-channel-${each.key}"
  display_name      = var.config.name
  kms_master_key_id = var.config.kms_key_arn == null ? "alias/aws/sns" : var.config.kms_key_arn
  tags              = var.config.tags
}

resource "aws_sns_topic_subscription" "email" {
  for_each = merge([
    for name, emails in local.own_topics : { for email in toset(emails) : "${name}/${email}" => { channel = name, email = email } }
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
