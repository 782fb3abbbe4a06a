output "settings" {
  description = "The channels as the functions read them."
  value = merge(
    { for name, email in local.email : name => { email = email } },
    { for name, sns in local.sns : name => { sns = sns } },
    { for name, slack in local.slack : name => { slack = slack } },
  )
}

output "statements" {
  description = "What it takes to send on these channels: actions on resources, under conditions, for the kinds in use."
  value = concat([
    for statement in [
      { actions = ["ses:SendEmail"], resources = local.ses_resources, conditions = local.ses_conditions },
      { actions = ["sns:Publish"], resources = distinct([for sns in local.sns : sns.topic_arn]), conditions = {} },
      { actions = ["secretsmanager:GetSecretValue"], resources = distinct([for slack in local.slack : slack.webhook_secret_arn]), conditions = {} },
    ] : statement if length(statement.resources) > 0
  ], local.use_key)
}

output "topic_arns" {
  description = "ARN of the topic of each SNS channel."
  value       = { for name, sns in local.sns : name => sns.topic_arn }
}

output "ses_dkim_tokens" {
  description = "DKIM tokens of each SES identity that was created: a domain is verified by CNAME records of TOKEN._domainkey.DOMAIN to TOKEN.dkim.amazonses.com."
  value       = { for name, identity in aws_sesv2_email_identity.this : name => try(identity.dkim_signing_attributes[0].tokens, []) }
}

output "ses_configuration_set" {
  description = "Name of the SES configuration set that was created, or null."
  value       = one(aws_sesv2_configuration_set.this[*].configuration_set_name)
}
