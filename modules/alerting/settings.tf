# What tfvars say, as one JSON document in a table that functions only read. An item never changes: its key has its hash.

locals {
  # No routes: everything to every channel. No channels either: no route, and every alert becomes an alarm of its own.
  routes = length(var.settings.routes) > 0 || length(var.channels.settings) == 0 ? var.settings.routes : [
    { to = keys(var.channels.settings), match = {}, except = {}, continue = false },
  ]

  # In the document, because a change of a template then is a change of settings: one hash, and functions that never mix old and
  # new. The environment of a function holds 4 KB, and a layer would have to be zipped on the machine that plans.
  templates = var.settings.template_overrides == null ? {} : {
    for name in fileset(var.settings.template_overrides, "**") : name => trimprefix(file("${var.settings.template_overrides}/${name}"), "\ufeff")
  }

  settings = jsonencode({
    name             = var.config.name
    mode             = var.settings.mode
    backlog          = var.settings.backlog
    samples          = var.settings.samples
    minimum_severity = var.settings.minimum_severity
    dedupe_days      = merge({ CRITICAL = 1, HIGH = 7, MEDIUM = 15, LOW = 30, INFORMATIONAL = 30 }, var.settings.dedupe_days)
    products         = var.settings.products
    account_ids      = var.settings.account_ids
    templates        = local.templates
    channels         = { for name, channel in var.channels.settings : name => { for kind, value in channel : kind => value if value != null } }
    routes = [for route in local.routes : {
      to       = route.to
      continue = route.continue
      match    = { for criterion, values in route.match : criterion => criterion == "account_ids" ? flatten([for id in values : try(local.groups[id], id)]) : values }
      except   = { for criterion, values in route.except : criterion => criterion == "account_ids" ? flatten([for id in values : try(local.groups[id], id)]) : values }
    }]
  })

  groups        = { for name, ids in var.settings.account_groups : "@${name}" => ids }
  settings_hash = sha256(local.settings)

  # A number is no secret, though an ARN in the settings may be marked as one. (Before 1.10 a plain value is refused.)
  bytes          = floor(length(base64encode(local.settings)) * 3 / 4)
  settings_bytes = try(nonsensitive(local.bytes), local.bytes)
}

resource "aws_dynamodb_table" "settings" {
  name                        = "${var.config.name}-settings"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  deletion_protection_enabled = var.config.deletion_protection
  tags                        = var.config.tags

  attribute {
    name = "pk"
    type = "S"
  }

  server_side_encryption {
    enabled     = var.config.kms_key_arn != null
    kms_key_arn = var.config.kms_key_arn
  }
}

# Replaced, not changed in place, when the settings change: the new item, then the functions that name it, then the old item
# goes. So a function finds its settings at any time, also while they are applied. (An item for each hash by for_each does the
# same, but only for settings that are known when planning: not with the ARN of a secret made in the same plan.)
resource "aws_dynamodb_table_item" "settings" {
  table_name = aws_dynamodb_table.settings.name
  hash_key   = aws_dynamodb_table.settings.hash_key

  item = jsonencode({
    pk       = { S = "${local.settings_hash}/${terraform_data.settings.id}" }
    document = { S = local.settings }
  })

  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.settings]
  }
}

# Makes each item's key a new one. The hash alone would not do: settings that are known only while they are applied (a
# depends_on on the whole module) are replaced though they are the same, and an item is never put over another.
resource "terraform_data" "settings" {
  triggers_replace = local.settings_hash

  lifecycle {
    create_before_destroy = true

    # An item holds 400 KB, its key included: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    precondition {
      condition     = local.settings_bytes <= 409000
      error_message = "The settings take ${local.settings_bytes} bytes, and the item that holds them at most 409000: shorten account_groups, routes, or the templates in template_overrides."
    }
  }
}
