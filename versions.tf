terraform {
  # 1.9: a validation may look at other variables. The provider: python3.13 came with 5.76, and both majors are supported.
  required_version = ">= 1.9, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.76, < 7.0"
    }
  }
}
