# The code of every function: our own zip, and the dependencies as one layer. Both are built and committed by the project,
# so that nothing is built where the module is applied.

locals {
  code         = "${path.module}/../../lambda/dist/tocsin.zip"
  dependencies = "${path.module}/../../lambda/dist/dependencies.zip"
}

resource "aws_lambda_layer_version" "dependencies" {
  layer_name          = "${var.name}-dependencies"
  description         = "What the functions of ${var.name} import, pure Python."
  filename            = local.dependencies
  source_code_hash    = filebase64sha256(local.dependencies)
  compatible_runtimes = ["python3.11", "python3.12", "python3.13"]

  lifecycle {
    create_before_destroy = true
  }
}
