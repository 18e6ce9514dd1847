package s3

import (
	"errors"
	"net/http"

	"kodoferry/shared/fault"
)

// lacks are what keys may not do by an operation, and the right that it takes (S3 API reference,
// the permissions of the operations). The value is what was answered.
var lacks = map[string]string{
	"s3.Open": "the keys may not read it; grant them s3:GetObject on the bucket's objects (%w)",
	"s3.Stat": "the keys may not look at it; grant them s3:GetObject on the bucket's objects (%w)",
	"s3.List": "the keys may not list the bucket; grant them s3:ListBucket on the bucket (%w)",
	"s3.Thaw": "the keys may not have it restored; grant them s3:RestoreObject on the bucket's objects (%w)",
}

// denied words a refusal of kind Denied: what may not be done, and the cure.
func (b *Bucket) denied(op string, r *refusal) error {
	lack := lacks[op]
	switch {
	case lack != "" && (r.code == "AccessDenied" || r.code == "" && r.status == http.StatusForbidden):
		return fault.Errorf(lack, r)
	case r.code == "":
		return r
	}
	if sentence := b.explainRefusal(r, r); sentence != "" {
		return fault.Errorf("%w (%w)", errors.New(sentence), r)
	}
	return r
}
