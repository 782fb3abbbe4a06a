# The first five minutes: confirm the two subscriptions that arrive by mail, done.

provider "aws" {
  region = "eu-west-1"
}

module "tocsin" {
  source = "../.." # elsewhere: git::ssh://git.example.com/security/terraform-aws-tocsin.git?ref=v0.1.0

  channels     = { soc = { sns = { emails = ["soc@example.com"] } } }
  alarm_emails = ["operations@example.com"] # who hears when Tocsin itself is in trouble
}
