# What the functions log. s.yaml names both.
resource "alicloud_log_project" "ferry" {
  project_name = "${var.prefix}${local.account}-${var.region}"
  description  = "Ferry's functions"
  depends_on   = [data.alicloud_log_service.active]
}

resource "alicloud_log_store" "functions" {
  project_name     = alicloud_log_project.ferry.project_name
  logstore_name    = "functions"
  retention_period = var.log_days
}

# Without an index nothing can be searched.
resource "alicloud_log_store_index" "functions" {
  project  = alicloud_log_project.ferry.project_name
  logstore = alicloud_log_store.functions.logstore_name
  full_text {
    case_sensitive = false
    token          = " \n\t\r,;[]{}()&^*#@~=<>/\\?:'\""
  }
}
