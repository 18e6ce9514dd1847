resource "aws_cloudwatch_log_group" "stage" {
  for_each = local.stages

  name              = "/aws/lambda/${var.prefix}${each.key}"
  retention_in_days = var.log_days
}

# A dead letter is received by the verify function soon after it came. SQS's
# count of sent messages leaves out what redrive moved, and the queue is empty
# again by the time one looks: what was received tells.
resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "${var.prefix}dead-letters"
  alarm_description   = "Ferry wrote tasks off that were delivered too often: ferry report RUN tells which objects, the log of ${var.prefix}verify why."
  namespace           = "AWS/SQS"
  metric_name         = "NumberOfMessagesReceived"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
}

resource "aws_cloudwatch_metric_alarm" "age" {
  for_each = aws_sqs_queue.stage

  alarm_name          = "${each.value.name}-oldest-message"
  alarm_description   = "The oldest message of ${each.value.name} waits for too long: is the function throttled, or its concurrency too low for this bucket?"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  threshold           = var.alarm_age
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
}

# A task that fails is no failed invocation: these are crashes, timeouts and a
# configuration that is wrong.
resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = merge(aws_lambda_function.stage, aws_lambda_function.direct, { for f in aws_lambda_function.console : "console" => f })

  alarm_name          = "${each.value.function_name}-failures"
  alarm_description   = "Invocations of ${each.value.function_name} fail: its log says what is missing or wrong."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 5
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
}
