# What Ferry's functions on AWS Lambda need: their queues at SQS, roles with the
# least rights, schedules, logs and alarms. The buckets and the ledger are the
# other cloud's: see infra/alicloud, or infra/README.md for what they need by hand.
#
#   scripts/package.sh --lambda
#   cd infra/aws
#   terraform init
#   terraform apply
#
# main.tf says what a deployment consists of; start there.
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.42, < 7.0"
    }
  }
}

provider "aws" {
  region = var.region
}
