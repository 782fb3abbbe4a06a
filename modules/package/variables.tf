variable "name" {
  description = "Name of the installation."
  type        = string
  nullable    = false
}

variable "runtime" {
  description = "Lambda runtime of the functions."
  type        = string
  nullable    = false
}

variable "lambda_package" {
  description = "The two zips in a bucket of the estate, and the code signing configuration; null takes the module's own zips."
  type = object({
    s3_bucket               = string
    code                    = object({ s3_key = string, s3_object_version = string })
    dependencies            = object({ s3_key = string, s3_object_version = string })
    code_signing_config_arn = string
  })
}
