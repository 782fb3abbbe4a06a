# The estate's key and VPC: the statements that they take, no more, and the policy that the key needs. In another partition, where
# the logs' principal has another domain.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

override_data {
  target = data.aws_partition.current
  values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
}

override_data {
  target = data.aws_region.current
  values = { name = "cn-north-1" }
}

variables {
  role_path    = "/security/"
  kms_key_arn  = "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
  alarm_emails = ["ops@example.com"]
  channels = {
    desk = { sns = { emails = ["desk@example.com"] } }
    chat = { slack = { webhook_secret_arn = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:chat-AbCdEf" } }
    mail = { email = { from = "tocsin@example.com", to = ["soc@example.com"] } }
  }
}

run "statements_on_the_key" {
  command = apply

  assert {
    condition = jsonencode({
      for role, policy in output.role_policies : role => [
        for statement in jsondecode(policy).Statement : [statement.Action, statement.Condition] if startswith(statement.Action[0], "kms:")
      ]
      }) == jsonencode({
      alert = [
        [["kms:Decrypt"], { StringLike = { "kms:ViaService" = ["dynamodb.cn-north-1.*"] } }],
        [["kms:Decrypt", "kms:GenerateDataKey"], { StringEquals = { "kms:EncryptionContext:aws:states:stateMachineArn" = ["arn:aws-cn:states:cn-north-1:111122223333:stateMachine:tocsin-alert"] } }],
        [["kms:GenerateDataKey"], { StringEquals = { "kms:EncryptionContext:SourceArn" = ["arn:aws-cn:logs:cn-north-1:111122223333:*"] } }],
      ]
      schedule = []
      settle = [
        [["kms:Decrypt"], { StringLike = { "kms:ViaService" = ["dynamodb.cn-north-1.*"] } }],
        [["kms:Decrypt"], { StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = ["arn:aws-cn:lambda:cn-north-1:111122223333:function:tocsin-settle"] } }],
      ]
      sweep = [
        [["kms:Decrypt"], { StringLike = { "kms:ViaService" = ["dynamodb.cn-north-1.*"] } }],
        [["kms:Decrypt", "kms:GenerateDataKey"], { StringEquals = { "kms:EncryptionContext:aws:states:stateMachineArn" = ["arn:aws-cn:states:cn-north-1:111122223333:stateMachine:tocsin-alert"] } }],
        [["kms:Decrypt", "kms:GenerateDataKey*"], { StringLike = { "kms:ViaService" = ["sns.cn-north-1.*"] } }],
        [["kms:Decrypt"], { StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = ["arn:aws-cn:lambda:cn-north-1:111122223333:function:tocsin-sweep"] } }],
      ]
      tell = [
        [["kms:Decrypt", "kms:GenerateDataKey*"], { StringLike = { "kms:ViaService" = ["sns.cn-north-1.*"] } }],
        [["kms:Decrypt"], { StringLike = { "kms:ViaService" = ["secretsmanager.cn-north-1.*"] } }],
        [["kms:Decrypt"], { StringLike = { "kms:ViaService" = ["dynamodb.cn-north-1.*"] } }],
        [["kms:Decrypt"], { StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = ["arn:aws-cn:lambda:cn-north-1:111122223333:function:tocsin-tell"] } }],
      ]
      triage = [
        [["kms:Decrypt"], { StringLike = { "kms:ViaService" = ["dynamodb.cn-north-1.*"] } }],
        [["kms:Decrypt", "kms:GenerateDataKey"], { StringEquals = { "kms:EncryptionContext:aws:states:stateMachineArn" = ["arn:aws-cn:states:cn-north-1:111122223333:stateMachine:tocsin-alert"] } }],
        [["kms:Decrypt"], { StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = ["arn:aws-cn:lambda:cn-north-1:111122223333:function:tocsin-triage"] } }],
      ]
    })
    error_message = "Statements on the key: ${jsonencode({ for role, policy in output.role_policies : role => [for statement in jsondecode(policy).Statement : [statement.Action, statement.Condition] if startswith(statement.Action[0], "kms:")] })}"
  }

  assert {
    condition     = alltrue(flatten([for policy in output.role_policies : [for statement in jsondecode(policy).Statement : statement.Resource == [var.kms_key_arn] if startswith(statement.Action[0], "kms:")]]))
    error_message = "A statement reaches another key than the estate's."
  }

  assert {
    condition = { for statement in jsondecode(output.kms_key_policy).Statement : statement.Sid => [statement.Principal, statement.Action, try(statement.Condition, null)] } == {
      Account = [{ AWS = "arn:aws-cn:iam::111122223333:root" }, ["kms:*"], null]
      Roles   = [{ AWS = "arn:aws-cn:iam::111122223333:root" }, ["kms:Decrypt", "kms:GenerateDataKey*"], { ArnLike = { "aws:PrincipalArn" = ["arn:aws-cn:iam::111122223333:role/security/tocsin-*-cn-north-1"] } }]
      LogGroups = [
        { Service = "logs.cn-north-1.amazonaws.com.cn" },
        ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = [
          "arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/lambda/tocsin-*",
          "arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/vendedlogs/states/tocsin-*",
        ] } },
      ]
      LogDelivery    = [{ Service = "delivery.logs.amazonaws.com" }, ["kms:Decrypt"], { StringLike = { "kms:EncryptionContext:SourceArn" = ["arn:aws-cn:logs:cn-north-1:111122223333:*"] } }]
      Alarms         = [{ Service = "cloudwatch.amazonaws.com" }, ["kms:Decrypt", "kms:GenerateDataKey*"], { StringEquals = { "aws:SourceAccount" = ["111122223333"] } }]
      FailureReports = [{ Service = "events.amazonaws.com" }, ["kms:Decrypt", "kms:GenerateDataKey*"], { StringEquals = { "kms:EncryptionContext:aws:sns:topicArn" = [output.alarm_topic_arn] } }]
    }
    error_message = "kms_key_policy: ${output.kms_key_policy}"
  }

  # The policy asks for what the roles, groups and topics are called.
  assert {
    condition     = alltrue([for name in values(output.log_group_names) : startswith(name, "/aws/lambda/tocsin-") || startswith(name, "/aws/vendedlogs/states/tocsin-")])
    error_message = "A log group that the key's policy does not know: ${jsonencode(output.log_group_names)}"
  }
}

run "no_key" {
  command = apply
  variables {
    kms_key_arn = null
  }

  assert {
    condition     = !strcontains(jsonencode(output.role_policies), "kms:")
    error_message = "Statements on no key: ${jsonencode(output.role_policies)}"
  }
}

run "own_topics" {
  command = plan
  module { source = "./modules/channels" }
  variables {
    config                = { name = "tocsin", partition = "aws-cn", region = "cn-north-1", account_id = "111122223333", tags = {}, kms_key_arn = "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd" }
    channels              = { desk = { sns = { emails = [] } } }
    ses_identities        = []
    ses_configuration_set = false
  }

  assert {
    condition     = aws_sns_topic.this["desk"].kms_master_key_id == var.config.kms_key_arn
    error_message = "A topic of ours with another key: ${aws_sns_topic.this["desk"].kms_master_key_id}"
  }
}

run "own_alarm_topic" {
  command = plan
  module { source = "./modules/monitoring" }
  variables {
    config                 = { name = "tocsin", partition = "aws-cn", region = "cn-north-1", account_id = "111122223333", tags = {}, kms_key_arn = "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd" }
    alarm_topic            = null
    queue_name             = "tocsin-intake"
    dead_letter_queue_name = "tocsin-dead-letters"
    state_machine_arn      = "arn:aws-cn:states:cn-north-1:111122223333:stateMachine:tocsin-alert"
    sweep_function_name    = "tocsin-sweep"
  }

  assert {
    condition     = aws_sns_topic.alarms[0].kms_master_key_id == var.config.kms_key_arn
    error_message = "The alarm topic has another key."
  }
}
