# The ledger: the only truth about every run. Private, which buckets are unless
# told otherwise, and never versioned: OSS ignores conditional writes to a bucket
# that keeps versions, or ever did, and every record depends on them.
resource "alicloud_oss_bucket" "ledger" {
  bucket = var.ledger_bucket

  # The first two rules meet below pull/, and say the same there.
  lifecycle_rule_allow_same_action_overlap = true

  # Marks and signs of life lie below each run. No prefix names those of all runs
  # and nothing else, and rules know no patterns: so Ferry puts them with a tag.
  lifecycle_rule {
    id      = "marks"
    enabled = true
    prefix  = var.ledger_prefix
    tags = {
      ferry = "brief"
    }
    expiration {
      days = var.mark_days
    }
  }

  # The signs of life of the pull function are of no run.
  lifecycle_rule {
    id      = "pull"
    enabled = true
    prefix  = "${var.ledger_prefix}pull/"
    expiration {
      days = var.mark_days
    }
  }

  # Ferry makes no uploads in parts here, but people and consoles do.
  lifecycle_rule {
    id      = "uploads"
    enabled = true
    prefix  = ""
    abort_multipart_upload {
      days = var.mark_days
    }
  }

  # Without its ledger a run cannot be gone on with, nor proved.
  lifecycle {
    prevent_destroy = true
  }
}
