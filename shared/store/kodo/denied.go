package kodo

import (
	"errors"
	"net/http"

	"kodoferry/shared/fault"
)

// lacks are what keys may not do by an operation, and the right that it takes (Qiniu, the actions
// of kodo for sub-accounts). The value is what was answered.
var lacks = map[string]string{
	"kodo.Open": "it may not be read; grant the keys kodo/get on the bucket, and see that no rule of the domain (referer, addresses) refuses this machine (%w)",
	"kodo.Stat": "the keys may not look at it; grant them kodo/stat on the bucket (%w)",
	"kodo.List": "the keys may not list the bucket; grant them kodo/list on the bucket (%w)",
	"kodo.Thaw": "the keys may not have it restored; grant them kodo/restoreAr on the bucket (%w)",
}

// denied words a refusal of kind Denied: what may not be done, and the cure.
func (b *Bucket) denied(op string, r *refusal) error {
	if lack := lacks[op]; lack != "" && r.status == http.StatusForbidden {
		return fault.Errorf(lack, r)
	}
	if r.status == http.StatusForbidden || r.skewed() { // which says itself what to do
		return r
	}
	if sentence := b.explainRefusal(r); sentence != "" {
		return fault.Errorf("%w (%w)", errors.New(sentence), r)
	}
	return r
}
