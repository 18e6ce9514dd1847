# What Ferry's functions need around them on Alibaba Cloud: queues, the ledger's
# bucket, roles, a log store, alarms. The functions themselves, and what triggers
# them, are deployed by s.yaml.
#
#   terraform -chdir=infra/alicloud init
#   terraform -chdir=infra/alicloud apply
#
# It asks for the variables without a default; write them into terraform.tfvars
# to be asked once. The keys are those of an administrator of the account,
# ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, and are needed for nothing else.
terraform {
  required_version = ">= 1.5"
  required_providers {
    alicloud = {
      source  = "aliyun/alicloud"
      version = ">= 1.260.0, < 2.0.0"
    }
  }
}

provider "alicloud" {
  region = var.region
}

data "alicloud_account" "current" {}

# Services that an account has not used yet are activated. That costs nothing.
data "alicloud_oss_service" "active" {
  enable = "On"
}

data "alicloud_fc_service" "active" {
  enable = "On"
}

data "alicloud_mns_service" "active" {
  enable = "On"
}

data "alicloud_log_service" "active" {
  enable = "On"
}

data "alicloud_event_bridge_service" "active" {
  enable = "On"
}

locals {
  account = data.alicloud_account.current.id
}
