# Alarms go to contact groups of CloudMonitor. A job's own alerts (alerts: in
# ferry.yaml) tell of runs; these tell of the deployment.

locals {
  functions = ["list", "copy", "verify", "delete", "notify", "pull", "console"]

  # A dead letter is buried within minutes. One that stays is not taken.
  dead = {
    dead-letters = {
      namespace  = var.queue_metric.namespace
      metric     = var.queue_metric.name
      dimensions = { userId = local.account, region = var.region, (var.queue_metric.dimension) = alicloud_message_service_queue.dead.queue_name }
      statistics = "Maximum"
      threshold  = 0
      times      = 3
    }
  }

  # A queue that was never empty for so long holds a message at least as old, or
  # the migration is large: then raise backlog_periods while it lasts.
  backlog = { for s in local.stages : "backlog-${s}" => {
    namespace  = var.queue_metric.namespace
    metric     = var.queue_metric.name
    dimensions = { userId = local.account, region = var.region, (var.queue_metric.dimension) = alicloud_message_service_queue.stage[s].queue_name }
    statistics = "Minimum"
    threshold  = 0
    times      = var.backlog_periods
  } }

  # A task that fails is sent again and does not count here: these are
  # invocations that ended in an error, died, or ran out of time.
  failures = { for f in local.functions : "failures-${f}" => {
    namespace  = var.function_metric.namespace
    metric     = var.function_metric.name
    dimensions = { userId = local.account, region = var.region, (var.function_metric.dimension) = "${var.prefix}${f}" }
    statistics = "Value"
    threshold  = 0
    times      = 3
  } }
}

resource "alicloud_cms_alarm" "ferry" {
  for_each          = length(var.alarm_contacts) == 0 ? {} : merge(local.dead, local.backlog, local.failures)
  name              = "${var.prefix}${each.key}"
  project           = each.value.namespace
  metric            = each.value.metric
  metric_dimensions = jsonencode([each.value.dimensions])
  period            = 300
  contact_groups    = var.alarm_contacts
  silence_time      = 3600
  escalations_warn {
    statistics          = each.value.statistics
    comparison_operator = ">"
    threshold           = each.value.threshold
    times               = each.value.times
  }
}
