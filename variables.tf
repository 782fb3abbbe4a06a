# What is dangerous to lose is a variable of its own or a validated key, because Terraform drops a misspelt attribute of an
# object type without a word. Every message names the offender and the remedy; tests/terraform holds them.

locals {
  severities = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
  feeds      = ["security_hub", "security_hub_v2", "guardduty", "inspector"]
  log_days   = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]

  channel_attributes = {
    email = ["from", "to", "identity_arn", "configuration_set"]
    sns   = ["topic_arn", "emails"]
    slack = ["webhook_secret_arn", "allowed_hosts"]
  }
  route_attributes = ["to", "match", "except", "continue"]

  # As long as an open problem is remembered after it was last seen.
  most_dedupe_days = 180

  # What DynamoDB holds in one item is 400 KB, and the other settings must fit too.
  template_names      = fileset("${path.module}/templates", "**")
  most_template_bytes = 200000

  # Regular expressions.
  account_id     = "^\\d{12}$"
  account_glob   = "^(\\d{12}|[0-9*?]*[*?][0-9*?]*)$"
  address        = "^[^@\\s<>,;]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$"
  criterion      = "^(severities|products|finding_types|control_ids|vulnerability_ids|titles|account_ids|regions|resource_types|resource_ids|tag:.+)$"
  event_bus_name = "^[/.A-Za-z0-9_-]{1,256}$"
  group_name     = "^[A-Za-z0-9_-]+$"
  channel_name   = "^[a-z0-9][a-z0-9_-]{0,39}$"
  product        = "^[^*?\\s]([^*?]*[^*?\\s])?$"
  value          = "^\\S(.*\\S)?$"
  host           = "^[a-z0-9.-]+$"
  identity       = "^([^@\\s]+@)?[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$"
  identity_arn   = "^arn:[^:]+:ses:[^:]+:\\d{12}:identity/"
  secret_arn     = "^arn:[^:]+:secretsmanager:[^:]+:\\d{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$"
  topic_arn      = "^arn:[^:]+:sns:[^:]+:\\d{12}:[A-Za-z0-9_-]+$"
  role_path      = "^/([A-Za-z0-9_+=,.@-]+/)*$"
  policy_arn     = "^arn:[^:]+:iam::(\\d{12}|aws):policy/"
  key_arn        = "^arn:[^:]+:kms:[^:]+:\\d{12}:key/[A-Za-z0-9-]+$"
  subnet_id      = "^subnet-[0-9a-z]+$"
  group_id       = "^sg-[0-9a-z]+$"
  bucket         = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
  signing_arn    = "^arn:[^:]+:lambda:[^:]+:\\d{12}:code-signing-config:csc-[a-z0-9]+$"
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
  description = "Days during which a problem that was told stays silent, per severity; at most 180, and 0 tells every event. Merged over CRITICAL 1, HIGH 7, MEDIUM 15, LOW 30, INFORMATIONAL 30."
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

  validation {
    condition     = alltrue([for days in values(var.dedupe_days) : try(days <= local.most_dedupe_days, true)])
    error_message = "dedupe_days can be at most ${local.most_dedupe_days}, which is how long Tocsin remembers a problem that is not seen again: ${join(", ", [for severity, days in var.dedupe_days : "${severity} = ${days}" if try(days > local.most_dedupe_days, false)])}."
  }
}

variable "products" {
  description = "Names of the products whose findings count, whole and without regard to case, such as `GuardDuty` or `Security Hub`; empty means all. It narrows the event patterns."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for product in var.products : can(regex(local.product, product))])
    error_message = "products must be whole names, not empty, without globs and without space around: ${join(", ", [for product in var.products : try("\"${product}\"", "null") if !can(regex(local.product, product))])}. Globs work in the match of a route."
  }
}

variable "account_ids" {
  description = "The accounts whose findings count, 12 digits each; empty means all."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.account_ids : can(regex(local.account_id, id))])
    error_message = "account_ids must be 12 digits in quotes: ${join(", ", [for id in var.account_ids : try("\"${id}\"", "null") if !can(regex(local.account_id, id))])}."
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
    error_message = "account_groups must hold account ids of 12 digits in quotes: ${join(", ", flatten([for name, ids in var.account_groups : [for id in coalesce(ids, []) : "${try("\"${id}\"", "null")} in ${name}" if !can(regex(local.account_id, id))]]))}."
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

# `any` in these two, because of a misspelt `identity_arn`, `continue` or `except`: an object type would drop it without a word,
# and somebody would not be told. Every attribute is checked below, and given its type by modules/channels and modules/alerting.
# What is asked of a kind is asked in a loop over the channel, as `merge([for part in [channel] : part if can(keys(part))]...)`, which
# is empty where somebody wrote no object: unlike try(channel.email) that can be answered when planning also where a value in it is
# known only after apply, such as the ARN of a new secret.

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
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.channels))
    error_message = "channels must be a map of names to channels, such as { soc = { sns = { emails = [\"soc@example.com\"] } } }."
  }

  validation {
    condition     = alltrue(flatten([for channel in var.channels : [channel == null || can(keys(channel)), [for values in merge([for part in [channel] : part if can(keys(part))]...) : values == null || can(keys(values))]]]))
    error_message = "channels with a value where braces belong: ${join(", ", flatten([for name, channel in var.channels : [[for bad in [channel] : name if bad != null && !can(keys(bad))], [for kind, values in merge([for part in [channel] : part if can(keys(part))]...) : "${name}.${kind}" if values != null && !can(keys(values))]]]))}. Write it as { slack = { webhook_secret_arn = \"arn:...\" } }."
  }

  validation {
    condition     = alltrue([for name, channel in var.channels : can(regex(local.channel_name, name))])
    error_message = "channels must have names of 1 to 40 of a-z, 0-9, _ and -, of which the first is a letter or digit: ${join(", ", [for name, channel in var.channels : "\"${name}\"" if !can(regex(local.channel_name, name))])}."
  }

  validation {
    condition     = alltrue([for channel in var.channels : length(setsubtract(keys(merge([for part in [channel] : part if can(keys(part))]...)), keys(local.channel_attributes))) == 0])
    error_message = "channels of unknown kinds: ${join(", ", flatten([for name, channel in var.channels : [for kind in setsubtract(keys(merge([for part in [channel] : part if can(keys(part))]...)), keys(local.channel_attributes)) : "\"${kind}\" in ${name}"]]))}. Use email, sns or slack."
  }

  validation {
    condition     = alltrue([for channel in var.channels : length([for kind, values in merge([for part in [channel] : part if can(keys(part))]...) : kind if values != null]) == 1])
    error_message = "channels need exactly one of email, sns, slack: ${join(", ", [for name, channel in var.channels : "${name} has ${join(" and ", coalescelist([for kind, values in merge([for part in [channel] : part if can(keys(part))]...) : kind if values != null], ["none"]))}" if length([for kind, values in merge([for part in [channel] : part if can(keys(part))]...) : kind if values != null]) != 1])}. Make it a channel each; a route may lead to several."
  }

  validation {
    condition     = alltrue(flatten([for channel in var.channels : [for kind, values in merge([for part in [channel] : part if can(keys(part))]...) : length(setsubtract(keys(merge([for part in [values] : part if can(keys(part))]...)), lookup(local.channel_attributes, kind, keys(merge([for part in [values] : part if can(keys(part))]...))))) == 0]]))
    error_message = "channels with unknown attributes: ${join(", ", flatten([for name, channel in var.channels : [for kind, values in merge([for part in [channel] : part if can(keys(part))]...) : [for unknown in setsubtract(keys(merge([for part in [values] : part if can(keys(part))]...)), lookup(local.channel_attributes, kind, keys(merge([for part in [values] : part if can(keys(part))]...)))) : "\"${unknown}\" in ${name}.${kind}"]]]))}. Use ${join("; ", [for kind, attributes in local.channel_attributes : "${join(", ", attributes)} for ${kind}"])}."
  }

  validation {
    condition     = alltrue(flatten([for channel in var.channels : [for list in [try(channel.email.to, null), try(channel.sns.emails, null), try(channel.slack.allowed_hosts, null)] : list == null || can([for element in list : element])]]))
    error_message = "channels with one value where a list belongs, which stands in brackets even for one: ${join(", ", flatten([for name, channel in var.channels : [for attribute, list in { "email.to" = try(channel.email.to, null), "sns.emails" = try(channel.sns.emails, null), "slack.allowed_hosts" = try(channel.slack.allowed_hosts, null) } : "${name}.${attribute}" if !can([for element in list : element]) && list != null]]))}."
  }

  validation {
    condition     = alltrue(flatten([for channel in var.channels : [for kind, email in merge([for part in [channel] : part if can(keys(part))]...) : can(regex(local.address, email.from)) if kind == "email" && email != null]]))
    error_message = "email channels need a plain address in from, without a display name: ${join(", ", flatten([for name, channel in var.channels : [for kind, email in merge([for part in [channel] : part if can(keys(part))]...) : "${name} (${try("\"${email.from}\"", "none")})" if kind == "email" && email != null && !can(regex(local.address, email.from))]]))}."
  }

  validation {
    condition     = alltrue(flatten([for channel in var.channels : [for kind, email in merge([for part in [channel] : part if can(keys(part))]...) : try(length(email.to), 0) >= 1 && try(length(email.to), 0) <= 50 if kind == "email" && email != null]]))
    error_message = "email channels need 1 to 50 recipients in to, the most that SES takes in one message: ${join(", ", flatten([for name, channel in var.channels : [for kind, email in merge([for part in [channel] : part if can(keys(part))]...) : "${name} has ${try(length(email.to), 0)}" if kind == "email" && email != null && (try(length(email.to), 0) < 1 || try(length(email.to), 0) > 50)]]))}. Use a distribution list or a second channel."
  }

  validation {
    condition     = alltrue(flatten([for channel in var.channels : [try([for address in channel.email.to : can(regex(local.address, address))], []), try([for address in channel.sns.emails : can(regex(local.address, address))], [])]]))
    error_message = "channels have recipients that are not plain e-mail addresses: ${join(", ", flatten([for name, channel in var.channels : [for address in concat(try([for address in channel.email.to : address], []), try([for address in channel.sns.emails : address], [])) : "${try("\"${address}\"", "null")} in ${name}" if !can(regex(local.address, address))]]))}."
  }

  validation {
    condition     = alltrue([for channel in var.channels : can(regex(local.identity_arn, channel.email.identity_arn)) if try(channel.email.identity_arn, null) != null])
    error_message = "email channels with an identity_arn that is not the ARN of an SES identity: ${join(", ", [for name, channel in var.channels : "${name} (${try("\"${channel.email.identity_arn}\"", "no text")})" if try(channel.email.identity_arn, null) == null ? false : !can(regex(local.identity_arn, channel.email.identity_arn))])}. It looks like arn:aws:ses:REGION:ACCOUNT:identity/example.com."
  }

  # The address itself, with or without a label (+x), its domain or one above.
  validation {
    condition     = alltrue([for channel in var.channels : anytrue([for end in ["@", "."] : endswith(lower(replace("@${channel.email.from}", "/\\+[^@]*@/", "@")), "${end}${lower(split(":identity/", channel.email.identity_arn)[1])}")]) if can(regex(local.address, channel.email.from)) && can(split(":identity/", channel.email.identity_arn)[1])])
    error_message = "email channels with an identity_arn that does not cover from, so that SES would refuse every message: ${join(", ", [for name, channel in var.channels : "${name} (${channel.email.from} by ${channel.email.identity_arn})" if !can(regex(local.address, channel.email.from)) || !can(split(":identity/", channel.email.identity_arn)[1]) ? false : !anytrue([for end in ["@", "."] : endswith(lower(replace("@${channel.email.from}", "/\\+[^@]*@/", "@")), "${end}${lower(split(":identity/", channel.email.identity_arn)[1])}")])])}. The identity must be the address, its domain or a domain above."
  }

  validation {
    condition     = alltrue(flatten([for channel in var.channels : [for kind, sns in merge([for part in [channel] : part if can(keys(part))]...) : length([for value in values(merge([for part in [sns] : part if can(keys(part))]...)) : value if value != null]) == 1 if kind == "sns" && sns != null]]))
    error_message = "sns channels need exactly one of topic_arn (your topic) and emails (a topic of Tocsin's own; [] for no subscription yet): ${join(", ", flatten([for name, channel in var.channels : [for kind, sns in merge([for part in [channel] : part if can(keys(part))]...) : name if kind == "sns" && sns != null && length([for value in values(merge([for part in [sns] : part if can(keys(part))]...)) : value if value != null]) != 1]]))}."
  }

  validation {
    condition     = alltrue([for channel in var.channels : can(regex(local.topic_arn, channel.sns.topic_arn)) if try(channel.sns.topic_arn, null) != null])
    error_message = "sns channels with a topic_arn that is not the ARN of a standard topic: ${join(", ", [for name, channel in var.channels : "${name} (${try("\"${channel.sns.topic_arn}\"", "no text")})" if try(channel.sns.topic_arn, null) == null ? false : !can(regex(local.topic_arn, channel.sns.topic_arn))])}. It looks like arn:aws:sns:REGION:ACCOUNT:NAME."
  }

  # The value is not shown: who confuses ARN and address would find the webhook in the output.
  validation {
    condition     = alltrue(flatten([for channel in var.channels : [for kind, slack in merge([for part in [channel] : part if can(keys(part))]...) : can(regex(local.secret_arn, slack.webhook_secret_arn)) if kind == "slack" && slack != null]]))
    error_message = "slack channels need the whole ARN of a Secrets Manager secret in webhook_secret_arn, with its six last characters, and never the webhook itself: ${join(", ", flatten([for name, channel in var.channels : [for kind, slack in merge([for part in [channel] : part if can(keys(part))]...) : name if kind == "slack" && slack != null && !can(regex(local.secret_arn, slack.webhook_secret_arn))]]))}."
  }

  validation {
    condition     = alltrue([for channel in var.channels : try(length(channel.slack.allowed_hosts) > 0 && alltrue([for host in channel.slack.allowed_hosts : can(regex(local.host, host))]), false) if try(channel.slack.allowed_hosts, null) != null])
    error_message = "slack channels need at least one host name in allowed_hosts, in lower case, without scheme, port or path: ${join(", ", [for name, channel in var.channels : "${name} (${join(" ", try([for host in channel.slack.allowed_hosts : host == null ? "null" : host], ["no list"]))})" if try(channel.slack.allowed_hosts, null) == null ? false : !try(length(channel.slack.allowed_hosts) > 0 && alltrue([for host in channel.slack.allowed_hosts : can(regex(local.host, host))]), false)])}."
  }
}

variable "routes" {
  description = <<-EOT
    Which findings go to which channels (`to`): the first route that matches decides, unless it says `continue`; the last one takes everything.
    No routes: everything goes to every channel. `match` and `except` hold lists of values, of which one must fit in every criterion named:
    `severities`, `products`, `finding_types`, `control_ids`, `vulnerability_ids`, `titles`, `account_ids` (ids or `@group`), `regions`,
    `resource_types`, `resource_ids`, `tag:KEY`; globs `*` and `?` in all but severities.
  EOT
  type        = any
  default     = []
  nullable    = false

  validation {
    condition     = try(length(var.routes) == 0 || can(var.routes[0]), false)
    error_message = "routes must be a list, because the first one that matches decides: routes = [{ to = [\"soc\"] }]."
  }

  validation {
    condition     = alltrue([for route in var.routes : length(setsubtract(try(keys(route), []), local.route_attributes)) == 0])
    error_message = "routes with unknown attributes: ${join(", ", flatten([for i, route in var.routes : [for unknown in setsubtract(try(keys(route), []), local.route_attributes) : "\"${unknown}\" in routes[${i}]"]]))}. A route has ${join(", ", local.route_attributes)}."
  }

  validation {
    condition     = alltrue([for route in var.routes : try(length(tolist(route.to)) > 0, false)])
    error_message = "routes without a list of channels in to: ${join(", ", [for i, route in var.routes : "routes[${i}]" if !try(length(tolist(route.to)) > 0, false)])}. What matches there would never be heard: name a channel, as in to = [\"soc\"], or remove the route."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : try([for name in route.to : try(contains(keys(var.channels), name), false)], [])]))
    error_message = "routes lead to channels that do not exist: ${join(", ", flatten([for i, route in var.routes : try([for name in route.to : "${try("\"${name}\"", "null")} in routes[${i}]" if !try(contains(keys(var.channels), name), false)], [])]))}. The channels are: ${join(", ", try(coalescelist(keys(var.channels)), ["none"]))}."
  }

  validation {
    condition     = length(var.routes) == 0 ? true : try(length(var.routes[length(var.routes) - 1].match), 0) + try(length(var.routes[length(var.routes) - 1].except), 0) == 0
    error_message = "The last route (routes[${length(var.routes) - 1}]) must take everything, so that nothing is left unheard: remove its match and except, or add a route after it that has only to."
  }

  validation {
    condition     = alltrue([for i, route in var.routes : try(length(route.match), 0) + try(length(route.except), 0) > 0 || try(tobool(route.continue), false) == true if try(i < length(var.routes) - 1, false)])
    error_message = "Routes before the last that take everything, so that those after them never hear anything: ${join(", ", [for i, route in var.routes : "routes[${i}]" if try(i < length(var.routes) - 1, false) && try(length(route.match), 0) + try(length(route.except), 0) == 0 && try(tobool(route.continue), false) != true])}. Give each a match or continue = true."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for part in ["match", "except"] : [for criterion in try(keys(route[part]), []) : can(regex(local.criterion, criterion))]]]))
    error_message = "routes with unknown criteria: ${join(", ", flatten([for i, route in var.routes : [for part in ["match", "except"] : [for criterion in try(keys(route[part]), []) : "\"${criterion}\" in routes[${i}].${part}" if !can(regex(local.criterion, criterion))]]]))}. Use severities, products, finding_types, control_ids, vulnerability_ids, titles, account_ids, regions, resource_types, resource_ids or tag:KEY."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for part in ["match", "except"] : try([for values in route[part] : try(length(tolist(values)) > 0, false)], [])]]))
    error_message = "routes with criteria that hold no list of values: ${join(", ", flatten([for i, route in var.routes : [for part in ["match", "except"] : try([for criterion, values in route[part] : "${criterion} in routes[${i}].${part}" if !try(length(tolist(values)) > 0, false)], [])]]))}. Write a list, even of one; leave the criterion out to mean any."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for part in ["match", "except"] : try([for values in route[part] : try([for value in values : can(regex(local.value, value))], [])], [])]]))
    error_message = "routes with values that can never fit, because they are empty or have space around them: ${join(", ", flatten([for i, route in var.routes : [for part in ["match", "except"] : try([for criterion, values in route[part] : try([for value in values : "${try("\"${value}\"", "null")} in routes[${i}].${part}.${criterion}" if !can(regex(local.value, value))], [])], [])]]))}."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for part in ["match", "except"] : try([for severity in route[part].severities : try(contains(local.severities, severity), true)], [])]]))
    error_message = "routes name unknown severities: ${join(", ", flatten([for i, route in var.routes : [for part in ["match", "except"] : try([for severity in route[part].severities : "\"${severity}\" in routes[${i}].${part}" if !try(contains(local.severities, severity), true)], [])]]))}. Use INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL."
  }

  validation {
    condition     = alltrue(flatten([for route in var.routes : [for part in ["match", "except"] : try([for id in route[part].account_ids : try(startswith(id, "@") ? contains(keys(var.account_groups), trimprefix(id, "@")) : can(regex(local.account_glob, id)), true)], [])]]))
    error_message = "routes name accounts that are neither 12 digits in quotes nor a known @group: ${join(", ", flatten([for i, route in var.routes : [for part in ["match", "except"] : try([for id in route[part].account_ids : "\"${id}\" in routes[${i}].${part}" if !try(startswith(id, "@") ? contains(keys(var.account_groups), trimprefix(id, "@")) : can(regex(local.account_glob, id)), true)], [])]]))}. The account_groups are: ${join(", ", coalescelist(keys(var.account_groups), ["none"]))}."
  }
}

variable "ses_identities" {
  description = "SES identities to create: domains or addresses. By default none, for identities that are verified elsewhere. A domain is verified once the DNS has the records of the output `ses_dkim_tokens`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for identity in var.ses_identities : can(regex(local.identity, identity))])
    error_message = "ses_identities must be domains or e-mail addresses: ${join(", ", [for identity in var.ses_identities : try("\"${identity}\"", "null") if !can(regex(local.identity, identity))])}."
  }
}

variable "ses_configuration_set" {
  description = "Whether to create an SES configuration set of this installation's name, with reputation metrics, and send every e-mail channel that names none through it."
  type        = bool
  default     = false
  nullable    = false
}

# How it reads ---------------------------------------------------------------------------------------------------------

variable "template_overrides" {
  description = <<-EOT
    A directory with templates of your own, each in the place of the one of the same name in this module's `templates` directory, such as
    `slack/alert.json.j2`; null uses Tocsin's own. Write it with `path.module` or `path.root`, as in "$${path.module}/templates". They become
    a part of the settings. `tocsin render` shows what comes of them; where one fails, Tocsin's own is used instead, and the message says so.
  EOT
  type        = string
  default     = null

  # The regex fails for a path of nothing, of which fileset would read the whole working directory, however large.
  validation {
    condition     = var.template_overrides == null ? true : length(try(fileset(regex(".*\\S.*", var.template_overrides), "**"), [])) > 0
    error_message = "template_overrides (${try("\"${var.template_overrides}\"", "null")}) is no directory that holds a file. Write it as \"$${path.module}/templates\", put a template into it, or leave template_overrides out."
  }

  validation {
    condition     = length(setsubtract(try(fileset(regex(".*\\S.*", var.template_overrides), "**"), []), local.template_names)) == 0
    error_message = "template_overrides has files that are in the place of no template: ${join(", ", [for i, name in sort(setsubtract(try(fileset(regex(".*\\S.*", var.template_overrides), "**"), []), local.template_names)) : i < 5 ? name : "…" if i < 6])}. Rename or remove them. The templates are: ${join(", ", sort(local.template_names))}."
  }

  # As they are stored: JSON takes six bytes for a < or >.
  validation {
    condition     = sum(concat([0], [for name in try(setintersection(fileset(regex(".*\\S.*", var.template_overrides), "**"), local.template_names), []) : length(base64encode(jsonencode(file("${var.template_overrides}/${name}")))) * 3 / 4])) <= local.most_template_bytes
    error_message = "template_overrides takes more than ${local.most_template_bytes} bytes in the settings, where < and > count six times: ${join(", ", [for name in try(setintersection(fileset(regex(".*\\S.*", var.template_overrides), "**"), local.template_names), []) : "${name} ${length(base64encode(jsonencode(file("${var.template_overrides}/${name}")))) * 3 / 4}"])}. Make the templates shorter; pictures and styles belong elsewhere."
  }
}

# Who hears that Tocsin itself is in trouble ---------------------------------------------------------------------------

variable "alarm_topic" {
  description = <<-EOT
    Your SNS topic for alarms and failure reports, by its `arn`; null creates one. Its policy must let cloudwatch.amazonaws.com and
    events.amazonaws.com publish (the latter without a Condition). Where it is encrypted with a customer managed key, the key's policy
    must let both use it, and the role `sweep` (output `role_arns`) too: kms:Decrypt and kms:GenerateDataKey.
  EOT
  type        = object({ arn = string }) # an object, so that whether there is one is known when planning also where its ARN is not
  default     = null

  validation {
    condition     = var.alarm_topic == null ? true : can(regex(local.topic_arn, var.alarm_topic.arn))
    error_message = "alarm_topic.arn (\"${try(coalesce(var.alarm_topic.arn, "null"), "null")}\") is not the ARN of a standard SNS topic. It looks like arn:aws:sns:REGION:ACCOUNT:NAME."
  }
}

variable "alarm_emails" {
  description = "E-mail addresses to subscribe to the alarm topic that is created; each confirms by mail."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex(local.address, address))])
    error_message = "alarm_emails must be plain e-mail addresses: ${join(", ", [for address in var.alarm_emails : try("\"${address}\"", "null") if !can(regex(local.address, address))])}."
  }

  validation {
    condition     = var.alarm_topic == null || length(var.alarm_emails) == 0
    error_message = "alarm_emails (${join(", ", var.alarm_emails)}) are subscribed to Tocsin's own alarm topic, which alarm_topic replaces: subscribe them to your topic, or leave alarm_topic out."
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

# How it fits an estate ------------------------------------------------------------------------------------------------

variable "role_path" {
  description = "Path of every role, such as `/tocsin/`."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex(local.role_path, var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path (\"${var.role_path}\") must begin and end with a slash, such as \"/\" or \"/security/tocsin/\", and have at most 512 characters."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the IAM policy that bounds what every role may do; null sets none. It must allow what the output `role_policies` lists."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex(local.policy_arn, var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn (\"${var.permissions_boundary_arn == null ? "null" : var.permissions_boundary_arn}\") is not the ARN of an IAM policy. It looks like arn:aws:iam::ACCOUNT:policy/NAME."
  }
}

variable "kms_key_arn" {
  description = <<-EOT
    ARN of the KMS key, in the same Region, that encrypts tables, logs, the functions' environment, the alert machine and Tocsin's own topics;
    null leaves them to AWS's keys. The key's policy must hold what the output `kms_key_policy` says. Queues stay encrypted by SQS: with a
    wrong key policy an event would be lost, and its dead letter too.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex(local.key_arn, var.kms_key_arn))
    error_message = "kms_key_arn (\"${var.kms_key_arn == null ? "null" : var.kms_key_arn}\") is not the ARN of a KMS key. It looks like arn:aws:kms:REGION:ACCOUNT:key/ID; an alias does not do, because permissions name the key itself."
  }
}

variable "vpc_subnet_ids" {
  description = <<-EOT
    IDs of the subnets that every function runs in; empty means outside of your VPCs. From there they must reach DynamoDB, SQS, Step Functions
    and SNS, and for the channels in use SES, Secrets Manager and Slack: through a NAT gateway or VPC endpoints.
  EOT
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.vpc_subnet_ids : can(regex(local.subnet_id, id))])
    error_message = "vpc_subnet_ids must be IDs of subnets, such as \"subnet-0123456789abcdef0\": ${join(", ", [for id in var.vpc_subnet_ids : "\"${coalesce(id, "null")}\"" if !can(regex(local.subnet_id, id))])}."
  }
}

variable "vpc_security_group_ids" {
  description = "IDs of the security groups of every function, which let HTTPS out. Given together with `vpc_subnet_ids`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.vpc_security_group_ids : can(regex(local.group_id, id))])
    error_message = "vpc_security_group_ids must be IDs of security groups, such as \"sg-0123456789abcdef0\": ${join(", ", [for id in var.vpc_security_group_ids : "\"${coalesce(id, "null")}\"" if !can(regex(local.group_id, id))])}."
  }

  validation {
    condition     = (length(var.vpc_security_group_ids) > 0) == (length(var.vpc_subnet_ids) > 0)
    error_message = "A function in a VPC needs subnets and security groups: vpc_subnet_ids has ${length(var.vpc_subnet_ids)}, vpc_security_group_ids has ${length(var.vpc_security_group_ids)}. Give both, or neither."
  }
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables. Set it to false and apply before you destroy the installation."
  type        = bool
  default     = false
  nullable    = false
}

variable "lambda_package" {
  description = <<-EOT
    Your own copies of the two zips in `lambda/dist` of this version, scanned or signed, in a versioned bucket of the same Region; null takes the
    module's own. `s3_bucket`; `code` (tocsin.zip) and `dependencies` (dependencies.zip), each with `s3_key` and `s3_object_version`, whose change
    updates the functions; `code_signing_config_arn` (the configuration that every function is checked by; null for none).
  EOT
  type = object({
    s3_bucket               = string
    code                    = object({ s3_key = string, s3_object_version = string })
    dependencies            = object({ s3_key = string, s3_object_version = string })
    code_signing_config_arn = string
  })
  default = null

  validation {
    condition     = var.lambda_package == null ? true : can(regex(local.bucket, var.lambda_package.s3_bucket))
    error_message = "lambda_package.s3_bucket (\"${try(coalesce(var.lambda_package.s3_bucket, "null"), "null")}\") is not the name of a bucket. Give the name alone, without s3:// or arn:."
  }

  validation {
    condition     = var.lambda_package == null ? true : alltrue([for object in [var.lambda_package.code, var.lambda_package.dependencies] : try(length(object.s3_key) > 0 && length(object.s3_object_version) > 0, false)])
    error_message = "lambda_package needs the s3_key and s3_object_version of both zips: ${try(join(", ", [for name, object in { code = var.lambda_package.code, dependencies = var.lambda_package.dependencies } : "${name} (key \"${try(coalesce(object.s3_key, "null"), "null")}\", version \"${try(coalesce(object.s3_object_version, "null"), "null")}\")" if !try(length(object.s3_key) > 0 && length(object.s3_object_version) > 0, false)]), "null")}. A zip put there under the same name would go unnoticed without its version."
  }

  validation {
    condition     = var.lambda_package == null ? true : try(var.lambda_package.code.s3_key != var.lambda_package.dependencies.s3_key, true)
    error_message = "lambda_package has the same s3_key (\"${try(var.lambda_package.code.s3_key, "null")}\") for code and dependencies: code is tocsin.zip, dependencies is dependencies.zip."
  }

  validation {
    condition     = try(var.lambda_package.code_signing_config_arn, null) == null ? true : can(regex(local.signing_arn, var.lambda_package.code_signing_config_arn))
    error_message = "lambda_package.code_signing_config_arn (\"${try(coalesce(var.lambda_package.code_signing_config_arn, "null"), "null")}\") is not the ARN of a code signing configuration. It looks like arn:aws:lambda:REGION:ACCOUNT:code-signing-config:csc-ID."
  }
}
