# Every validation: what it refuses. The comment of a run is a part of its message; tests/terraform/test_messages.py compares it.

variables {
  alarm_emails = ["ops@example.com"]
  channels = {
    soc = { sns = { emails = ["soc@example.com"] } }
    pay = { email = { from = "tocsin@example.com", to = ["pay@example.com"] } }
  }
}

# name ("tocsin-of-the-security-team") must be 1 to 20
run "name_too_long" {
  command = plan
  variables {
    name = "tocsin-of-the-security-team"
  }
  expect_failures = [var.name]
}

# name ("Tocsin") must be
run "name_with_capitals" {
  command = plan
  variables {
    name = "Tocsin"
  }
  expect_failures = [var.name]
}

# name ("tocsin-") must be
run "name_ending_in_a_hyphen" {
  command = plan
  variables {
    name = "tocsin-"
  }
  expect_failures = [var.name]
}

# mode ("quiet") must be "alert" or "observe"
run "mode_unknown" {
  command = plan
  variables {
    mode = "quiet"
  }
  expect_failures = [var.mode]
}

# backlog ("digest") must be "silent" or "alert"
run "backlog_unknown" {
  command = plan
  variables {
    backlog = "digest"
  }
  expect_failures = [var.backlog]
}

# samples ("drop") must be "mark" or "silent"
run "samples_unknown" {
  command = plan
  variables {
    samples = "drop"
  }
  expect_failures = [var.samples]
}

# minimum_severity ("SEVERE") must be INFORMATIONAL
run "minimum_severity_unknown" {
  command = plan
  variables {
    minimum_severity = "SEVERE"
  }
  expect_failures = [var.minimum_severity]
}

# minimum_severity ("high") must be INFORMATIONAL
run "minimum_severity_in_lower_case" {
  command = plan
  variables {
    minimum_severity = "high"
  }
  expect_failures = [var.minimum_severity]
}

# dedupe_days has unknown severities: SEVERE.
run "dedupe_days_of_an_unknown_severity" {
  command = plan
  variables {
    dedupe_days = { HIGH = 7, SEVERE = 1 }
  }
  expect_failures = [var.dedupe_days]
}

# dedupe_days must be numbers of days, 0 or more: HIGH = -1.
run "dedupe_days_negative" {
  command = plan
  variables {
    dedupe_days = { HIGH = -1 }
  }
  expect_failures = [var.dedupe_days]
}

# which is how long Tocsin remembers a problem that is not seen again: HIGH = 181.
run "dedupe_days_longer_than_the_memory" {
  command = plan
  variables {
    dedupe_days = { HIGH = 181, LOW = 180 }
  }
  expect_failures = [var.dedupe_days]
}

# dedupe_days must be numbers of days, 0 or more: HIGH = null.
run "dedupe_days_null" {
  command = plan
  variables {
    dedupe_days = { HIGH = null }
  }
  expect_failures = [var.dedupe_days]
}

# without globs and without space around: "Insp*".
run "products_with_a_glob" {
  command = plan
  variables {
    products = ["GuardDuty", "Insp*"]
  }
  expect_failures = [var.products]
}

# products must be whole names, not empty, without globs and without space around: "".
run "products_empty_name" {
  command = plan
  variables {
    products = [""]
  }
  expect_failures = [var.products]
}

# without space around: " GuardDuty".
run "products_with_a_space" {
  command = plan
  variables {
    products = [" GuardDuty"]
  }
  expect_failures = [var.products]
}

# without space around: null. Globs work
run "products_null" {
  command = plan
  variables {
    products = [null]
  }
  expect_failures = [var.products]
}

# account_ids must be 12 digits in quotes: "12345".
run "account_ids_too_short" {
  command = plan
  variables {
    account_ids = ["111122223333", "12345"]
  }
  expect_failures = [var.account_ids]
}

# account_ids must be 12 digits in quotes: "12345678901".
run "account_ids_as_numbers" {
  command = plan
  variables {
    account_ids = [012345678901]
  }
  expect_failures = [var.account_ids]
}

# account_ids must be 12 digits in quotes: null.
run "account_ids_null" {
  command = plan
  variables {
    account_ids = [null]
  }
  expect_failures = [var.account_ids]
}

# account_groups without an account: pci.
run "account_groups_empty" {
  command = plan
  variables {
    account_groups = { pci = [] }
  }
  expect_failures = [var.account_groups]
}

# "4444" in pci.
run "account_groups_with_a_bad_id" {
  command = plan
  variables {
    account_groups = { pci = ["4444"] }
  }
  expect_failures = [var.account_groups]
}

# null in pci.
run "account_groups_with_a_null" {
  command = plan
  variables {
    account_groups = { pci = [null] }
  }
  expect_failures = [var.account_groups]
}

# "p c i".
run "account_groups_with_a_bad_name" {
  command = plan
  variables {
    account_groups = { "p c i" = ["444455556666"] }
  }
  expect_failures = [var.account_groups]
}

# feeds is empty
run "feeds_empty" {
  command = plan
  variables {
    feeds = {}
  }
  expect_failures = [var.feeds]
}

# feeds has unknown names: securityhub.
run "feeds_misspelt" {
  command = plan
  variables {
    feeds = { securityhub = {} }
  }
  expect_failures = [var.feeds]
}

# feeds without a usable event_bus_name: guardduty ("arn:aws:events:eu-west-1:111122223333:event-bus/x").
run "feeds_with_the_arn_of_a_bus" {
  command = plan
  variables {
    feeds = { guardduty = { event_bus_name = "arn:aws:events:eu-west-1:111122223333:event-bus/x" } }
  }
  expect_failures = [var.feeds]
}

# feeds that are null: guardduty. Remove a feed to leave it out
run "feeds_null" {
  command = plan
  variables {
    feeds = { guardduty = null }
  }
  expect_failures = [var.feeds]
}

# feeds with unknown attributes: "event_bus" in guardduty. A feed has only event_bus_name.
run "feeds_with_a_misspelt_attribute" {
  command = plan
  variables {
    feeds = { security_hub = {}, guardduty = { event_bus = "security-central" } }
  }
  expect_failures = [var.feeds]
}

# "SOC mail".
run "channels_badly_named" {
  command = plan
  variables {
    channels = { "SOC mail" = { sns = { emails = [] } } }
  }
  expect_failures = [var.channels]
}

# channels must be a map of names to channels
run "channels_in_a_list" {
  command = plan
  variables {
    channels = [{ sns = { emails = [] } }]
  }
  expect_failures = [var.channels]
}

# channels of unknown kinds: "slak" in soc. Use email, sns or slack.
run "channels_of_no_kind" {
  command = plan
  variables {
    channels = { soc = { slak = { webhook_secret_arn = "arn" } } }
  }
  expect_failures = [var.channels]
}

# channels with a value where braces belong: soc.slack.
run "channels_without_braces" {
  command = plan
  variables {
    channels = { soc = { slack = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf" } }
  }
  expect_failures = [var.channels]
}

# with its six last characters, and never the webhook itself: soc.
run "slack_with_half_an_arn" {
  command = plan
  variables {
    channels = { soc = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hook" } } }
  }
  expect_failures = [var.channels]
}

# channels need exactly one of email, sns, slack: soc has email and sns. Make it a channel each
run "channels_of_two_kinds" {
  command = plan
  variables {
    channels = { soc = { sns = { emails = [] }, email = { from = "a@example.com", to = ["b@example.com"] } } }
  }
  expect_failures = [var.channels]
}

# channels need exactly one of email, sns, slack: soc has none.
run "channels_null" {
  command = plan
  variables {
    channels = { soc = null }
  }
  expect_failures = [var.channels]
}

# channels of unknown kinds: "slck" in soc.
run "channels_of_a_kind_and_a_misspelt_one" {
  command = plan
  variables {
    channels = { soc = { sns = { emails = [] }, slck = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf" } } }
  }
  expect_failures = [var.channels]
}

# channels with unknown attributes: "identity" in soc.email. Use from, to, identity_arn, configuration_set for email; webhook_secret_arn
run "email_with_a_misspelt_identity" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = ["b@example.com"], identity = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" } } }
  }
  expect_failures = [var.channels]
}

# "config_set" in soc.email.
run "email_with_a_misspelt_configuration_set" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = ["b@example.com"], config_set = "mail" } } }
  }
  expect_failures = [var.channels]
}

# "email" in soc.sns.
run "sns_with_misspelt_emails" {
  command = plan
  variables {
    channels = { soc = { sns = { email = ["b@example.com"], emails = [] } } }
  }
  expect_failures = [var.channels]
}

# "hosts" in soc.slack.
run "slack_with_misspelt_hosts" {
  command = plan
  variables {
    channels = { soc = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf", hosts = ["chat.example.com"] } } }
  }
  expect_failures = [var.channels]
}

# which stands in brackets even for one: soc.email.to.
run "email_to_one_value" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = "b@example.com" } } }
  }
  expect_failures = [var.channels]
}

# soc (none)
run "email_without_a_sender" {
  command = plan
  variables {
    channels = { soc = { email = { to = ["b@example.com"] } } }
  }
  expect_failures = [var.channels]
}

# soc ("Tocsin <a@example.com>")
run "email_from_with_a_display_name" {
  command = plan
  variables {
    channels = { soc = { email = { from = "Tocsin <a@example.com>", to = ["b@example.com"] } } }
  }
  expect_failures = [var.channels]
}

# soc has 0.
run "email_without_recipients" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = [] } } }
  }
  expect_failures = [var.channels]
}

# soc has 51.
run "email_with_51_recipients" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = [for i in range(51) : "b${i}@example.com"] } } }
  }
  expect_failures = [var.channels]
}

# "#soc" in soc.
run "email_to_something_else" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = ["#soc"] } } }
  }
  expect_failures = [var.channels]
}

# null in soc.
run "email_to_null" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = [null] } } }
  }
  expect_failures = [var.channels]
}

# " b@example.com" in soc.
run "email_to_an_address_with_a_space" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = [" b@example.com"] } } }
  }
  expect_failures = [var.channels]
}

# soc ("example.com")
run "email_with_a_bad_identity" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = ["b@example.com"], identity_arn = "example.com" } } }
  }
  expect_failures = [var.channels]
}

# SES would refuse every message: soc (a@example.com by arn:aws:ses:eu-west-1:111122223333:identity/example.org).
run "email_with_the_identity_of_another_domain" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@example.com", to = ["b@example.com"], identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.org" } } }
  }
  expect_failures = [var.channels]
}

# soc (a@notexample.com by
run "email_with_the_identity_of_a_domain_that_ends_alike" {
  command = plan
  variables {
    channels = { soc = { email = { from = "a@notexample.com", to = ["b@example.com"], identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" } } }
  }
  expect_failures = [var.channels]
}

# exactly one of topic_arn (your topic) and emails
run "sns_with_topic_and_emails" {
  command = plan
  variables {
    channels = { soc = { sns = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:x", emails = ["b@example.com"] } } }
  }
  expect_failures = [var.channels]
}

# emails (a topic of Tocsin's own; [] for no subscription yet): soc.
run "sns_with_neither" {
  command = plan
  variables {
    channels = { soc = { sns = {} } }
  }
  expect_failures = [var.channels]
}

# not the ARN of a standard topic: soc
run "sns_with_a_fifo_topic" {
  command = plan
  variables {
    channels = { soc = { sns = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:x.fifo" } } }
  }
  expect_failures = [var.channels]
}

# "soc" in soc.
run "sns_emails_to_something_else" {
  command = plan
  variables {
    channels = { soc = { sns = { emails = ["soc"] } } }
  }
  expect_failures = [var.channels]
}

# never the webhook itself: soc.
run "slack_with_the_webhook_itself" {
  command = plan
  variables {
    channels = { soc = { slack = { webhook_secret_arn = "https://hooks.slack.com/services/T/B/x" } } }
  }
  expect_failures = [var.channels]
}

# slack channels need at least one host name
run "slack_without_a_host" {
  command = plan
  variables {
    channels = { soc = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf", allowed_hosts = [] } } }
  }
  expect_failures = [var.channels]
}

# soc (https://chat.example.com/)
run "slack_with_a_url_as_host" {
  command = plan
  variables {
    channels = { soc = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf", allowed_hosts = ["https://chat.example.com/"] } } }
  }
  expect_failures = [var.channels]
}

# soc (chat.example.com:8443)
run "slack_with_a_port_in_the_host" {
  command = plan
  variables {
    channels = { soc = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf", allowed_hosts = ["chat.example.com:8443"] } } }
  }
  expect_failures = [var.channels]
}

# soc (null)
run "slack_with_a_null_host" {
  command = plan
  variables {
    channels = { soc = { slack = { webhook_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf", allowed_hosts = [null] } } }
  }
  expect_failures = [var.channels]
}

# never the webhook itself: soc.
run "slack_without_a_secret" {
  command = plan
  variables {
    channels = { soc = { slack = {} } }
  }
  expect_failures = [var.channels]
}

# routes without a list of channels in to: routes[0].
run "routes_to_nobody" {
  command = plan
  variables {
    routes = [{ to = [] }]
  }
  expect_failures = [var.routes]
}

# name a channel, as in to = ["soc"]
run "routes_to_a_text" {
  command = plan
  variables {
    routes = [{ to = "soc" }]
  }
  expect_failures = [var.routes]
}

# routes with unknown attributes: "too" in routes[0]. A route has to, match, except, continue.
run "routes_with_a_misspelt_to" {
  command = plan
  variables {
    routes = [{ too = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# routes with unknown attributes: "contine" in routes[0].
run "routes_with_a_misspelt_continue" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = { products = ["GuardDuty"] }, contine = true }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# routes with unknown attributes: "exept" in routes[0].
run "routes_with_a_misspelt_except" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = { products = ["*"] }, exept = { products = ["Inspector"] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# routes with unknown attributes: "mach" in routes[0].
run "routes_with_a_misspelt_match" {
  command = plan
  variables {
    routes = [{ to = ["pay"], mach = { products = ["GuardDuty"] }, continue = true }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# routes must be a list, because the first one that matches decides
run "routes_in_a_map" {
  command = plan
  variables {
    routes = { soc = { to = ["soc"] } }
  }
  expect_failures = [var.routes]
}

# null in routes[0]. The channels are: pay, soc.
run "routes_to_null" {
  command = plan
  variables {
    routes = [{ to = [null, "soc"] }]
  }
  expect_failures = [var.routes]
}

# "nobody" in routes[0]. The channels are: pay, soc.
run "routes_to_an_unknown_channel" {
  command = plan
  variables {
    routes = [{ to = ["soc", "nobody"] }]
  }
  expect_failures = [var.routes]
}

# The last route (routes[0]) must take everything
run "last_route_with_a_match" {
  command = plan
  variables {
    routes = [{ to = ["soc"], match = { products = ["GuardDuty"] } }]
  }
  expect_failures = [var.routes]
}

# The last route (routes[0]) must take everything
run "last_route_with_an_exception" {
  command = plan
  variables {
    routes = [{ to = ["soc"], except = { products = ["GuardDuty"] } }]
  }
  expect_failures = [var.routes]
}

# never hear anything: routes[0].
run "routes_that_hide_those_after_them" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = {} }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# routes with unknown criteria: "product" in routes[0].match.
run "match_on_an_unknown_criterion" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = { product = ["GuardDuty"] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# "tag:" in routes[0].except.
run "except_on_an_unknown_criterion" {
  command = plan
  variables {
    routes = [{ to = ["pay"], except = { "tag:" = ["x"] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# products in routes[0].match. Write a list, even of one
run "match_without_a_value" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = { products = [] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# products in routes[0].match. Write a list, even of one
run "match_on_a_text" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = { products = "GuardDuty" } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# "GuardDuty " in routes[0].match.products.
run "match_on_a_value_with_a_space" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = { products = ["GuardDuty "] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# "" in routes[0].except.titles.
run "except_on_an_empty_value" {
  command = plan
  variables {
    routes = [{ to = ["pay"], except = { titles = ["", "x"] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# null in routes[0].match.regions.
run "match_on_a_null" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = { regions = [null] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# "high" in routes[0].match.
run "match_on_an_unknown_severity" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = { severities = ["high"] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# "SEVERE" in routes[0].except.
run "except_on_an_unknown_severity" {
  command = plan
  variables {
    routes = [{ to = ["pay"], except = { severities = ["SEVERE"] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# "@pcy" in routes[0].match. The account_groups are: pci.
run "match_on_an_unknown_group" {
  command = plan
  variables {
    account_groups = { pci = ["444455556666"] }
    routes         = [{ to = ["pay"], match = { account_ids = ["@pcy"] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# "44445555666" in routes[0].match. The account_groups are: none.
run "match_on_an_account_of_11_digits" {
  command = plan
  variables {
    routes = [{ to = ["pay"], match = { account_ids = ["44445555666"] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# neither 12 digits in quotes nor a known @group: "12345678901" in routes[0].except.
run "except_on_an_account_as_a_number" {
  command = plan
  variables {
    routes = [{ to = ["pay"], except = { account_ids = [012345678901] } }, { to = ["soc"] }]
  }
  expect_failures = [var.routes]
}

# "https://example.com".
run "ses_identity_with_a_scheme" {
  command = plan
  variables {
    ses_identities = ["https://example.com"]
  }
  expect_failures = [var.ses_identities]
}

# template_overrides ("no/such/directory") is no directory that holds a file.
run "template_overrides_missing" {
  command = plan
  variables {
    template_overrides = "no/such/directory"
  }
  expect_failures = [var.template_overrides]
}

# template_overrides ("") is no directory that holds a file.
run "template_overrides_empty_path" {
  command = plan
  variables {
    template_overrides = ""
  }
  expect_failures = [var.template_overrides]
}

# in the place of no template: email/alert.htm.j2. Rename or remove them. The templates are: email/alert.html.j2, email/alert.txt.j2, email/base.html.j2, slack/alert.json.j2, sns/alert.txt.j2, text/facts.txt.j2.
run "template_overrides_misspelt" {
  command = plan
  variables {
    template_overrides = "../templates/unknown"
  }
  expect_failures = [var.template_overrides]
}

# where < and > count six times: sns/alert.txt.j2 210003.
run "template_overrides_too_big" {
  command = plan
  variables {
    template_overrides = "../templates/big"
  }
  expect_failures = [var.template_overrides]
}

# alarm_topic.arn ("alarms") is not the ARN
run "alarm_topic_by_name" {
  command = plan
  variables {
    alarm_topic  = { arn = "alarms" }
    alarm_emails = []
  }
  expect_failures = [var.alarm_topic]
}

# "#ops".
run "alarm_emails_to_something_else" {
  command = plan
  variables {
    alarm_emails = ["#ops"]
  }
  expect_failures = [var.alarm_emails]
}

# alarm_emails (ops@example.com) are subscribed
run "alarm_emails_beside_a_topic" {
  command = plan
  variables {
    alarm_topic  = { arn = "arn:aws:sns:eu-west-1:111122223333:ops" }
    alarm_emails = ["ops@example.com"]
  }
  expect_failures = [var.alarm_emails]
}

# log_retention_days (100) must be one of
run "log_retention_days_between_two" {
  command = plan
  variables {
    log_retention_days = 100
  }
  expect_failures = [var.log_retention_days]
}

# runtime ("python3.10") must be
run "runtime_too_old" {
  command = plan
  variables {
    runtime = "python3.10"
  }
  expect_failures = [var.runtime]
}
