# The module's variables alone: without the provider, which takes a second to start, each run takes a few milliseconds.

terraform {
  required_version = ">= 1.9, < 2.0"
}
