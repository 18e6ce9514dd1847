# The input is the whole event: it has the shape that functions know from
# Function Compute's timers. EventBridge puts the time in which a run is named
# by. jsonencode would write < as \u003c, which it does not find.
locals {
  tick = "{\"triggerTime\":\"<aws.scheduler.scheduled-time>\",\"triggerName\":\"%s\",\"payload\":\"%s\"}"
}

# Looks every 5 minutes at runs that are not over and sends again what no record
# answers for.
resource "aws_scheduler_schedule" "sweep" {
  name                = "${var.prefix}sweep"
  schedule_expression = "rate(5 minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.stage["verify"].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = format(local.tick, "${var.prefix}sweep", "sweep")

    # The next one comes soon.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }
}

# Starts a job's run. The run bears the scheduled time as its name, so that one
# that is delivered twice starts one.
resource "aws_scheduler_schedule" "job" {
  for_each = var.schedules

  name                         = "${var.prefix}job-${each.key}"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.stage["list"].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = format(local.tick, each.key, each.key)

    retry_policy {
      maximum_retry_attempts       = 10
      maximum_event_age_in_seconds = 3600
    }
  }
}
