# How it fits an estate: what the validations refuse. The comment of a run is a part of its message; tests/terraform/test_messages.py compares it.

variables {
  alarm_emails = ["ops@example.com"]
  channels = {
    soc = { sns = { emails = ["soc@example.com"] } }
  }
}

# role_path ("/tocsin") must begin and end with a slash
run "role_path_without_its_last_slash" {
  command = plan
  variables {
    role_path = "/tocsin"
  }
  expect_failures = [var.role_path]
}

# permissions_boundary_arn ("boundary") is not the ARN of an IAM policy.
run "permissions_boundary_by_name" {
  command = plan
  variables {
    permissions_boundary_arn = "boundary"
  }
  expect_failures = [var.permissions_boundary_arn]
}

# an alias does not do
run "kms_key_by_alias" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:alias/security"
  }
  expect_failures = [var.kms_key_arn]
}

# such as "subnet-0123456789abcdef0": "eu-west-1a".
run "vpc_subnet_by_zone" {
  command = plan
  variables {
    vpc_subnet_ids         = ["subnet-0a1b2c3d", "eu-west-1a"]
    vpc_security_group_ids = ["sg-0a1b2c3d"]
  }
  expect_failures = [var.vpc_subnet_ids]
}

# such as "sg-0123456789abcdef0": "default".
run "vpc_security_group_by_name" {
  command = plan
  variables {
    vpc_subnet_ids         = ["subnet-0a1b2c3d"]
    vpc_security_group_ids = ["default"]
  }
  expect_failures = [var.vpc_security_group_ids]
}

# vpc_subnet_ids has 1, vpc_security_group_ids has 0. Give both, or neither.
run "vpc_subnets_without_security_groups" {
  command = plan
  variables {
    vpc_subnet_ids = ["subnet-0a1b2c3d"]
  }
  expect_failures = [var.vpc_security_group_ids]
}

# vpc_subnet_ids has 0, vpc_security_group_ids has 2. Give both, or neither.
run "vpc_security_groups_without_subnets" {
  command = plan
  variables {
    vpc_security_group_ids = ["sg-0a1b2c3d", "sg-1a2b3c4d"]
  }
  expect_failures = [var.vpc_security_group_ids]
}

# lambda_package.s3_bucket ("s3://artefacts") is not the name of a bucket.
run "lambda_package_bucket_by_url" {
  command = plan
  variables {
    lambda_package = {
      s3_bucket               = "s3://artefacts"
      code                    = { s3_key = "tocsin.zip", s3_object_version = "1" }
      dependencies            = { s3_key = "dependencies.zip", s3_object_version = "1" }
      code_signing_config_arn = null
    }
  }
  expect_failures = [var.lambda_package]
}

# lambda_package needs the s3_key and s3_object_version of both zips: dependencies (key "dependencies.zip", version "null").
run "lambda_package_without_a_version" {
  command = plan
  variables {
    lambda_package = {
      s3_bucket               = "artefacts"
      code                    = { s3_key = "tocsin.zip", s3_object_version = "1" }
      dependencies            = { s3_key = "dependencies.zip", s3_object_version = null }
      code_signing_config_arn = null
    }
  }
  expect_failures = [var.lambda_package]
}

# lambda_package has the same s3_key ("tocsin.zip") for code and dependencies
run "lambda_package_of_one_zip" {
  command = plan
  variables {
    lambda_package = {
      s3_bucket               = "artefacts"
      code                    = { s3_key = "tocsin.zip", s3_object_version = "1" }
      dependencies            = { s3_key = "tocsin.zip", s3_object_version = "1" }
      code_signing_config_arn = null
    }
  }
  expect_failures = [var.lambda_package]
}

# lambda_package.code_signing_config_arn ("csc-0a1b2c3d4e5f60718") is not the ARN
run "lambda_package_with_a_signing_id" {
  command = plan
  variables {
    lambda_package = {
      s3_bucket               = "artefacts"
      code                    = { s3_key = "tocsin.zip", s3_object_version = "1" }
      dependencies            = { s3_key = "dependencies.zip", s3_object_version = "1" }
      code_signing_config_arn = "csc-0a1b2c3d4e5f60718"
    }
  }
  expect_failures = [var.lambda_package]
}
