# A role for each function, with the rights it needs and no others. They are
# those that `ferry policy` prints, which is what they are held against.

locals {
  # Names of resources in policies.
  target_buckets = [for t in var.targets : "acs:oss:*:*:${t.bucket}"]
  target_keys    = [for t in var.targets : "acs:oss:*:*:${t.bucket}/${t.prefix}*"]
  ledger_bucket  = ["acs:oss:*:*:${var.ledger_bucket}"]
  ledger         = "acs:oss:*:*:${var.ledger_bucket}/${var.ledger_prefix}"
  queues         = { for q in concat(local.stages, ["dead"]) : q => "acs:mns:${var.region}:${local.account}:/queues/${local.prefix}${q}" }

  # What every function that does tasks may: read and write the records of runs,
  # send what follows, log.
  listing   = { Effect = "Allow", Action = ["oss:ListObjects"], Resource = distinct(concat(local.target_buckets, local.ledger_bucket)) }
  recording = { Effect = "Allow", Action = ["oss:GetObject", "oss:PutObject", "oss:PutObjectTagging"], Resource = ["${local.ledger}*"] }
  sending   = { Effect = "Allow", Action = ["mns:SendMessage", "mns:BatchSendMessage"], Resource = [for s in local.stages : "${local.queues[s]}/messages"] }
  logging   = { Effect = "Allow", Action = ["log:PostLogStoreLogs"], Resource = ["acs:log:${var.region}:${local.account}:project/${alicloud_log_project.ferry.project_name}/logstore/${alicloud_log_store.functions.logstore_name}"] }
  reading   = { Effect = "Allow", Action = ["oss:GetObject"], Resource = local.target_keys }

  # No function changes a job, and only verify writes what proves.
  no_jobs  = { Effect = "Deny", Action = ["oss:PutObject"], Resource = ["${local.ledger}jobs/*"] }
  no_proof = { Effect = "Deny", Action = ["oss:PutObject"], Resource = [for name in ["verified/*", "objects/*", "report.json", "report.html", "manifest.json"] : "${local.ledger}runs/*/*/${name}"] }

  common = [local.listing, local.recording, local.sending, local.logging, local.no_jobs]

  # Copying may not delete: what it must have removed goes to the delete stage.
  copying = concat(local.common, [
    local.no_proof,
    { Effect = "Allow", Action = ["oss:GetObject", "oss:PutObject", "oss:AbortMultipartUpload"], Resource = local.target_keys },
  ])

  policies = {
    list = concat(local.common, [
      local.no_proof,
      local.reading,
      # On a timer it begins runs, for which it asks whether the target keeps versions.
      { Effect = "Allow", Action = ["oss:GetBucketVersioning"], Resource = local.target_buckets },
    ])
    copy = local.copying
    verify = concat(local.common, [
      { Effect = "Allow", Action = ["oss:GetObject", "oss:AbortMultipartUpload"], Resource = local.target_keys },
      { Effect = "Allow", Action = ["mns:GetQueueAttributes"], Resource = [for s in local.stages : local.queues[s]] },
      # A dead letter that only a newer version can read goes back.
      { Effect = "Allow", Action = ["mns:SendMessage", "mns:BatchSendMessage"], Resource = ["${local.queues["dead"]}/messages"] },
    ])
    delete = concat(local.common, [
      local.no_proof,
      { Effect = "Allow", Action = ["oss:GetObject", "oss:DeleteObject"], Resource = local.target_keys },
      # A ledger may lie in a target's bucket.
      { Effect = "Deny", Action = ["oss:DeleteObject"], Resource = ["${local.ledger}*"] },
    ])
    # Anybody can reach it: it reaches no data and no queue but one.
    notify = [
      { Effect = "Allow", Action = ["oss:ListObjects"], Resource = local.ledger_bucket },
      { Effect = "Allow", Action = ["oss:GetObject", "oss:PutObject"], Resource = ["${local.ledger}*"] },
      { Effect = "Allow", Action = ["mns:SendMessage", "mns:BatchSendMessage"], Resource = ["${local.queues["copy"]}/messages"] },
      local.logging,
      local.no_jobs,
      local.no_proof,
    ]
    pull = concat(local.copying, [
      { Effect = "Allow", Action = ["mns:BatchReceiveMessage", "mns:DeleteMessage", "mns:ChangeMessageVisibility"], Resource = ["${local.queues["copy"]}/messages"] },
      { Effect = "Allow", Action = ["mns:GetQueueAttributes"], Resource = [local.queues["copy"]] },
    ])
    # The event streams of EventBridge, which bring messages to the functions. It
    # does not tell which of these rights it uses: they are those that its own
    # role has for queues.
    stream = [
      {
        Effect = "Allow"
        Action = [
          "mns:ReceiveMessage", "mns:BatchReceiveMessage", "mns:PeekMessage", "mns:BatchPeekMessage",
          "mns:DeleteMessage", "mns:BatchDeleteMessage", "mns:ChangeMessageVisibility",
        ]
        Resource = [for q in concat(local.stages, ["dead"]) : "${local.queues[q]}/messages"]
      },
      { Effect = "Allow", Action = ["mns:SendMessage"], Resource = ["${local.queues["dead"]}/messages"] },
      { Effect = "Allow", Action = ["fc:InvokeFunction"], Resource = ["acs:fc:${var.region}:${local.account}:functions/${local.prefix}*"] },
    ]
  }
}

resource "alicloud_ram_role" "ferry" {
  for_each    = local.policies
  role_name   = "${local.prefix}${each.key}"
  description = "Ferry: ${each.key}"
  assume_role_policy_document = jsonencode({
    Version = "1"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = each.key == "stream" ? ["fc.aliyuncs.com", "eventbridge.aliyuncs.com"] : ["fc.aliyuncs.com"] }
    }]
  })
}

resource "alicloud_ram_policy" "ferry" {
  for_each    = local.policies
  policy_name = "${local.prefix}${each.key}"
  description = "What Ferry's ${each.key} may do"
  policy_document = jsonencode({
    Version   = "1"
    Statement = each.value
  })
}

resource "alicloud_ram_role_policy_attachment" "ferry" {
  for_each    = local.policies
  role_name   = alicloud_ram_role.ferry[each.key].role_name
  policy_name = alicloud_ram_policy.ferry[each.key].policy_name
  policy_type = "Custom"
}
