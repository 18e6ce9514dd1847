data "aws_caller_identity" "current" {}

locals {
  # One function for each stage, behind a queue of its own. Memory brings its
  # share of a processor: 1769 MB are one (Lambda, "Configure memory"). parallel
  # is how many messages are at work at once.
  stages = {
    list   = { memory = 1024, parallel = 8 }
    copy   = { memory = 1769, parallel = var.copies }
    verify = { memory = 1769, parallel = 8 }
    delete = { memory = 1024, parallel = 8 }
  }

  # Which function takes the messages of a queue. Dead letters are an outcome:
  # the verify function writes them off.
  consumers = merge({ for stage in keys(local.stages) : stage => stage }, { dead = "verify" })

  timeout    = 300               # s of one invocation, which tasks are made for
  visibility = 6 * local.timeout # 30 min: so long Lambda may need to hand a message over (Lambda, "Using SQS")

  packages = var.packages != "" ? var.packages : "${path.module}/../../.package/lambda"

  environment = {
    FERRY_LEDGER     = var.ledger
    FERRY_QUEUES     = "sqs://${data.aws_caller_identity.current.account_id}/${var.prefix}?region=${var.region}"
    QINIU_ACCESS_KEY = var.kodo_keys.access_key
    QINIU_SECRET_KEY = var.kodo_keys.secret_key
  }
}

resource "aws_lambda_function" "stage" {
  for_each = local.stages

  function_name    = "${var.prefix}${each.key}"
  description      = "Ferry's ${each.key} stage"
  role             = aws_iam_role.stage[each.key].arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = "${local.packages}/${each.key}.zip"
  source_code_hash = filebase64sha256("${local.packages}/${each.key}.zip")
  memory_size      = each.value.memory
  timeout          = local.timeout

  environment {
    variables = merge(local.environment, {
      ALIBABA_CLOUD_ACCESS_KEY_ID     = try(var.oss_keys[each.key], var.oss_keys["default"]).access_key_id
      ALIBABA_CLOUD_ACCESS_KEY_SECRET = try(var.oss_keys[each.key], var.oss_keys["default"]).access_key_secret
    })
  }

  depends_on = [aws_cloudwatch_log_group.stage, aws_iam_role_policy.stage]
}

# One message an event, so that no task waits for its neighbours. The answer
# names the messages that failed; without that Lambda would take any answer for
# a success and delete them.
resource "aws_lambda_event_source_mapping" "queue" {
  for_each = local.consumers

  event_source_arn        = each.key == "dead" ? aws_sqs_queue.dead.arn : aws_sqs_queue.stage[each.key].arn
  function_name           = aws_lambda_function.stage[each.value].arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]

  # Without a bound Lambda takes more messages than it has functions free for,
  # and each time it puts one back counts as a delivery.
  scaling_config {
    maximum_concurrency = each.key == "dead" ? 2 : local.stages[each.key].parallel
  }
}
