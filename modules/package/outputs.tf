output "package" {
  description = "What a function is made of: `runtime`, `filename`, `source_code_hash` and `layer_arns`."
  value = {
    runtime          = var.runtime
    filename         = local.code
    source_code_hash = filebase64sha256(local.code)
    layer_arns       = [aws_lambda_layer_version.dependencies.arn]
  }
}
