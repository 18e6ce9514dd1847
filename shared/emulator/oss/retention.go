package oss

import (
	"fmt"
	"time"
)

// SetRetention puts a bucket under a retention policy (OSS, "Retention
// policies"): for so many days after it was written nobody can overwrite or
// delete an object. It is locked at once, for good; 0 days take it away, which
// OSS does not.
func (s *Server) SetRetention(bucket string, days int) error {
	b, ok := s.bucket(bucket)
	if !ok {
		return noSuchBucket(bucket)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.retention = time.Duration(days) * 24 * time.Hour; days == 0 {
		delete(b.configs, "worm")
		return nil
	}
	x := newXML()
	x.open("WormConfiguration")
	x.text("WormId", fmt.Sprintf("%032X", s.ids.Add(1)))
	x.text("State", "Locked")
	x.number("RetentionPeriodInDays", int64(days))
	x.time("CreationDate", s.now())
	x.close("WormConfiguration")
	b.configs["worm"] = x.b
	return nil
}

// retained refuses to change an object of the bucket that is under retention.
// Callers hold the bucket's lock.
func (b *bucket) retained(o *object, now time.Time) error {
	if b.retention == 0 || o == nil || o.deleted || now.Sub(time.Unix(0, o.at)) >= b.retention {
		return nil
	}
	return refuse(409, "FileImmutable", unknownEC, "The object you specified is immutable.").with("Key", o.key)
}

// undeletable is retained for what a DELETE names.
func (b *bucket) undeletable(key, version string, now time.Time) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	o, err := b.findLocked(key, version)
	if err != nil {
		return nil // there is nothing to protect
	}
	return b.retained(o, now)
}
