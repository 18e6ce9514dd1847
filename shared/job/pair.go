package job

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Pair stands for the two places of a job in such a way that jobs which copy a key of
// one bucket to the same key of another have the same: whatever they are named, and
// whichever part of the bucket they take.
func (j Job) Pair() string {
	src, dst := j.Source.bare(), j.Target.bare()
	p, q := src.Prefix, dst.Prefix
	for p != "" && q != "" && p[len(p)-1] == q[len(q)-1] { // TargetKey swaps what is left
		p, q = p[:len(p)-1], q[:len(q)-1]
	}
	src.Prefix, dst.Prefix = p, q
	h := sha256.Sum256([]byte(src.String() + "\n" + dst.String()))
	return hex.EncodeToString(h[:16])
}

// bare is l without how its bucket is reached. At S3 that matters: many services have
// buckets of one name.
func (l Location) bare() Location {
	bare := Location{Scheme: l.Scheme, Bucket: l.Bucket, Prefix: l.Prefix}
	if l.Scheme == S3 {
		bare.Endpoint = l.S3Endpoint()
	}
	return bare
}

// Digest stands for a filter of keys below prefix; "" for one that chooses everything.
func (f Filter) Digest(prefix string) (string, error) {
	data, err := json.Marshal(f)
	if err != nil || string(data) == "{}" {
		return "", err
	}
	h := sha256.Sum256([]byte(prefix + "\n" + string(data)))
	return hex.EncodeToString(h[:16]), nil
}
