variable "endpoint" {
  description = "Address of the local AWS."
  type        = string
  default     = "http://127.0.0.1:4566"
  nullable    = false
}

variable "region" {
  description = "Region that the local AWS plays."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

variable "account_id" {
  description = "Account that the local AWS plays, 12 digits."
  type        = string
  default     = "111122223333"
  nullable    = false
}

# The module's own variables, to be set in a file of one's own. Their types are the module's: `any` only passes them on, and a
# null is replaced by the module's default.

variable "name" {
  description = "As the module's variable."
  type        = string
  default     = null
}

variable "mode" {
  description = "As the module's variable."
  type        = string
  default     = null
}

variable "backlog" {
  description = "As the module's variable, but findings older than the installation are told: the samples are."
  type        = string
  default     = "alert"
}

variable "samples" {
  description = "As the module's variable."
  type        = string
  default     = null
}

variable "minimum_severity" {
  description = "As the module's variable."
  type        = string
  default     = null
}

variable "dedupe_days" {
  description = "As the module's variable."
  type        = any
  default     = null
}

variable "products" {
  description = "As the module's variable."
  type        = any
  default     = null
}

variable "account_ids" {
  description = "As the module's variable."
  type        = any
  default     = null
}

variable "account_groups" {
  description = "As the module's variable."
  type        = any
  default     = null
}

variable "feeds" {
  description = "As the module's variable, but all four are on."
  type        = any
  default     = { security_hub = {}, security_hub_v2 = {}, guardduty = {}, inspector = {} }
}

variable "channels" {
  description = "As the module's variable; what is given replaces soc_mail, soc_slack and audit."
  type        = any
  default     = null
}

variable "routes" {
  description = "As the module's variable."
  type        = any
  default     = null
}

variable "template_overrides" {
  description = "As the module's variable."
  type        = string
  default     = null
}

# tflint-ignore: terraform_unused_declarations
variable "alarm_topic" {
  description = "Not used: here the alarm topic is Tocsin's own."
  type        = any
  default     = null
}

# tflint-ignore: terraform_unused_declarations
variable "ses_identities" {
  description = "Not used: here every domain that a channel sends from is made an identity."
  type        = any
  default     = null
}

variable "ses_configuration_set" {
  description = "As the module's variable."
  type        = bool
  default     = null
}

variable "alarm_emails" {
  description = "As the module's variable, but somebody hears."
  type        = any
  default     = ["operations@example.com"]
}

variable "log_retention_days" {
  description = "As the module's variable."
  type        = number
  default     = null
}

variable "tags" {
  description = "As the module's variable."
  type        = any
  default     = null
}

variable "runtime" {
  description = "As the module's variable."
  type        = string
  default     = null
}

variable "role_path" {
  description = "As the module's variable."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "As the module's variable."
  type        = bool
  default     = null
}

# tflint-ignore: terraform_unused_declarations
variable "permissions_boundary_arn" {
  description = "Not used: the policy is only in an estate."
  type        = string
  default     = null
}

# tflint-ignore: terraform_unused_declarations
variable "kms_key_arn" {
  description = "Not used: the key is only in an estate."
  type        = string
  default     = null
}

# tflint-ignore: terraform_unused_declarations
variable "vpc_subnet_ids" {
  description = "Not used: the subnets are only in an estate."
  type        = any
  default     = null
}

# tflint-ignore: terraform_unused_declarations
variable "vpc_security_group_ids" {
  description = "Not used: the security groups are only in an estate."
  type        = any
  default     = null
}

# tflint-ignore: terraform_unused_declarations
variable "lambda_package" {
  description = "Not used: here the functions run this project's own zips."
  type        = any
  default     = null
}
