# The code of every function: our own zip, and the dependencies as one layer. Both are built and committed by the project,
# so that nothing is built where the module is applied; or they are an estate's own copies in S3, scanned and signed.

locals {
  code         = "${path.module}/../../lambda/dist/tocsin.zip"
  dependencies = "${path.module}/../../lambda/dist/dependencies.zip"
  from_s3      = var.lambda_package != null
}

resource "aws_lambda_layer_version" "dependencies" {
  layer_name          = "${var.name}-dependencies"
  description         = "What the functions of ${var.name} import, pure Python."
  filename            = local.from_s3 ? null : local.dependencies
  source_code_hash    = local.from_s3 ? null : filebase64sha256(local.dependencies)
  s3_bucket           = try(var.lambda_package.s3_bucket, null)
  s3_key              = try(var.lambda_package.dependencies.s3_key, null)
  s3_object_version   = try(var.lambda_package.dependencies.s3_object_version, null)
  compatible_runtimes = ["python3.11", "python3.12", "python3.13"]

  lifecycle {
    create_before_destroy = true
  }
}
