package oss

import (
	"errors"
	"net/http"

	"kodoferry/shared/fault"
)

// lacks are what an access key may not do by an operation, and the right that it takes (OSS,
// "RAM policies", the actions of the operations). The value is what OSS answered.
var lacks = map[string]string{
	"oss.Open":          "the access key may not read it; grant it oss:GetObject on the bucket's objects (%w)",
	"oss.Stat":          "the access key may not look at it; grant it oss:GetObject on the bucket's objects (%w)",
	"oss.Put":           "the access key may not write it; grant it oss:PutObject on the bucket's objects (%w)",
	"oss.Begin":         "the access key may not begin to write it in parts; grant it oss:PutObject on the bucket's objects (%w)",
	"oss.PutPart":       "the access key may not write a part of it; grant it oss:PutObject on the bucket's objects (%w)",
	"oss.Finish":        "the access key may not put its parts together; grant it oss:PutObject on the bucket's objects (%w)",
	"oss.Parts":         "the access key may not list its parts; grant it oss:ListParts on the bucket's objects (%w)",
	"oss.Abort":         "the access key may not abort its upload in parts; grant it oss:AbortMultipartUpload on the bucket's objects (%w)",
	"oss.SetAttributes": "the access key may not set its attributes in place; grant it oss:GetObject and oss:PutObject on the bucket's objects (%w)",
	"oss.Delete":        "the access key may not delete it; grant it oss:DeleteObject on the bucket's objects (%w)",
	"oss.List":          "the access key may not list the bucket; grant it oss:ListObjects on the bucket (%w)",
	"oss.Unfinished":    "the access key may not list uploads in parts; grant it oss:ListMultipartUploads on the bucket (%w)",
	"oss.Versioned":     "the access key may not ask whether the bucket keeps versions; grant it oss:GetBucketVersioning on the bucket (%w)",
	"oss.Retention":     "the access key may not ask for the bucket's retention policy; grant it oss:GetBucketWorm on the bucket (%w)",
}

// denied words a refusal of kind Denied: what may not be done, and the cure.
func (b *Bucket) denied(op string, r *refusal) error {
	switch {
	case r.code == "AccessDenied" && r.endpoint == "", r.code == "" && r.status == http.StatusForbidden:
		if lack := lacks[op]; lack != "" {
			return fault.Errorf(lack, r)
		}
	case r.code == "InvalidObjectState":
		return fault.Errorf("it is archived there; thaw it before it is read (%w)", r)
	case r.code == "FileImmutable":
		return fault.Errorf("the bucket's retention policy (WORM) keeps it as it is; wait for the end of its time, or take another bucket (%w)", r)
	case r.full():
		return fault.Errorf("the bucket, or the account, is full; have its quota raised (%w)", r)
	}
	if _, sentence := b.explainRefusal(r); sentence != "" {
		return fault.Errorf("%w (%w)", errors.New(sentence), r)
	}
	return r
}
