# What failed 60 times is a dead letter. A task that fails says so itself and is
# sent again later, which is no delivery of this count: what counts are instances
# that died or ran out of time, Lambda's own throttling, and a ledger that does not
# answer. That one is waited for as long as limits.outage says, a day where it says
# nothing: 60 deliveries take 30 hours.
resource "aws_sqs_queue" "stage" {
  for_each = local.stages

  name                       = "${var.prefix}${each.key}"
  visibility_timeout_seconds = local.visibility
  message_retention_seconds  = 604800 # 7 days: the sweeper takes what is older for lost
  receive_wait_time_seconds  = 0      # who receives says how long it waits
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 60
  })
}

# A dead letter keeps the age that it had in its first queue: this one keeps
# messages for longer.
resource "aws_sqs_queue" "dead" {
  name                       = "${var.prefix}dead"
  visibility_timeout_seconds = local.visibility
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = true
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [for q in aws_sqs_queue.stage : q.arn]
  })
}
