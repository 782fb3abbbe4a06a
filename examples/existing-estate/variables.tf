# Nothing to set: the account is that of the credentials that Terraform finds.
