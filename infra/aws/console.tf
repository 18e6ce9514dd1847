# Pages over the ledger at a function URL, where var.console says so. Anybody reaches
# it; who has the token gets in. It only reads, unless var.console_changes lets it do
# what a person does by ferry start, cancel, jobs apply and the like.
resource "aws_lambda_function" "console" {
  count = var.console ? 1 : 0

  function_name    = "${var.prefix}console"
  description      = "Ferry shows jobs, runs and addresses on pages"
  role             = aws_iam_role.console[0].arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = "${local.packages}/console.zip"
  source_code_hash = filebase64sha256("${local.packages}/console.zip")
  memory_size      = 512
  timeout          = 120

  environment {
    variables = merge(local.environment, {
      FERRY_CONSOLE_TOKEN             = var.console_token
      FERRY_CONSOLE_CHANGES           = var.console_changes ? "1" : "0"
      ALIBABA_CLOUD_ACCESS_KEY_ID     = try(var.oss_keys["console"], var.oss_keys["default"]).access_key_id
      ALIBABA_CLOUD_ACCESS_KEY_SECRET = try(var.oss_keys["console"], var.oss_keys["default"]).access_key_secret
    })
  }

  lifecycle {
    precondition {
      condition     = length(var.console_token) >= 20
      error_message = "console_token is what lets into the console: set a random text of 20 characters or more, as openssl rand -base64 30 prints it."
    }
    precondition {
      condition     = contains(keys(var.oss_keys), "console") || contains(keys(var.oss_keys), "default")
      error_message = "Give oss_keys for the console, with the rights of ferry policy JOB --role console, or some under default."
    }
  }

  depends_on = [aws_cloudwatch_log_group.console, aws_iam_role_policy.console]
}

# Lambda itself adds the permission lambda:InvokeFunctionUrl where nobody is asked to
# sign. URLs made since October 2025 need lambda:InvokeFunction, too ("Control access to
# Lambda function URLs"), here through the URL alone.
resource "aws_lambda_function_url" "console" {
  count = var.console ? 1 : 0

  function_name      = aws_lambda_function.console[0].function_name
  authorization_type = "NONE" # the function itself asks for the token
}

resource "aws_lambda_permission" "console" {
  count = var.console ? 1 : 0

  statement_id             = "FerryConsoleThroughItsURL"
  action                   = "lambda:InvokeFunction"
  function_name            = aws_lambda_function.console[0].function_name
  principal                = "*"
  invoked_via_function_url = true
}

resource "aws_cloudwatch_log_group" "console" {
  count = var.console ? 1 : 0

  name              = "/aws/lambda/${var.prefix}console"
  retention_in_days = var.log_days
}

resource "aws_iam_role" "console" {
  count = var.console ? 1 : 0

  name               = "${var.prefix}console"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

resource "aws_iam_role_policy" "console" {
  count = var.console ? 1 : 0

  name   = "ferry"
  role   = aws_iam_role.console[0].id
  policy = data.aws_iam_policy_document.console[0].json
}

data "aws_iam_policy_document" "console" {
  count = var.console ? 1 : 0

  # Who begins or resumes a run sends its first tasks, and asks how full the queues are.
  dynamic "statement" {
    for_each = var.console_changes ? [1] : []

    content {
      sid       = "Send"
      actions   = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
      resources = [for q in aws_sqs_queue.stage : q.arn]
    }
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.console[0].arn}:*"]
  }
}
