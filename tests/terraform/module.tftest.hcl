# The module as a whole: warnings, outputs, and that nothing is tied to one partition, Region or version of the provider.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  alarm_emails = ["ops@example.com"]
  channels     = { soc = { sns = { emails = ["soc@example.com"] } } }
}

run "warns_that_nobody_is_told" {
  command = plan
  variables {
    channels = {}
  }
  expect_failures = [check.somebody_is_told]
}

run "warns_that_nobody_hears_of_trouble" {
  command = plan
  variables {
    alarm_emails = []
  }
  expect_failures = [check.somebody_hears_of_trouble]
}

run "warns_of_unknown_products" {
  command = plan
  variables {
    products = ["guardduty", "GuardDutty"]
  }
  expect_failures = [check.products_are_known]
}

run "warns_of_unknown_products_in_routes" {
  command = plan
  variables {
    routes = [{ to = ["soc"], match = { products = ["GuardDuty", "Guard Duty", "Insp*"] } }, { to = ["soc"] }]
  }
  expect_failures = [check.products_are_known]
}

run "warns_of_a_channel_that_hears_nothing" {
  command = plan
  variables {
    channels = { soc = { sns = { emails = [] } }, pay = { sns = { emails = [] } } }
    routes   = [{ to = ["soc"], match = { products = ["Inspector"] } }, { to = ["soc"] }]
  }
  expect_failures = [check.channels_are_heard]
}

run "warns_of_two_channels_to_one_place" {
  command = plan
  variables {
    channels = { soc = { sns = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:x" } }, pay = { sns = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:x" } } }
  }
  expect_failures = [check.channels_differ]
}

run "warns_of_products_that_no_feed_brings" {
  command = plan
  variables {
    feeds    = { inspector = {} }
    products = ["GuardDuty"]
  }
  expect_failures = [check.feeds_bring_products]
}

run "warns_of_a_group_that_no_route_names" {
  command = plan
  variables {
    account_groups = { pci = ["444455556666"], lab = ["123456789012"] }
    routes         = [{ to = ["soc"], except = { account_ids = ["@lab"] } }, { to = ["soc"] }]
  }
  expect_failures = [check.account_groups_are_used]
}

run "warns_of_a_route_below_the_lowest_severity" {
  command = plan
  variables {
    minimum_severity = "HIGH"
    routes           = [{ to = ["soc"], match = { severities = ["LOW", "MEDIUM"] } }, { to = ["soc"] }]
  }
  expect_failures = [check.routes_are_reached]
}

run "warns_of_an_identity_that_nobody_sends_from" {
  command = plan
  variables {
    channels       = { soc = { email = { from = "tocsin@mail.example.com", to = ["soc@example.com"] } } }
    ses_identities = ["example.org", "Example.com"]
  }
  expect_failures = [check.ses_identities_are_used]
}

# What is near a warning and is none: it would fail the run.
run "warns_of_nothing_that_is_meant" {
  command = plan
  variables {
    minimum_severity = "HIGH"
    account_groups   = { pci = ["444455556666"] }
    channels = {
      soc = { email = { from = "tocsin+soc@mail.example.com", to = ["soc@example.com"], identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/Tocsin@mail.example.com" } }
      pay = { email = { from = "tocsin@mail.example.com", to = ["soc@example.com"], identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" } }
      one = { sns = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:x" } }
      two = { sns = { emails = [] } }
    }
    routes = [
      { to = ["one", "two"], match = { severities = ["LOW", "HIGH"], products = ["Insp*"] }, continue = true },
      { to = ["pay"], match = { account_ids = ["@pci"], products = ["guardduty"] } },
      { to = ["soc"] },
    ]
    ses_identities = ["mail.example.com"]
  }
}

run "your_topic_hears_of_trouble" {
  command = plan
  variables {
    alarm_emails = []
    alarm_topic  = { arn = "arn:aws:sns:eu-west-1:111122223333:ops" }
  }

  assert {
    condition     = output.alarm_topic_arn == "arn:aws:sns:eu-west-1:111122223333:ops"
    error_message = "alarm_topic_arn: ${output.alarm_topic_arn}"
  }
}

run "feeds_and_their_buses" {
  command = plan
  variables {
    feeds = { security_hub = {}, guardduty = { event_bus_name = "security-central" }, inspector = { event_bus_name = null } }
  }

  assert {
    condition     = { for name, feed in local.buses : name => feed.event_bus_name } == { security_hub = "default", guardduty = "security-central", inspector = "default" }
    error_message = "Buses: ${jsonencode(local.buses)}"
  }
}

# Without a warning, which would fail the run.
run "minimal_example" {
  command = plan
  module { source = "./examples/minimal" }
}

run "outputs_in_another_partition" {
  command = apply

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov" }
  }

  assert {
    condition     = output.topic_arns.soc == "arn:aws-us-gov:sns:eu-west-1:111122223333:tocsin-channel-soc" && output.alarm_topic_arn == "arn:aws-us-gov:sns:eu-west-1:111122223333:tocsin-alarms"
    error_message = "A partition is written out somewhere: ${jsonencode(output.topic_arns)}"
  }

  assert {
    condition     = strcontains(output.state_machine.definition, "arn:aws-us-gov:states:::lambda:invoke") && !strcontains(output.state_machine.definition, "arn:aws:states")
    error_message = "The machine calls the services of its own partition."
  }

  assert {
    condition     = output.name == "tocsin" && output.region == "eu-west-1" && output.queue.name == "tocsin-intake" && output.dead_letter_queue.name == "tocsin-dead-letters" && output.ledger_table.name == "tocsin-ledger" && output.state_machine.name == "tocsin-alert"
    error_message = "Names begin with the installation's."
  }

  assert {
    condition     = output.function_names == { triage = "tocsin-triage", tell = "tocsin-tell", settle = "tocsin-settle", sweep = "tocsin-sweep" } && toset(keys(output.role_arns)) == toset(["triage", "tell", "settle", "sweep", "alert", "schedule"])
    error_message = "Functions and roles: ${jsonencode(output.function_names)} ${jsonencode(output.role_arns)}"
  }
}
