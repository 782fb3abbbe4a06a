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
  })
  nullable = false
}

variable "package" {
  description = "What the function is made of: the output of modules/package."
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

variable "name" {
  description = "Name of the function within the installation, and of its handler's file in tocsin/handlers."
  type        = string
  nullable    = false
}

variable "description" {
  description = "What the function does, in a sentence."
  type        = string
  nullable    = false
}

variable "timeout_seconds" {
  description = "Seconds after which Lambda ends a call."
  type        = number
  nullable    = false
}

variable "memory_mb" {
  description = "Memory in MiB; the processor's share grows with it."
  type        = number
  nullable    = false
}

variable "environment" {
  description = "Environment variables beside those that every function has."
  type        = map(string)
  nullable    = false
}

variable "statements" {
  description = "What the function may do, beside writing its log: actions on resources, under conditions (operator, key, values)."
  type = list(object({
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(list(string))), {})
  }))
  nullable = false
}
