# Warnings: what may be meant, and is worth a second look.

locals {
  # As Security Hub names them: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html
  aws_products = [
    "Config", "Detective", "Firewall Manager", "GuardDuty", "Health", "IAM Access Analyzer", "Inspector", "IoT Device Defender",
    "Macie", "Route 53 Resolver DNS Firewall", "Security Hub", "Security Hub Exposure", "Systems Manager Patch Manager",
  ]

  # Whole names; a glob cannot be looked up.
  named_products = distinct(concat(var.products, flatten([for route in var.routes : [for part in ["match", "except"] : [
    for product in try(route[part].products, []) : product if !can(regex("[*?[]", product))
  ]]])))
  unknown_products = [for product in local.named_products : product if !contains([for name in local.aws_products : lower(name)], lower(product))]

  unheard_channels = setsubtract(keys(var.channels), flatten([for route in var.routes : route.to]))

  named_groups   = flatten([for route in var.routes : [for part in ["match", "except"] : [for id in try(route[part].account_ids, []) : trimprefix(id, "@") if startswith(id, "@")]]])
  unnamed_groups = setsubtract(keys(var.account_groups), local.named_groups)

  told_severities = slice(local.severities, index(local.severities, var.minimum_severity), length(local.severities))
  untold_routes = [for i, route in var.routes : "routes[${i}] (${join(", ", route.match.severities)})"
  if try(length(setintersection(route.match.severities, local.told_severities)) == 0, false)]

  # A topic or webhook with the channels that lead there.
  destinations = { for name, channel in var.channels : try(coalesce(channel.sns.topic_arn), coalesce(channel.slack.webhook_secret_arn), name) => name... }

  shared_destinations = [for names in values(local.destinations) : join(", ", names) if length(names) > 1]

  # What a feed carries when it is not Security Hub, which carries everything.
  native_products = { guardduty = "guardduty", inspector = "inspector" }
  mute_feeds = [for feed, product in local.native_products : feed if contains(keys(var.feeds), feed) && length(var.products) > 0
  && !contains([for name in var.products : lower(name)], product)]
  carries_everything = length(setintersection(keys(var.feeds), ["security_hub", "security_hub_v2"])) > 0

  senders           = [for channel in var.channels : lower(channel.email.from) if can(channel.email.from)]
  unused_identities = [for identity in var.ses_identities : identity if !anytrue([for from in local.senders : endswith("@${from}", "@${lower(identity)}") || endswith(from, ".${lower(identity)}")])]
}

check "somebody_is_told" {
  assert {
    condition     = length(var.channels) > 0
    error_message = "No channel is configured: findings are recorded, but nobody is told. Add one to channels."
  }
}

check "somebody_hears_of_trouble" {
  assert {
    condition     = var.alarm_topic != null || length(var.alarm_emails) > 0
    error_message = "Nobody hears when Tocsin itself is in trouble: set alarm_emails or alarm_topic."
  }
}

check "products_are_known" {
  assert {
    condition     = length(local.unknown_products) == 0
    error_message = "products, here or in routes, has names that no AWS service uses: ${join(", ", local.unknown_products)}. That is right for another vendor's product; a misspelt name never fits. AWS uses: ${join(", ", local.aws_products)}."
  }
}

check "feeds_bring_products" {
  assert {
    condition     = local.carries_everything || length(local.mute_feeds) == 0
    error_message = "products (${join(", ", var.products)}) leaves out all that these feeds bring: ${join(", ", local.mute_feeds)}. Name their products too, or take the feed security_hub, which carries every product."
  }
}

check "channels_are_heard" {
  assert {
    condition     = length(var.routes) == 0 || length(local.unheard_channels) == 0
    error_message = "No route leads to these channels, so nobody hears anything there: ${join(", ", local.unheard_channels)}. Name them in the to of a route, or remove them."
  }
}

check "channels_differ" {
  assert {
    condition     = try(nonsensitive(length(local.shared_destinations)), length(local.shared_destinations)) == 0
    error_message = "Channels that lead to one and the same place, where an alert for both is told twice: ${join("; ", try(nonsensitive(local.shared_destinations), local.shared_destinations))}. One channel can be in the to of several routes."
  }
}

check "account_groups_are_used" {
  assert {
    condition     = length(local.unnamed_groups) == 0
    error_message = "No route names these account_groups: ${join(", ", local.unnamed_groups)}. Write account_ids = [\"@name\"] in the match or except of a route, or remove them."
  }
}

check "routes_are_reached" {
  assert {
    condition     = length(local.untold_routes) == 0
    error_message = "minimum_severity (${var.minimum_severity}) keeps quiet about everything that these routes match, but for what somebody asks for: ${join("; ", local.untold_routes)}. Lower minimum_severity, or remove the routes."
  }
}

check "ses_identities_are_used" {
  assert {
    condition     = length(local.unused_identities) == 0
    error_message = "No email channel sends from these ses_identities: ${join(", ", local.unused_identities)}. Is from in channels another domain? Remove those that nobody needs."
  }
}
