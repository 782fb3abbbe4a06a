output "tocsin" {
  description = "Everything that the module returns: tables, queues, topics, functions, roles."
  value       = module.tocsin
}
