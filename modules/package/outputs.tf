output "package" {
  description = "What a function is made of: `runtime`, `layer_arns`, `code_signing_config_arn`, and either `filename` and `source_code_hash` or `s3_bucket`, `s3_key` and `s3_object_version`."
  value = {
    runtime                 = var.runtime
    filename                = local.from_s3 ? null : local.code
    source_code_hash        = local.from_s3 ? null : filebase64sha256(local.code)
    s3_bucket               = try(var.lambda_package.s3_bucket, null)
    s3_key                  = try(var.lambda_package.code.s3_key, null)
    s3_object_version       = try(var.lambda_package.code.s3_object_version, null)
    code_signing_config_arn = try(var.lambda_package.code_signing_config_arn, null)
    layer_arns              = [aws_lambda_layer_version.dependencies.arn]
  }
}
