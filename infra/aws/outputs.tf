output "console" {
  description = "where the console is served"
  value       = one(aws_lambda_function_url.console[*].function_url)
}

# What the ferry command takes from the environment, as commands for a shell:
# eval "$(terraform -chdir=infra/aws output -raw environment)"
output "environment" {
  description = "Exports for ferry."
  value       = <<-EOT
    export FERRY_LEDGER='${var.ledger}'
    export FERRY_QUEUES='${local.environment.FERRY_QUEUES}'
  EOT
}

output "notify_url" {
  description = "Where Kodo posts its notifications: ferry events install JOB --url"
  value       = aws_lambda_function_url.direct["notify"].function_url
}

output "agent_policy" {
  description = "The policy of a user or instance profile under which ferry agent works."
  value       = data.aws_iam_policy_document.agent.json
}
