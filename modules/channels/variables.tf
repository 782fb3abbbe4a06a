variable "config" {
  description = "What all parts of an installation share: its name, where it is, tags, and the key."
  type = object({
    name        = string
    partition   = string
    region      = string
    account_id  = string
    tags        = map(string)
    kms_key_arn = string
  })
  nullable = false
}

variable "channels" {
  description = "The channels, exactly one kind each, as in the module's variable."
  type = map(object({
    email = optional(object({
      from              = string
      to                = list(string)
      identity_arn      = optional(string)
      configuration_set = optional(string)
    }))
    sns = optional(object({
      topic_arn = optional(string)
      emails    = optional(list(string))
    }))
    slack = optional(object({
      webhook_secret_arn = string
      allowed_hosts      = optional(list(string), ["hooks.slack.com", "hooks.slack-gov.com"])
    }))
  }))
  nullable = false
}

variable "ses_identities" {
  description = "SES identities to create: domains or addresses."
  type        = set(string)
  nullable    = false
}

variable "ses_configuration_set" {
  description = "Whether to create an SES configuration set for the e-mail channels that name none."
  type        = bool
  nullable    = false
}
