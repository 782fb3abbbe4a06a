variable "config" {
  description = "What all parts of an installation share: its name, where it is, and how it fits the estate."
  type = object({
    name                     = string
    partition                = string
    region                   = string
    account_id               = string
    tags                     = map(string)
    role_path                = string
    permissions_boundary_arn = string
    kms_key_arn              = string
    vpc_subnet_ids           = list(string)
    vpc_security_group_ids   = list(string)
    log_retention_days       = number
    deletion_protection      = bool
  })
  nullable = false
}

variable "package" {
  description = "What the functions are made of: the output of modules/package."
  type = object({
    runtime                 = string
    filename                = string
    source_code_hash        = string
    s3_bucket               = string
    s3_key                  = string
    s3_object_version       = string
    code_signing_config_arn = string
    layer_arns              = list(string)
  })
  nullable = false
}

variable "settings" {
  description = "What the functions decide by, as in the module's variables; the groups of accounts are not expanded yet."
  type = object({
    mode             = string
    backlog          = string
    samples          = string
    minimum_severity = string
    dedupe_days      = map(number)
    products         = list(string)
    account_ids      = list(string)
    account_groups   = map(list(string))
    routes = list(object({
      to       = list(string)
      match    = optional(map(list(string)), {})
      except   = optional(map(list(string)), {})
      continue = optional(bool, false)
    }))
    template_overrides = optional(string)
  })
  nullable = false
}

variable "channels" {
  description = "The outputs of modules/channels: the channels as the functions read them (`settings`), and what it takes to send on them (`statements`)."
  type = object({
    settings = map(object({
      email = optional(object({
        from              = string
        to                = list(string)
        identity_arn      = string
        configuration_set = string
      }))
      sns = optional(object({ topic_arn = string }))
      slack = optional(object({
        webhook_secret_arn = string
        allowed_hosts      = list(string)
      }))
    }))
    statements = list(object({
      actions    = list(string)
      resources  = list(string)
      conditions = map(map(list(string)))
    }))
  })
  nullable = false
}

variable "queue" {
  description = "The queue of events that triage reads."
  type        = object({ arn = string })
  nullable    = false
}

variable "dead_letter_queue" {
  description = "Where triage sends what it cannot read."
  type = object({
    url = string
    arn = string
  })
  nullable = false
}

variable "alarm_topic_arn" {
  description = "ARN of the topic that hears when a channel fails."
  type        = string
  nullable    = false
}
