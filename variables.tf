# What is dangerous to lose is a variable of its own, a required attribute or a validated map key, because Terraform drops
# a misspelt optional attribute without a word. Every message names the offender and the remedy; tests/terraform holds them.

locals {
  severities = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
  feeds      = ["security_hub", "security_hub_v2", "guardduty", "inspector"]
  log_days   = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]

  # Regular expressions.
  account_id     = "^\\d{12}$"
  account_glob   = "^(\\d{12}|[0-9*?]*[*?][0-9*?]*)$"
  address        = "^[^@\\s<>,;]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$"
  criterion      = "^(severities|products|finding_types|control_ids|vulnerability_ids|titles|account_ids|regions|resource_types|resource_ids|tag:.+)$"
  event_bus_name = "^[/.A-Za-z0-9_-]{1,256}$"
  group_name     = "^[A-Za-z0-9_-]+$"
  channel_name   = "^[a-z0-9][a-z0-9_-]{0,39}$"
  product        = "^[^*?]*[^*?\\s][^*?]*$"
  host           = "^[a-z0-9.-]+$"
  identity       = "^([^@\\s]+@)?[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$"
  identity_arn   = "^arn:[^:]+:ses:[^:]+:\\d{12}:identity/"
  secret_arn     = "^arn:[^:]+:secretsmanager:[^:]+:\\d{12}:secret:"
  topic_arn      = "^arn:[^:]+:sns:[^:]+:\\d{12}:[A-Za-z0-9_-]+$"
}

variable "name" {
  description = "Name of this installation: the prefix of everything it creates, at most 20 characters. The Region is appended where names are global."
  type        = string
  default     = "tocsin"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$", var.name))
    error_message = "name (\"${var.name}\") must be 1 to 20 of a-z, 0-9 and inner hyphens: role names carry it together with the Region."
  }
}

variable "tags" {
  description = "Tags for everything that takes tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

# What is told ---------------------------------------------------------------------------------------------------------

variable "mode" {
  description = "`alert` decides, records and tells. `observe` decides and records, and tells nobody: to try the settings in an estate. What was being told when it is set is told to its end."
  type        = string
  default     = "alert"
  nullable    = false

  validation {
    condition     = contains(["alert", "observe"], var.mode)
    error_message = "mode (\"${var.mode}\") must be \"alert\" or \"observe\"."
  }
}

variable "backlog" {
  description = "What happens to findings that are older than the installation: `silent` records them, `alert` tells them."
  type        = string
  default     = "silent"
  nullable    = false

  validation {
    condition     = contains(["silent", "alert"], var.backlog)
    error_message = "backlog (\"${var.backlog}\") must be \"silent\" or \"alert\"."
  }
}

variable "samples" {
  description = "What happens to GuardDuty's sample findings: `mark` tells them marked as samples, `silent` records them."
  type        = string
  default     = "mark"
  nullable    = false

  validation {
    condition     = contains(["mark", "silent"], var.samples)
    error_message = "samples (\"${var.samples}\") must be \"mark\" or \"silent\"."
  }
}

variable "minimum_severity" {
  description = "The lowest severity that is told: INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL. It narrows the event patterns, so what is below costs nothing."
  type        = string
  default     = "HIGH"
  nullable    = false

  validation {
    condition     = contains(local.severities, var.minimum_severity)
    error_message = "minimum_severity (\"${var.minimum_severity}\") must be INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL."
  }
}

variable "dedupe_days" {
  description = "Days during which a problem that was told stays silent, per severity; 0 tells every event. Merged over CRITICAL 1, HIGH 7, MEDIUM 15, LOW 30, INFORMATIONAL 30."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.dedupe_days), local.severities)) == 0
    error_message = "dedupe_days has unknown severities: ${join(", ", setsubtract(keys(var.dedupe_days), local.severities))}. Use INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL."
  }

  validation {
    condition     = alltrue([for days in values(var.dedupe_days) : days == null ? false : days >= 0])
    error_message = "dedupe_days must be numbers of days, 0 or more: ${join(", ", [for severity, days in var.dedupe_days : "${severity} = ${days == null ? "null" : days}" if days == null ? true : days < 0])}."
  }
}

variable "products" {
  description = "Names of the products whose findings count, whole and without regard to case, such as `GuardDuty` or `Security Hub`; empty means all. It narrows the event patterns."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for product in var.products : can(regex(local.product, product))])
    error_message = "products must be whole names, not empty and without globs: ${join(", ", [for product in var.products : "\"${product}\"" if !can(regex(local.product, product))])}. Globs work in the match of a route."
  }
}

variable "account_ids" {
  description = "The accounts whose findings count, 12 digits each; empty means all."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.account_ids : can(regex(local.account_id, id))])
    error_message = "account_ids must be 12 digits in quotes: ${join(", ", [for id in var.account_ids : "\"${id}\"" if !can(regex(local.account_id, id))])}."
  }
}

variable "account_groups" {
  description = "Names for lists of account ids, used in routes as `account_ids = [\"@name\"]`."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.account_groups) : can(regex(local.group_name, name))])
    error_message = "account_groups has names with other characters than letters, digits, _ and -: ${join(", ", [for name in keys(var.account_groups) : "\"${name}\"" if !can(regex(local.group_name, name))])}."
  }

  validation {
    condition     = alltrue([for ids in values(var.account_groups) : length(coalesce(ids, [])) > 0])
    error_message = "account_groups without an account: ${join(", ", [for name, ids in var.account_groups : name if length(coalesce(ids, [])) == 0])}. A route to an empty group would hear nothing: list account ids or remove the group."
  }

  validation {
    condition     = alltrue(flatten([for ids in values(var.account_groups) : [for id in coalesce(ids, []) : can(regex(local.account_id, id))]]))
    error_message = "account_groups must hold account ids of 12 digits in quotes: ${join(", ", flatten([for name, ids in var.account_groups : [for id in coalesce(ids, []) : "\"${id}\" in ${name}" if !can(regex(local.account_id, id))]]))}."
  }
}

# Where findings come from ---------------------------------------------------------------------------------------------

variable "feeds" {
  description = <<-EOT
    The feeds to listen to, each with the name of its event bus (`event_bus_name`, by default `default`):
    `security_hub` (ASFF, which carries the findings of the other services too), `security_hub_v2` (OCSF), `guardduty`, `inspector`.
  EOT
  type        = map(map(string))
  default     = { security_hub = {} }
  nullable    = false

  validation {
    condition     = length(var.feeds) > 0
    error_message = "feeds is empty, so no finding would come in. Enable at least one, for example feeds = { security_hub = {} }."
  }

  validation {
    condition     = length(setsubtract(keys(var.feeds), local.feeds)) == 0
    error_message = "feeds has unknown names: ${join(", ", setsubtract(keys(var.feeds), local.feeds))}. Use security_hub, security_hub_v2, guardduty or inspector."
  }

  validation {
    condition     = alltrue([for feed in values(var.feeds) : feed != null])
    error_message = "feeds that are null: ${join(", ", [for name, feed in var.feeds : name if feed == null])}. Remove a feed to leave it out; {} takes it from the default bus."
  }

  # A map, not an object, because of a misspelt event_bus_name: Terraform would drop it without a word.
  validation {
    condition     = alltrue(flatten([for feed in values(var.feeds) : [for key in keys(coalesce(feed, {})) : key == "event_bus_name"]]))
    error_message = "feeds with unknown attributes: ${join(", ", flatten([for name, feed in var.feeds : [for key in keys(coalesce(feed, {})) : "\"${key}\" in ${name}" if key != "event_bus_name"]]))}. A feed has only event_bus_name."
  }

  validation {
    condition     = alltrue([for feed in values(var.feeds) : can(regex(local.event_bus_name, feed.event_bus_name)) if try(feed.event_bus_name, null) != null])
    error_message = "feeds without a usable event_bus_name: ${join(", ", [for name, feed in var.feeds : "${name} (\"${feed.event_bus_name}\")" if try(feed.event_bus_name, null) == null ? false : !can(regex(local.event_bus_name, feed.event_bus_name))])}. Give the name of a bus in this account and Region, not its ARN."
  }
}

# Who hears it ---------------------------------------------------------------------------------------------------------

variable "channels" {
  description = <<-EOT
    The destinations, by a name of your own; exactly one kind each.
    `email`: `from` (an address of a verified SES identity), `to` (1 to 50 addresses; one message to all), `identity_arn` (the identity that
    authorizes `from`; by default the address itself, its domain or one above, in this account and Region), `configuration_set` (name).
    `sns`: either `topic_arn` (your topic) or `emails` (a topic of Tocsin's own with these subscribed, who confirm by mail; `[]` for none yet).
    `slack`: `webhook_secret_arn` (the Secrets Manager secret that holds the incoming webhook's address), `allowed_hosts` (where the webhook may
    point to; by default Slack's two hosts).
    Where a secret or topic of yours is encrypted with a customer managed key, the key's policy must let the role `tell` (output `role_arns`)
    use it: kms:Decrypt, and for a topic kms:GenerateDataKey too.
  EOT
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
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.channels) : can(regex(local.channel_name, name))])
    error_message = "channels must have names of 1 to 40 of a-z, 0-9, _ and -: ${join(", ", [for name in keys(var.channels) : "\"${name}\"" if !can(regex(local.channel_name, name))])}."
  }

  validation {
    condition     = alltrue([for channel in values(var.channels) : length([for kind in ["email", "sns", "slack"] : kind if try(channel[kind], null) != null]) == 1])
    error_message = "channels need exactly one of email, sns, slack: ${join(", ", [for name, channel in var.channels : name if length([for kind in ["email", "sns", "slack"] : kind if try(channel[kind], null) != null]) != 1])}."
  }

  validation {
    condition     = alltrue([for channel in values(var.channels) : can(regex(local.address, channel.email.from)) if try(channel.email, null) != null])
    error_message = "email channels need a plain address in from, without a display name: ${join(", ", [for name, channel in var.channels : "${name} (${try("\"${channel.email.from}\"", "null")})" if try(channel.email, null) == null ? false : !can(regex(local.address, channel.email.from))])}."
  }

  validation {
    condition     = alltrue([for channel in values(var.channels) : length(coalesce(channel.email.to, [])) >= 1 && length(coalesce(channel.email.to, [])) <= 50 if try(channel.email, null) != null])
    error_message = "email channels need 1 to 50 recipients in to, the most that SES takes in one message: ${join(", ", [for name, channel in var.channels : "${name} has ${length(coalesce(channel.email.to, []))}" if try(channel.email, null) == null ? false : length(coalesce(channel.email.to, [])) < 1 || length(coalesce(channel.email.to, [])) > 50])}. Use a distribution list or a second channel."
  }

  validation {
    condition     = alltrue(flatten([for channel in values(var.channels) : [for address in concat(try(coalesce(channel.email.to, []), []), try(coalesce(channel.sns.emails, []), [])) : can(regex(local.address, address))]]))
    error_message = "channels have recipients that are not plain e-mail addresses: ${join(", ", flatten([for name, channel in var.channels : [for address in concat(try(coalesce(channel.email.to, []), []), try(coalesce(channel.sns.emails, []), [])) : "\"${address}\" in ${name}" if !can(regex(local.address, address))]]))}."
  }

  validation {
    condition     = alltrue([for channel in values(var.channels) : can(regex(local.identity_arn, channel.email.identity_arn)) if try(channel.email.identity_arn, null) != null])
    error_message = "email channels with an identity_arn that is not the ARN of an SES identity: ${join(", ", [for name, channel in var.channels : "${name} (\"${channel.email.identity_arn}\")" if try(channel.email.identity_arn, null) == null ? false : !can(regex(local.identity_arn, channel.email.identity_arn))])}. It looks like arn:aws:ses:REGION:ACCOUNT:identity/example.com."
  }

  validation {
    condition     = alltrue([for channel in values(var.channels) : (channel.sns.topic_arn == null) != (channel.sns.emails == null) if try(channel.sns, null) != null])
    error_message = "sns channels need exactly one of topic_arn (your topic) and emails (a topic of Tocsin's own; [] for no subscription yet): ${join(", ", [for name, channel in var.channels : name if try(channel.sns, null) == null ? false : (channel.sns.topic_arn == null) == (channel.sns.emails == null)])}."
  }

  validation {
    condition     = alltrue([for channel in values(var.channels) : can(regex(local.topic_arn, channel.sns.topic_arn)) if try(channel.sns.topic_arn, null) != null])
    error_message = "sns channels with a topic_arn that is not the ARN of a standard topic: ${join(", ", [for name, channel in var.channels : "${name} (\"${channel.sns.topic_arn}\")" if try(channel.sns.topic_arn, null) == null ? false : !can(regex(local.topic_arn, channel.sns.topic_arn))])}. It looks like arn:aws:sns:REGION:ACCOUNT:NAME."
  }

  # The value is not shown: who confuses ARN and address would find the webhook in the output.
  validation {
    condition     = alltrue([for channel in values(var.channels) : can(regex(local.secret_arn, channel.slack.webhook_secret_arn)) if try(channel.slack, null) != null])
    error_message = "slack channels need the ARN of a Secrets Manager secret in webhook_secret_arn, never the webhook itself: ${join(", ", [for name, channel in var.channels : name if try(channel.slack, null) == null ? false : !can(regex(local.secret_arn, channel.slack.webhook_secret_arn))])}."
  }

  validation {
    condition     = alltrue([for channel in values(var.channels) : length(coalesce(channel.slack.allowed_hosts, [])) > 0 && alltrue([for host in coalesce(channel.slack.allowed_hosts, []) : can(regex(local.host, host))]) if try(channel.slack, null) != null])
    error_message = "slack channels need at least one host name in allowed_hosts, in lower case, without scheme, port or path: ${join(", ", [for name, channel in var.channels : "${name} (${join(" ", coalesce(channel.slack.allowed_hosts, ["null"]))})" if try(channel.slack, null) == null ? false : length(coalesce(channel.slack.allowed_hosts, [])) == 0 || !alltrue([for host in coalesce(channel.slack.allowed_hosts, []) : can(regex(local.host, host))])])}."
  }
}

variable "routes" {
  description = <<-EOT
    Which findings go to which channels (`to`): the first route that matches decides, unless it says `continue`; the last one takes everything.
    No routes: everything goes to every channel. `match` and `except` hold lists of values, of which one must fit in every criterion named:
    `severities`, `products`, `finding_types`, `control_ids`, `vulnerability_ids`, `titles`, `account_ids` (ids or `@group`), `regions`,
    `resource_types`, `resource_ids`, `tag:KEY`; globs `*` and `?` in all but severities.
  EOT
  type = list(object({
    to       = list(string)
    match    = optional(map(list(string)), {})
    except   = optional(map(list(string)), {})
    continue = optional(bool, false)
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for route in var.routes : length(coalesce(route.to, [])) > 0])
    error_message = "routes without a channel in to: ${join(", ", [for i, route in var.routes : "routes[${i}]" if length(coalesce(route.to, [])) == 0])}. What matches there would never be heard: name a channel or remove the route."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for name in coalesce(route.to, []) : contains(keys(var.channels), name)]]))
    error_message = "routes lead to channels that do not exist: ${join(", ", flatten([for i, route in var.routes : [for name in coalesce(route.to, []) : "\"${name}\" in routes[${i}]" if !contains(keys(var.channels), name)]]))}. The channels are: ${join(", ", keys(var.channels))}."
  }

  validation {
    condition     = length(var.routes) == 0 ? true : length(var.routes[length(var.routes) - 1].match) + length(var.routes[length(var.routes) - 1].except) == 0
    error_message = "The last route (routes[${length(var.routes) - 1}]) must take everything, so that nothing is left unheard: remove its match and except, or add a route after it that has only to."
  }

  # This is also what catches a misspelt `match`, which Terraform drops without a word.
  validation {
    condition     = alltrue([for i, route in var.routes : length(route.match) + length(route.except) > 0 || route.continue if i < length(var.routes) - 1])
    error_message = "Routes before the last that take everything, so that those after them never hear anything: ${join(", ", [for i, route in var.routes : "routes[${i}]" if i < length(var.routes) - 1 && length(route.match) + length(route.except) == 0 && !route.continue])}. Give each a match (is the word misspelt?) or continue = true."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for criterion in concat(keys(route.match), keys(route.except)) : can(regex(local.criterion, criterion))]]))
    error_message = "routes match on unknown criteria: ${join(", ", flatten([for i, route in var.routes : [for criterion in concat(keys(route.match), keys(route.except)) : "\"${criterion}\" in routes[${i}]" if !can(regex(local.criterion, criterion))]]))}. Use severities, products, finding_types, control_ids, vulnerability_ids, titles, account_ids, regions, resource_types, resource_ids or tag:KEY."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for values in concat(values(route.match), values(route.except)) : length(compact(coalesce(values, []))) > 0]]))
    error_message = "routes have criteria without a value: ${join(", ", flatten([for i, route in var.routes : [for criterion, values in merge(route.match, route.except) : "${criterion} in routes[${i}]" if length(compact(coalesce(values, []))) == 0]]))}. Leave the criterion out to mean any."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for severity in concat(try(coalesce(route.match.severities, []), []), try(coalesce(route.except.severities, []), [])) : contains(local.severities, severity)]]))
    error_message = "routes name unknown severities: ${join(", ", flatten([for i, route in var.routes : [for severity in concat(try(coalesce(route.match.severities, []), []), try(coalesce(route.except.severities, []), [])) : "\"${severity}\" in routes[${i}]" if !contains(local.severities, severity)]]))}. Use INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for id in concat(try(coalesce(route.match.account_ids, []), []), try(coalesce(route.except.account_ids, []), [])) : startswith(id, "@") ? contains(keys(var.account_groups), trimprefix(id, "@")) : can(regex(local.account_glob, id))]]))
    error_message = "routes name accounts that are neither 12 digits nor a known @group: ${join(", ", flatten([for i, route in var.routes : [for id in concat(try(coalesce(route.match.account_ids, []), []), try(coalesce(route.except.account_ids, []), [])) : "\"${id}\" in routes[${i}]" if startswith(id, "@") ? !contains(keys(var.account_groups), trimprefix(id, "@")) : !can(regex(local.account_glob, id))]]))}. The account_groups are: ${join(", ", keys(var.account_groups))}."
  }
}

variable "ses_identities" {
  description = "SES identities to create: domains or addresses. By default none, for identities that are verified elsewhere. A domain is verified once the DNS has the records of the output `ses_dkim_tokens`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for identity in var.ses_identities : can(regex(local.identity, identity))])
    error_message = "ses_identities must be domains or e-mail addresses: ${join(", ", [for identity in var.ses_identities : "\"${identity}\"" if !can(regex(local.identity, identity))])}."
  }
}

variable "ses_configuration_set" {
  description = "Whether to create an SES configuration set of this installation's name, with reputation metrics, and send every e-mail channel that names none through it."
  type        = bool
  default     = false
  nullable    = false
}

# Who hears that Tocsin itself is in trouble ---------------------------------------------------------------------------

variable "alarm_topic_arn" {
  description = <<-EOT
    Your SNS topic for alarms and failure reports; null creates one. It must be known when planning, and its policy must let
    cloudwatch.amazonaws.com and events.amazonaws.com publish (the latter without a Condition). Where it is encrypted with a customer
    managed key, the key's policy must let both and the role `sweep` (output `role_arns`) use it: kms:Decrypt and kms:GenerateDataKey.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null ? true : can(regex(local.topic_arn, var.alarm_topic_arn))
    error_message = "alarm_topic_arn (\"${coalesce(var.alarm_topic_arn, "null")}\") is not the ARN of a standard SNS topic. It looks like arn:aws:sns:REGION:ACCOUNT:NAME."
  }
}

variable "alarm_emails" {
  description = "E-mail addresses to subscribe to the alarm topic that is created; each confirms by mail."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex(local.address, address))])
    error_message = "alarm_emails must be plain e-mail addresses: ${join(", ", [for address in var.alarm_emails : "\"${address}\"" if !can(regex(local.address, address))])}."
  }

  validation {
    condition     = var.alarm_topic_arn == null || length(var.alarm_emails) == 0
    error_message = "alarm_emails (${join(", ", var.alarm_emails)}) are subscribed to Tocsin's own alarm topic, which alarm_topic_arn replaces: subscribe them to your topic, or leave alarm_topic_arn out."
  }
}

# How it runs ----------------------------------------------------------------------------------------------------------

variable "log_retention_days" {
  description = "Days that logs are kept; one of the numbers that CloudWatch Logs takes."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains(local.log_days, var.log_retention_days)
    error_message = "log_retention_days (${var.log_retention_days}) must be one of ${join(", ", local.log_days)}."
  }
}

variable "runtime" {
  description = "Lambda runtime of the functions: python3.11, python3.12 or python3.13."
  type        = string
  default     = "python3.13"
  nullable    = false

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13"], var.runtime)
    error_message = "runtime (\"${var.runtime}\") must be python3.11, python3.12 or python3.13."
  }
}
