variable "name" {
  description = "Name of the installation."
  type        = string
  nullable    = false
}

variable "runtime" {
  description = "Lambda runtime of the functions."
  type        = string
  nullable    = false
}
