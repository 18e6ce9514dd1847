variable "region" {
  description = "where functions and queues are; near the target bucket, as eu-central-1"
  type        = string
}

variable "prefix" {
  description = "begins the name of everything, the queues' included"
  type        = string
  default     = "ferry-"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,39}$", var.prefix))
    error_message = "The prefix has up to 40 letters, digits and hyphens and begins with a letter, as ferry-."
  }
}

variable "ledger" {
  description = "where runs are kept, as oss://my-ledger/.ferry/?region=eu-central-1: a private bucket without versioning"
  type        = string

  validation {
    condition     = startswith(var.ledger, "oss://")
    error_message = "The ledger is an oss:// location."
  }
}

# Secrets. Terraform writes them into its state: keep that encrypted. Lambda
# keeps a function's variables encrypted, too.

variable "kodo_keys" {
  description = "keys for Kodo, which may list and read the source"
  type = object({
    access_key = string
    secret_key = string
  })
  sensitive = true
}

variable "oss_keys" {
  description = "keys for OSS by function (list, copy, verify, delete, notify, pull, console), or under default for those not named; only the delete stage's may delete, and the console's need only read"
  type = map(object({
    access_key_id     = string
    access_key_secret = string
  }))
  sensitive = true

  validation {
    condition     = contains(keys(var.oss_keys), "default") || length(setsubtract(["list", "copy", "verify", "delete"], keys(var.oss_keys))) == 0
    error_message = "Give keys for each of list, copy, verify and delete, or some under default."
  }
}

variable "architecture" {
  description = "arm64 or x86_64: what scripts/package.sh built for"
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Write arm64, or x86_64 for packages built with GOARCH=amd64."
  }
}

variable "packages" {
  description = "directory of the zipped functions; empty: where scripts/package.sh --lambda puts them"
  type        = string
  default     = ""
}

variable "copies" {
  description = "how many copy functions run at once, 2 to 1000; an account has 1000 in a region, new ones fewer"
  type        = number
  default     = 64
}

variable "console" {
  description = "whether the console is served at a function URL; console_token is set then, too"
  type        = bool
  default     = false
}

variable "console_token" {
  description = "what lets into the console: a random text of 20 characters or more"
  type        = string
  default     = ""
  sensitive   = true
}

variable "console_changes" {
  description = "whether the console may change jobs and runs; its keys under oss_keys need the rights of ferry policy JOB --role operator then"
  type        = bool
  default     = false
}

variable "pulls" {
  description = "how many invocations of 15 minutes receive copy messages themselves, beside those that the queue feeds; 0: none, and no such function"
  type        = number
  default     = 0
}

variable "schedules" {
  description = "jobs that run by the clock: by the job's name when, as cron(0 2 * * ? *) or rate(6 hours), and in which time zone"
  type = map(object({
    expression = string
    timezone   = optional(string, "UTC")
  }))
  default = {}

  validation {
    condition     = alltrue([for job in keys(var.schedules) : can(regex("^[a-z0-9][a-z0-9-]{0,39}$", job))])
    error_message = "A job's name has lower-case letters, digits and hyphens."
  }
}

variable "alarm_topics" {
  description = "ARNs of SNS topics that alarms are sent to"
  type        = list(string)
  default     = []
}

variable "alarm_age" {
  description = "seconds that the oldest message of a queue may have waited before it is an alarm"
  type        = number
  default     = 21600
}

variable "log_days" {
  description = "days that logs are kept"
  type        = number
  default     = 30
}
