output "tocsin" {
  description = "Everything that the module returns: tables, queues, topics, functions, roles."
  value       = module.tocsin
}

output "kms_key_policy" {
  description = "What the policy of the estate's key must hold."
  value       = module.tocsin.kms_key_policy
}
