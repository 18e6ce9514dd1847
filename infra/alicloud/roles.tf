# A role for each function, with the rights it needs and no others. They are
# those that `ferry policy` prints, which is what they are held against.

locals {
  # Names of resources in policies.
  ledger_bucket = ["acs:oss:*:*:${var.ledger_bucket}"]
  ledger        = "acs:oss:*:*:${var.ledger_bucket}/${var.ledger_prefix}"
  queues        = { for q in concat(local.stages, ["dead"]) : q => "acs:mns:${var.region}:${local.account}:/queues/${var.prefix}${q}" }

  # What every function that does tasks may: read and write the records of runs,
  # send what follows, log.
  listing   = { Effect = "Allow", Action = ["oss:ListObjects"], Resource = local.ledger_bucket }
  recording = { Effect = "Allow", Action = ["oss:GetObject", "oss:PutObject", "oss:PutObjectTagging"], Resource = ["${local.ledger}*"] }
  sending   = { Effect = "Allow", Action = ["mns:SendMessage", "mns:BatchSendMessage"], Resource = [for s in local.stages : "${local.queues[s]}/messages"] }
  logging   = { Effect = "Allow", Action = ["log:PostLogStoreLogs"], Resource = ["acs:log:${var.region}:${local.account}:project/${alicloud_log_project.ferry.project_name}/logstore/${alicloud_log_store.functions.logstore_name}"] }

  # No function changes a job, and only verify writes what proves.
  no_jobs  = { Effect = "Deny", Action = ["oss:PutObject"], Resource = ["${local.ledger}jobs/*"] }
  no_proof = { Effect = "Deny", Action = ["oss:PutObject"], Resource = [for name in ["runs/*/*/verified/*", "runs/*/*/reproved/*", "runs/*/*/carry/*", "runs/*/*/objects/*", "runs/*/*/report.json", "runs/*/*/report.html", "runs/*/*/manifest*.json", "runs/*/*/failed*.csv", "runs/*/*/present*.csv", "pairs/*"] : "${local.ledger}${name}"] }

  common = [local.listing, local.recording, local.sending, local.logging, local.no_jobs]

  # What each role may apart from the targets.
  policies = {
    list = concat(local.common, [local.no_proof])
    copy = concat(local.common, [local.no_proof])
    verify = concat(local.common, [
      { Effect = "Allow", Action = ["mns:GetQueueAttributes"], Resource = [for s in local.stages : local.queues[s]] },
      # A dead letter that only a newer version can read goes back.
      { Effect = "Allow", Action = ["mns:SendMessage", "mns:BatchSendMessage"], Resource = ["${local.queues["dead"]}/messages"] },
    ])
    delete = concat(local.common, [
      local.no_proof,
      # A ledger may lie in a target's bucket.
      { Effect = "Deny", Action = ["oss:DeleteObject"], Resource = ["${local.ledger}*"] },
    ])
    # Anybody can reach it: it reaches no data and no queue but one.
    notify = [
      local.listing,
      { Effect = "Allow", Action = ["oss:GetObject", "oss:PutObject"], Resource = ["${local.ledger}*"] },
      { Effect = "Allow", Action = ["mns:SendMessage", "mns:BatchSendMessage"], Resource = ["${local.queues["copy"]}/messages"] },
      local.logging,
      local.no_jobs,
      local.no_proof,
    ]
    # One page of MNS names the right of a receive ReceiveMessage, whatever the
    # number of messages, another BatchReceiveMessage.
    pull = concat(local.common, [
      local.no_proof,
      { Effect = "Allow", Action = ["mns:ReceiveMessage", "mns:BatchReceiveMessage", "mns:DeleteMessage", "mns:ChangeMessageVisibility"], Resource = ["${local.queues["copy"]}/messages"] },
      { Effect = "Allow", Action = ["mns:GetQueueAttributes"], Resource = [local.queues["copy"]] },
    ])
    console = local.console
  }

  # Anybody can reach it who has its token. It only reads, unless console_changes
  # lets it do what a person does by ferry start, cancel, jobs apply and the like.
  console_acts = [
    { Effect = "Allow", Action = ["oss:ListObjects", "oss:GetBucketVersioning", "oss:GetBucketWorm"], Resource = local.ledger_bucket },
    { Effect = "Allow", Action = ["oss:GetObject", "oss:PutObject", "oss:PutObjectTagging", "oss:DeleteObject", "oss:AbortMultipartUpload"], Resource = ["${local.ledger}*"] },
    { Effect = "Allow", Action = ["mns:GetQueueAttributes"], Resource = [for q in local.queues : q] },
    local.sending,
    local.logging,
  ]
  console_reads = [
    local.listing,
    { Effect = "Allow", Action = ["oss:GetObject"], Resource = ["${local.ledger}*"] },
    local.logging,
    local.no_jobs,
    local.no_proof,
  ]
  console = concat([for s in local.console_acts : s if var.console_changes], [for s in local.console_reads : s if !var.console_changes])

  # What a role may do to a target's bucket, and to the keys below its prefix.
  # Copying may not delete: what it must have removed goes to the delete stage.
  target_rights = {
    # On a timer it begins runs, for which it asks whether the target keeps versions.
    list   = { bucket = ["oss:ListObjects", "oss:GetBucketVersioning"], keys = ["oss:GetObject"] }
    copy   = { bucket = ["oss:ListObjects", "oss:ListMultipartUploads"], keys = ["oss:GetObject", "oss:PutObject", "oss:AbortMultipartUpload"] }
    verify = { bucket = ["oss:ListObjects"], keys = ["oss:GetObject", "oss:AbortMultipartUpload"] }
    delete = { bucket = ["oss:ListObjects"], keys = ["oss:GetObject", "oss:DeleteObject"] }
    pull   = { bucket = ["oss:ListObjects", "oss:ListMultipartUploads"], keys = ["oss:GetObject", "oss:PutObject", "oss:AbortMultipartUpload"] }
    console = {
      bucket = var.console_changes ? ["oss:ListObjects", "oss:GetBucketVersioning", "oss:GetBucketWorm"] : ["oss:ListObjects"]
      keys   = var.console_changes ? ["oss:GetObject", "oss:AbortMultipartUpload", "oss:ListParts"] : ["oss:GetObject"]
    }
  }

  # A policy holds 6,144 bytes (RAM, "Limits"): the targets are spread over
  # policies of 25 each. A role takes 20 policies, so 475 targets; beyond that, or
  # where prefixes are long, a pattern names many buckets as one target.
  target_policies = merge([for role, may in local.target_rights : {
    for n, some in chunklist(var.targets, 25) : "${role}-targets-${n + 1}" => {
      role = role
      statements = [
        { Effect = "Allow", Action = may.bucket, Resource = distinct([for t in some : "acs:oss:*:*:${t.bucket}"]) },
        { Effect = "Allow", Action = may.keys, Resource = [for t in some : "acs:oss:*:*:${t.bucket}/${t.prefix}*"] },
      ]
    }
  }]...)

  all_policies = merge(local.target_policies, { for role, statements in local.policies : role => { role = role, statements = statements } })
}

resource "alicloud_ram_role" "ferry" {
  for_each    = local.policies
  role_name   = "${var.prefix}${each.key}"
  description = "Ferry: ${each.key}"
  assume_role_policy_document = jsonencode({
    Version = "1"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = ["fc.aliyuncs.com"] }
    }]
  })
}

resource "alicloud_ram_policy" "ferry" {
  for_each    = local.all_policies
  policy_name = "${var.prefix}${each.key}"
  description = "What Ferry's ${each.value.role} may do"
  policy_document = jsonencode({
    Version   = "1"
    Statement = each.value.statements
  })
  lifecycle {
    precondition {
      condition     = length(jsonencode({ Version = "1", Statement = each.value.statements })) <= 6144
      error_message = "The policy ${var.prefix}${each.key} is over RAM's 6,144 bytes: shorten the targets' prefixes, or name several buckets by one pattern, as in { bucket = \"photos-*\" }"
    }
  }
}

resource "alicloud_ram_role_policy_attachment" "ferry" {
  for_each    = local.all_policies
  role_name   = alicloud_ram_role.ferry[each.value.role].role_name
  policy_name = alicloud_ram_policy.ferry[each.key].policy_name
  policy_type = "Custom"
}

# Event streams work under EventBridge's own roles: it has none of ours take their
# place (the component makes these three where a trigger names no role). They are
# broader than ours: every queue and every function of the account.
resource "alicloud_event_bridge_service_linked_role" "stream" {
  for_each     = var.service_linked_roles
  product_name = each.key
  depends_on   = [data.alicloud_event_bridge_service.active]
}
