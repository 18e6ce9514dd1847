# A role for each function. It may take messages from its own queue, send to the
# queues of all stages (a task that came to the wrong one is sent on), and write
# its own log. Kodo and OSS know it by the keys in its environment.
resource "aws_iam_role" "stage" {
  for_each = local.stages

  name               = "${var.prefix}${each.key}"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "stage" {
  for_each = local.stages

  name   = "ferry"
  role   = aws_iam_role.stage[each.key].id
  policy = data.aws_iam_policy_document.stage[each.key].json
}

data "aws_iam_policy_document" "stage" {
  for_each = local.stages

  statement {
    sid       = "Receive"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = concat([aws_sqs_queue.stage[each.key].arn], each.key == "verify" ? [aws_sqs_queue.dead.arn] : [])
  }

  statement {
    sid       = "Send"
    actions   = ["sqs:SendMessage"]
    resources = concat([for q in aws_sqs_queue.stage : q.arn], each.key == "verify" ? [aws_sqs_queue.dead.arn] : [])
  }

  # The sweeper asks how full the queues are before it sends anything again.
  dynamic "statement" {
    for_each = each.key == "verify" ? [1] : []

    content {
      sid       = "Count"
      actions   = ["sqs:GetQueueAttributes"]
      resources = [for q in aws_sqs_queue.stage : q.arn]
    }
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.stage[each.key].arn}:*"]
  }
}

resource "aws_iam_role" "scheduler" {
  name               = "${var.prefix}scheduler"
  assume_role_policy = data.aws_iam_policy_document.scheduler.json
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "ferry"
  role   = aws_iam_role.scheduler.id
  policy = data.aws_iam_policy_document.invoke.json
}

data "aws_iam_policy_document" "invoke" {
  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = concat([aws_lambda_function.stage["list"].arn, aws_lambda_function.stage["verify"].arn], [for name, f in aws_lambda_function.direct : f.arn if name == "pull"])
  }
}
