data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  config = {
    name                     = var.name
    partition                = data.aws_partition.current.partition
    region                   = local.region
    account_id               = data.aws_caller_identity.current.account_id
    tags                     = var.tags
    role_path                = var.role_path
    permissions_boundary_arn = var.permissions_boundary_arn
    kms_key_arn              = var.kms_key_arn
    vpc_subnet_ids           = var.vpc_subnet_ids
    vpc_security_group_ids   = var.vpc_security_group_ids
    log_retention_days       = var.log_retention_days
    deletion_protection      = var.deletion_protection
  }

  buses = {
    for name, feed in var.feeds : name => { event_bus_name = try(feed.event_bus_name, null) == null ? "default" : feed.event_bus_name }
  }

  # The attribute is `name` in version 5 of the provider and `region` in version 6, which warns when it reads `name`. Neither may
  # be written out: the other version would not accept it.
  region = one([
    for attribute, value in data.aws_region.current : value
    if attribute == (contains(keys(data.aws_region.current), "region") ? "region" : "name")
  ])
}

module "package" {
  source = "./modules/package"

  name           = var.name
  runtime        = var.runtime
  lambda_package = var.lambda_package
}

module "channels" {
  source = "./modules/channels"

  config                = local.config
  channels              = var.channels
  ses_identities        = var.ses_identities
  ses_configuration_set = var.ses_configuration_set
}

module "alerting" {
  source = "./modules/alerting"

  config            = local.config
  package           = module.package.package
  channels          = module.channels
  queue             = module.intake.queue
  dead_letter_queue = module.intake.dead_letter_queue
  alarm_topic_arn   = module.monitoring.alarm_topic_arn

  settings = {
    mode             = var.mode
    backlog          = var.backlog
    samples          = var.samples
    minimum_severity = var.minimum_severity
    dedupe_days      = var.dedupe_days
    products         = var.products
    account_ids      = var.account_ids
    account_groups   = var.account_groups
    routes           = var.routes

    template_overrides = var.template_overrides
  }
}

module "intake" {
  source = "./modules/intake"

  config                   = local.config
  feeds                    = local.buses
  minimum_severity         = var.minimum_severity
  products                 = var.products
  function_arn             = module.alerting.functions["triage"].arn
  function_timeout_seconds = module.alerting.triage_timeout_seconds
}

module "monitoring" {
  source = "./modules/monitoring"

  config                 = local.config
  alarm_topic            = var.alarm_topic
  alarm_emails           = var.alarm_emails
  queue_name             = module.intake.queue.name
  dead_letter_queue_name = module.intake.dead_letter_queue.name
  state_machine_arn      = module.alerting.state_machine.arn
  sweep_function_name    = module.alerting.functions["sweep"].name
}
