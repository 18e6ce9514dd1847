package verdict

import (
	"crypto/sha256"
	"encoding/hex"

	"kodoferry/shared/store"
)

// Origin is the origin that the job's copy of src is to carry.
func (r *Rules) Origin(src store.Object) *store.Origin {
	return &store.Origin{Hash: src.Hash, Modified: src.Modified, Job: r.Job.Name, Place: placeOf(r.Job.TargetKey(src.Key))}
}

// placeOf stands for a target key in metadata, which may have no room for the key:
// the first 64 bits of its SHA-256.
func placeOf(key string) string {
	h := sha256.Sum256([]byte(key))
	return hex.EncodeToString(h[:8])
}

// Wrote reports whether a target object is the job's copy: its origin names the job
// and the key. Nothing else may be removed from the target. A copy by another job
// names that job, what an application copied from a copy names another key, and a copy
// by an earlier version of Ferry names no job, so that it may be any job's.
func (r *Rules) Wrote(kept store.Object) bool {
	o := kept.Origin
	return o != nil && o.Job == r.Job.Name && o.Place == placeOf(r.Job.TargetKey(kept.Key))
}

// Foreign reports whether a target object may be replaced only if it is older than
// the source's: it is neither the job's copy, nor a copy by an earlier version of
// Ferry, which may have been the job's. Such a copy has bytes that the source once
// had, which those of now may replace; removing it would be for good.
func (r *Rules) Foreign(kept store.Object) bool {
	o := kept.Origin
	return o == nil || o.Job != "" && !r.Wrote(kept)
}
