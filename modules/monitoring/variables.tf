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

variable "alarm_topic" {
  description = "The topic to use; null creates one."
  type        = object({ arn = string })
}

variable "alarm_emails" {
  description = "E-mail addresses to subscribe to the topic that is created."
  type        = list(string)
  nullable    = false
}

variable "queue_name" {
  description = "Name of the queue of events."
  type        = string
  nullable    = false
}

variable "dead_letter_queue_name" {
  description = "Name of the queue of events that could not be handled."
  type        = string
  nullable    = false
}

variable "state_machine_arn" {
  description = "ARN of the alert machine."
  type        = string
  nullable    = false
}

variable "sweep_function_name" {
  description = "Name of the function that sweeps the outbox."
  type        = string
  nullable    = false
}
