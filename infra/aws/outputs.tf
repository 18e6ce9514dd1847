output "console" {
  description = "where the console is served"
  value       = one(aws_lambda_function_url.console[*].function_url)
}

output "environment" {
  description = "what ferry start needs beside the keys: export these"
  value = {
    FERRY_LEDGER = var.ledger
    FERRY_QUEUES = local.environment.FERRY_QUEUES
  }
}
