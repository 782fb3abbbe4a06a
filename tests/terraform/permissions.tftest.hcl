# One role for each function with exactly its statements, and who else may do what.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

override_resource {
  target = module.alerting.aws_dynamodb_table.ledger
  values = { arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/tocsin-ledger" }
}

override_resource {
  target = module.alerting.aws_dynamodb_table.settings
  values = { arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/tocsin-settings" }
}

override_resource {
  target = module.intake.aws_sqs_queue.intake
  values = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-intake" }
}

override_resource {
  target = module.intake.aws_sqs_queue.dead_letters
  values = { arn = "arn:aws:sqs:eu-west-1:111122223333:tocsin-dead-letters" }
}

override_resource {
  target = module.alerting.module.tell.aws_lambda_function.this
  values = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:tocsin-tell" }
}

override_resource {
  target = module.alerting.module.settle.aws_lambda_function.this
  values = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:tocsin-settle" }
}

override_resource {
  target = module.alerting.module.sweep.aws_lambda_function.this
  values = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:tocsin-sweep" }
}

variables {
  alarm_emails = ["ops@example.com"]
  channels = {
    mail  = { email = { from = "tocsin@example.com", to = ["soc@example.com"] } }
    pay   = { email = { from = "tocsin@pay.example.com", to = ["pay@example.com"], identity_arn = "arn:aws:ses:eu-central-1:444455556666:identity/example.com", configuration_set = "pay" } }
    again = { email = { from = "tocsin@example.com", to = ["lead@example.com"] } }
    audit = { sns = { topic_arn = "arn:aws:sns:eu-west-1:444455556666:audit" } }
    desk  = { sns = { emails = ["desk@example.com"] } }
    chat  = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:chat-AbCdEf" } }
  }
}

run "functions" {
  command = apply

  assert {
    condition = jsondecode(output.role_policies["triage"]).Statement == [
      { Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-west-1:111122223333:tocsin-intake"] },
      { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-west-1:111122223333:tocsin-dead-letters"] },
      { Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = ["arn:aws:dynamodb:eu-west-1:111122223333:table/tocsin-settings"] },
      { Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], Resource = ["arn:aws:dynamodb:eu-west-1:111122223333:table/tocsin-ledger"] },
      { Effect = "Allow", Action = ["states:StartExecution"], Resource = ["arn:aws:states:eu-west-1:111122223333:stateMachine:mock"] },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws:logs:eu-west-1:111122223333:log-group:mock:*"] },
    ]
    error_message = "triage: ${output.role_policies["triage"]}"
  }

  assert {
    condition = jsondecode(output.role_policies["tell"]).Statement == [
      { Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = ["arn:aws:dynamodb:eu-west-1:111122223333:table/tocsin-settings"] },
      { Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-west-1:111122223333:table/tocsin-ledger"] },
      {
        Effect = "Allow", Action = ["ses:SendEmail"], Resource = [
          "arn:aws:ses:eu-west-1:111122223333:identity/*",
          "arn:aws:ses:eu-west-1:111122223333:configuration-set/*",
          "arn:aws:ses:eu-central-1:111122223333:identity/*",
          "arn:aws:ses:eu-central-1:111122223333:configuration-set/*",
          "arn:aws:ses:eu-central-1:444455556666:identity/example.com",
        ]
        Condition = { StringEquals = { "ses:FromAddress" = ["tocsin@example.com", "tocsin@pay.example.com"] } }
      },
      { Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-west-1:444455556666:audit", "arn:aws:sns:eu-west-1:111122223333:tocsin-channel-desk"] },
      { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:chat-AbCdEf"] },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws:logs:eu-west-1:111122223333:log-group:mock:*"] },
    ]
    error_message = "tell: ${output.role_policies["tell"]}"
  }

  assert {
    condition = jsondecode(output.role_policies["settle"]).Statement == [
      { Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], Resource = ["arn:aws:dynamodb:eu-west-1:111122223333:table/tocsin-ledger"] },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws:logs:eu-west-1:111122223333:log-group:mock:*"] },
    ]
    error_message = "settle: ${output.role_policies["settle"]}"
  }

  assert {
    condition = jsondecode(output.role_policies["sweep"]).Statement == [
      { Effect = "Allow", Action = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], Resource = ["arn:aws:dynamodb:eu-west-1:111122223333:table/tocsin-ledger"] },
      { Effect = "Allow", Action = ["states:StartExecution"], Resource = ["arn:aws:states:eu-west-1:111122223333:stateMachine:mock"] },
      { Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-west-1:111122223333:tocsin-alarms"] },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws:logs:eu-west-1:111122223333:log-group:mock:*"] },
    ]
    error_message = "sweep: ${output.role_policies["sweep"]}"
  }
}
