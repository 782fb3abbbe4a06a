resource "aws_dynamodb_table" "ledger" {
  name                        = "${var.config.name}-ledger"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.config.deletion_protection
  tags                        = var.config.tags

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  # Off means a key of AWS's own. Left on without a key, the provider would keep the estate's, which the roles may no longer use.
  server_side_encryption {
    enabled     = var.config.kms_key_arn != null
    kms_key_arn = var.config.kms_key_arn
  }
}

# When the installation was made: what is older is backlog. Kept from the first apply on, and not part of the settings, which
# are known when planning.
resource "terraform_data" "installed_at" {
  input = timestamp()

  lifecycle {
    ignore_changes = [input]
  }
}

locals {
  environment = {
    LEDGER_TABLE   = aws_dynamodb_table.ledger.name
    SETTINGS_TABLE = aws_dynamodb_table.settings.name
    # Read from the item, not composed: so the item is there before a function names it.
    SETTINGS_KEY = jsondecode(aws_dynamodb_table_item.settings.item).pk.S
  }

  triage_timeout_seconds = 30

  read_settings = { actions = ["dynamodb:GetItem"], resources = [aws_dynamodb_table.settings.arn] }
  start_alert   = { actions = ["states:StartExecution"], resources = [aws_sfn_state_machine.alert.arn] }

  # What it takes where the estate's key encrypts: DynamoDB decrypts a table's key, and SNS makes data keys, as who calls them.
  # `*` after the Region stands for the partition's domain.
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
  # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
  # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
  key_arns = compact([var.config.kms_key_arn])
  decrypt_tables = [
    for key_arn in local.key_arns :
    { actions = ["kms:Decrypt"], resources = [key_arn], conditions = { StringLike = { "kms:ViaService" = ["dynamodb.${var.config.region}.*"] } } }
  ]
  # Who starts an execution needs the key that encrypts it, as the machine itself does.
  # https://github.com/aws-samples/aws-stepfunctions-examples/pull/74
  encrypt_execution = [
    for key_arn in local.key_arns :
    { actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [key_arn], conditions = { StringEquals = { "kms:EncryptionContext:aws:states:stateMachineArn" = [local.machine_arn] } } }
  ]
  encrypt_alarms = [
    for key_arn in local.key_arns :
    { actions = ["kms:Decrypt", "kms:GenerateDataKey*"], resources = [key_arn], conditions = { StringLike = { "kms:ViaService" = ["sns.${var.config.region}.*"] } } }
  ]
}

# Concurrency is reserved for none of them: an account has it to give only above its unreserved minimum of 100, and the
# ledger's conditions hold whatever runs beside each other.

module "triage" {
  source = "../function"

  name            = "triage"
  description     = "Reads events: parses findings, decides, claims what is to be told and starts the alert."
  config          = var.config
  package         = var.package
  timeout_seconds = local.triage_timeout_seconds
  memory_mb       = 512

  environment = merge(local.environment, {
    ALERT_MACHINE_ARN     = aws_sfn_state_machine.alert.arn
    DEAD_LETTER_QUEUE_URL = var.dead_letter_queue.url
    INSTALLED_AT          = terraform_data.installed_at.output
  })

  # A transaction needs the permissions of the writes that it holds.
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
  statements = concat([
    { actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], resources = [var.queue.arn] },
    { actions = ["sqs:SendMessage"], resources = [var.dead_letter_queue.arn] },
    local.read_settings,
    { actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], resources = [aws_dynamodb_table.ledger.arn] },
    local.start_alert,
  ], local.decrypt_tables, local.encrypt_execution)
}

module "tell" {
  source = "../function"

  name            = "tell"
  description     = "Tells one alert on one channel: composes, reserves, sends."
  config          = var.config
  package         = var.package
  timeout_seconds = 60 # a stale webhook costs a secret and two posts, 50 seconds at worst; a reservation stands for 90
  memory_mb       = 512
  environment     = local.environment

  statements = concat([
    local.read_settings,
    { actions = ["dynamodb:GetItem", "dynamodb:UpdateItem"], resources = [aws_dynamodb_table.ledger.arn] },
  ], var.channels.statements, local.decrypt_tables)
}

module "settle" {
  source = "../function"

  name            = "settle"
  description     = "Records what came of telling one alert on one channel."
  config          = var.config
  package         = var.package
  timeout_seconds = 20
  memory_mb       = 256
  environment     = local.environment

  statements = concat([
    { actions = ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], resources = [aws_dynamodb_table.ledger.arn] },
  ], local.decrypt_tables)
}

module "sweep" {
  source = "../function"

  name            = "sweep"
  description     = "Each minute: finishes, starts again or gives up what waits in the outbox, and reports channels that fail."
  config          = var.config
  package         = var.package
  timeout_seconds = 50 # less than the minute between two sweeps
  memory_mb       = 256

  environment = merge(local.environment, {
    ALARM_TOPIC_ARN   = var.alarm_topic_arn
    ALERT_MACHINE_ARN = aws_sfn_state_machine.alert.arn
  })

  statements = concat([
    { actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], resources = [aws_dynamodb_table.ledger.arn] },
    local.start_alert,
    { actions = ["sns:Publish"], resources = [var.alarm_topic_arn] },
  ], local.decrypt_tables, local.encrypt_execution, local.encrypt_alarms)
}

# A sweep that was missed or failed is not made up for: the next one does its work. The schedule tries once to hand it over,
# and because it hands it over asynchronously, Lambda would run a failed one twice more, were it not told otherwise.
# https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
resource "aws_scheduler_schedule" "sweep" {
  name                = "${var.config.name}-sweep"
  description         = "Sweeps the outbox of ${var.config.name} each minute."
  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.sweep.arn
    role_arn = aws_iam_role.schedule.arn

    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 0
    }
  }
}

resource "aws_lambda_function_event_invoke_config" "sweep" {
  function_name                = module.sweep.name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}

resource "aws_iam_role" "schedule" {
  name                 = "${var.config.name}-schedule-${var.config.region}"
  path                 = var.config.role_path
  permissions_boundary = var.config.permissions_boundary_arn
  description          = "What the schedules of ${var.config.name} may do."
  tags                 = var.config.tags

  # As in modules/function: the name is unknown when planning if the whole module has a depends_on.
  lifecycle {
    ignore_changes = [name]
  }

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.config.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  name = "statements"
  role = aws_iam_role.schedule.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = [module.sweep.arn]
    }]
  })
}
