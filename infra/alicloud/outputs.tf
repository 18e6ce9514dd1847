# What s.yaml and the ferry command take from the environment, as commands for a
# shell: eval "$(terraform -chdir=infra/alicloud output -raw environment)"
output "environment" {
  description = "Exports for s deploy and ferry."
  value       = <<-EOT
    export FERRY_REGION='${var.region}'
    export FERRY_ACCOUNT='${local.account}'
    export FERRY_PREFIX='${var.prefix}'
    export FERRY_LEDGER='oss://${alicloud_oss_bucket.ledger.bucket}/${var.ledger_prefix}?region=${var.region}'
    export FERRY_QUEUES='mns://${local.account}/${var.prefix}?region=${var.region}'
  EOT
}

output "roles" {
  description = "The ARN of each role; s.yaml makes them from the account."
  value       = { for name, role in alicloud_ram_role.ferry : name => role.arn }
}

output "queues" {
  description = "Where each queue is reached."
  value       = { for q in concat(local.stages, ["dead"]) : q => "https://${local.account}.mns.${var.region}.aliyuncs.com/queues/${var.prefix}${q}" }
}

output "logs" {
  description = "Project and store of the functions' logs."
  value       = "${alicloud_log_project.ferry.project_name}/${alicloud_log_store.functions.logstore_name}"
}
