variable "config" {
  description = "What all parts of an installation share: its name, where it is, and tags."
  type = object({
    name       = string
    partition  = string
    region     = string
    account_id = string
    tags       = map(string)
  })
  nullable = false
}

variable "feeds" {
  description = "The feeds to listen to, each with its event bus."
  type        = map(object({ event_bus_name = string }))
  nullable    = false
}

variable "minimum_severity" {
  description = "The lowest severity of an open finding that comes in."
  type        = string
  nullable    = false
}

variable "products" {
  description = "Names of the products whose findings come in; empty means all."
  type        = list(string)
  nullable    = false
}

variable "function_arn" {
  description = "ARN of the function that reads the queue."
  type        = string
  nullable    = false
}

variable "function_timeout_seconds" {
  description = "Seconds after which that function's calls end."
  type        = number
  nullable    = false
}
