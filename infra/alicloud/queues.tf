# One queue for each stage, and one for dead letters, which the verify function
# buries: a message that was given up is an outcome, never silence.

locals {
  stages = ["list", "copy", "verify", "delete"]
  day    = 24 * 60 * 60
}

resource "alicloud_message_service_queue" "dead" {
  queue_name               = "${var.prefix}dead"
  visibility_timeout       = 30 * 60
  message_retention_period = 7 * local.day
  polling_wait_seconds     = 30
  depends_on               = [data.alicloud_mns_service.active]
}

resource "alicloud_message_service_queue" "stage" {
  for_each                 = toset(local.stages)
  queue_name               = "${var.prefix}${each.key}"
  visibility_timeout       = 30 * 60 # far longer than a task: only of an agent that died is a message delivered again
  message_retention_period = 7 * local.day
  polling_wait_seconds     = 30 # an empty queue costs a request in 30 s
  depends_on               = [data.alicloud_mns_service.active]

  # A task counts its own failures and is sent again as a new message. What is
  # received so often has killed whoever received it, or a ledger has not answered
  # agents for longer than limits.outage lets them wait, a day where it says nothing.
  dlq_policy {
    enabled                  = true
    dead_letter_target_queue = alicloud_message_service_queue.dead.queue_name
    max_receive_count        = 60
  }
}
