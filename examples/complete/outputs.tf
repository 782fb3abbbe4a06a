output "tocsin" {
  description = "Everything that the module returns: tables, queues, topics, functions, roles."
  value       = module.tocsin
}

output "ses_dkim_tokens" {
  description = "What the DNS of example.com needs: CNAME records of TOKEN._domainkey.example.com to TOKEN.dkim.amazonses.com."
  value       = module.tocsin.ses_dkim_tokens
}
