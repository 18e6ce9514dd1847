variable "region" {
  description = "Where everything lies: the target's own region, so that OSS answers the functions under its internal name and traffic to it costs nothing."
  type        = string
}

variable "prefix" {
  description = "What the names of everything begin with. Names of roles and policies are those of the whole account, in all regions: a second deployment takes another prefix."
  type        = string
  default     = "ferry-"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,28}-$", var.prefix))
    error_message = "prefix is up to 30 lower-case letters, digits and hyphens, begins with a letter and ends in a hyphen, as in ferry-eu-"
  }
}

variable "ledger_bucket" {
  description = "Name of the bucket to make for the ledger. Bucket names are those of all of OSS: take one that nobody has."
  type        = string
}

variable "ledger_prefix" {
  description = "What every key of the ledger begins with."
  type        = string
  default     = ".ferry/"
  validation {
    condition     = endswith(var.ledger_prefix, "/") && !startswith(var.ledger_prefix, "/")
    error_message = "ledger_prefix ends in a slash and does not begin with one, as in .ferry/"
  }
}

variable "targets" {
  description = "The buckets that jobs write to, and the prefix that they keep to, \"\" for the whole bucket. They must be there already. The functions can reach no others. A * in a bucket's name stands for any letters: photos-* is one target for many buckets."
  type = list(object({
    bucket = string
    prefix = optional(string, "")
  }))
  validation {
    condition     = length(var.targets) > 0
    error_message = "Name at least one target, as in targets = [{ bucket = \"photos-new\" }]"
  }
}

variable "mark_days" {
  description = "Days until marks and signs of life are dropped from the ledger. They must outlive any message: 7 days in its queue, 7 more as a dead letter, and what an archived object takes to thaw."
  type        = number
  default     = 30
  validation {
    condition     = var.mark_days >= 21
    error_message = "mark_days is at least 21: a mark that goes before its message has a task done twice"
  }
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "alarm_contacts" {
  description = "Contact groups of CloudMonitor, made in its console, that alarms go to. None: no alarms."
  type        = list(string)
  default     = []
}

variable "backlog_periods" {
  description = "After how many periods of 5 minutes a queue that was never empty is an alarm: 120 are 10 hours. CloudMonitor does not know the age of the oldest message."
  type        = number
  default     = 120
}

variable "queue_metric" {
  description = "The metric of messages that could be received, and the dimension that names the queue. Where CloudMonitor shows none, its newer name: { namespace = \"acs_smq\", name = \"NumberOfMessagesVisible\", dimension = \"queueName\" }."
  type = object({
    namespace = string
    name      = string
    dimension = optional(string, "queue")
  })
  default = {
    namespace = "acs_mns_new"
    name      = "ActiveMessages"
  }
}

variable "function_metric" {
  description = "The metric of invocations that failed, and the dimension that names the function. CloudMonitor's page of metrics names those of your region."
  type = object({
    namespace = string
    name      = string
    dimension = optional(string, "functionName")
  })
  default = {
    namespace = "acs_fc"
    name      = "FunctionFunctionErrors"
  }
}

variable "service_linked_roles" {
  description = "EventBridge's own roles, under which event streams work. One that the account has already makes apply fail: leave it out here, or terraform import it."
  type        = set(string)
  default = [
    "AliyunServiceRoleForEventBridgeSendToFC",
    "AliyunServiceRoleForEventBridgeSourceMNS",
    "AliyunServiceRoleForEventBridgeSendToMNS",
  ]
}

variable "console_changes" {
  description = "Whether the function console may change jobs and runs, as with FERRY_CONSOLE_CHANGES=1; else it may only read."
  type        = bool
  default     = false
}
