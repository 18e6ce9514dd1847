# The functions that no queue feeds: Kodo posts its notifications to notify, and a
# schedule starts pull, which receives copy messages itself for most of 15 minutes.
locals {
  direct = merge(
    {
      notify = { memory = 256, timeout = 30, url = true, sends = ["copy"], receives = [], environment = {} }
    },
    { for name in ["pull"] : name => {
      memory      = 1769, timeout = 900, url = false, sends = keys(local.stages), receives = ["copy"]
      environment = { FERRY_PULL_INSTANCES = format("%d", var.pulls) }
    } if var.pulls > 0 },
  )
}

resource "aws_lambda_function" "direct" {
  for_each = local.direct

  function_name    = "${var.prefix}${each.key}"
  description      = "Ferry's ${each.key}"
  role             = aws_iam_role.direct[each.key].arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = "${local.packages}/${each.key}.zip"
  source_code_hash = filebase64sha256("${local.packages}/${each.key}.zip")
  memory_size      = each.value.memory
  timeout          = each.value.timeout

  environment {
    variables = merge(local.environment, each.value.environment, {
      ALIBABA_CLOUD_ACCESS_KEY_ID     = try(var.oss_keys[each.key], var.oss_keys["default"], var.oss_keys["copy"]).access_key_id
      ALIBABA_CLOUD_ACCESS_KEY_SECRET = try(var.oss_keys[each.key], var.oss_keys["default"], var.oss_keys["copy"]).access_key_secret
    })
  }

  depends_on = [aws_cloudwatch_log_group.direct, aws_iam_role_policy.direct]
}

resource "aws_cloudwatch_log_group" "direct" {
  for_each = local.direct

  name              = "/aws/lambda/${var.prefix}${each.key}"
  retention_in_days = var.log_days
}

resource "aws_iam_role" "direct" {
  for_each = local.direct

  name               = "${var.prefix}${each.key}"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

resource "aws_iam_role_policy" "direct" {
  for_each = local.direct

  name   = "ferry"
  role   = aws_iam_role.direct[each.key].id
  policy = data.aws_iam_policy_document.direct[each.key].json
}

data "aws_iam_policy_document" "direct" {
  for_each = local.direct

  statement {
    sid       = "Send"
    actions   = ["sqs:SendMessage"]
    resources = [for stage in each.value.sends : aws_sqs_queue.stage[stage].arn]
  }

  dynamic "statement" {
    for_each = each.value.receives

    content {
      sid       = "Receive"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
      resources = [for stage in each.value.receives : aws_sqs_queue.stage[stage].arn]
    }
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.direct[each.key].arn}:*"]
  }
}

# Anybody reaches the address: the function checks the signature of what it gets.
resource "aws_lambda_function_url" "direct" {
  for_each = { for name, f in local.direct : name => f if f.url }

  function_name      = aws_lambda_function.direct[each.key].function_name
  authorization_type = "NONE"
}

# Through the address alone: see console.tf.
resource "aws_lambda_permission" "invoke" {
  for_each = { for name, f in local.direct : name => f if f.url }

  statement_id             = "ferry-invoke"
  action                   = "lambda:InvokeFunction"
  function_name            = aws_lambda_function.direct[each.key].function_name
  principal                = "*"
  invoked_via_function_url = true
}

resource "aws_scheduler_schedule" "pull" {
  for_each = { for name, f in local.direct : name => f if name == "pull" }

  name                = "${var.prefix}pull"
  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.direct[each.key].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = format(local.tick, "${var.prefix}pull", "copy")

    # The next one does better.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }
}

# What an agent on a machine of AWS needs of the queues; its other keys are those of
# infra/agent/agent.env.
data "aws_iam_policy_document" "agent" {
  statement {
    sid       = "Work"
    actions   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    resources = concat([for q in aws_sqs_queue.stage : q.arn], [aws_sqs_queue.dead.arn])
  }
}
