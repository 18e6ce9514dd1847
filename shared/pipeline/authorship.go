package pipeline

import (
	"crypto/sha256"
	"encoding/hex"

	"kodoferry/shared/store"
)

// origin is what the job's copy of src is to remember.
func (r *run) origin(src store.Object) *store.Origin {
	return &store.Origin{Hash: src.Hash, Modified: src.Modified, Job: r.job.Name, Place: placeOf(r.job.TargetKey(src.Key))}
}

// placeOf stands for a target key in metadata, where the key itself may not have
// room: the first 64 bits of its SHA-256.
func placeOf(key string) string {
	h := sha256.Sum256([]byte(key))
	return hex.EncodeToString(h[:8])
}

// wrote reports whether a target object is the job's copy: its metadata names the
// job and the key. Nothing else may be removed from the target. What another job
// copied names that, what the application copied from a copy names another key,
// and what an earlier version of Ferry copied names no job, so that it may be any's.
func (r *run) wrote(kept store.Object) bool {
	o := kept.Origin
	return o != nil && o.Job == r.job.Name && o.Place == placeOf(r.job.TargetKey(kept.Key))
}

// others reports whether a target object is not to be replaced without looking at
// its age: neither is it the job's copy, nor that of an earlier version of Ferry,
// which may have been the job's. The bytes that an object of an earlier version
// has are the source's of once, and the source's of now may replace them; removing
// them would be for good.
func (r *run) others(kept store.Object) bool {
	o := kept.Origin
	return o == nil || o.Job != "" && !r.wrote(kept)
}
