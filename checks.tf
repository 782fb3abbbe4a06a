# Warnings: what may be meant, and is worth a second look.

locals {
  # As Security Hub names them: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html
  aws_products = [
    "Config", "Detective", "Firewall Manager", "GuardDuty", "Health", "IAM Access Analyzer", "Inspector", "IoT Device Defender",
    "Macie", "Route 53 Resolver DNS Firewall", "Security Hub", "Security Hub Exposure", "Systems Manager Patch Manager",
  ]
  unknown_products = [for product in var.products : product if !contains([for name in local.aws_products : lower(name)], lower(product))]
}

check "somebody_is_told" {
  assert {
    condition     = length(var.channels) > 0
    error_message = "No channel is configured: findings are recorded, but nobody is told. Add one to channels."
  }
}

check "somebody_hears_of_trouble" {
  assert {
    condition     = var.alarm_topic_arn != null || length(var.alarm_emails) > 0
    error_message = "Nobody hears when Tocsin itself is in trouble: set alarm_emails or alarm_topic_arn."
  }
}

check "products_are_known" {
  assert {
    condition     = length(local.unknown_products) == 0
    error_message = "products has names that no AWS service uses: ${join(", ", local.unknown_products)}. That is right for another vendor's product; a misspelt name is never told. AWS uses: ${join(", ", local.aws_products)}."
  }
}
