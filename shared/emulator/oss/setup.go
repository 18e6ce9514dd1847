package oss

import (
	"crypto/md5"
	"fmt"
	"time"

	"kodoferry/shared/digest"
)

// CreateBucket makes a private bucket of class Standard.
func (s *Server) CreateBucket(name string) error {
	if !validBucket(name) {
		return fmt.Errorf("oss emulator: %q is no name for a bucket", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.buckets[name]; ok {
		return fmt.Errorf("oss emulator: bucket %q exists", name)
	}
	s.buckets[name] = newBucket(name, s.now(), standard, aclPrivate)
	return nil
}

// SetVersioning sets a bucket's versioning to "Enabled", "Suspended" or "".
func (s *Server) SetVersioning(bucket, state string) error {
	b, ok := s.bucket(bucket)
	if !ok {
		return noSuchBucket(bucket)
	}
	switch v := versioning(state); v {
	case enabled, suspended, unversioned:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.versioning = v
		return nil
	}
	return fmt.Errorf("oss emulator: versioning %q is none of Enabled, Suspended and nothing", state)
}

// SetACL sets a bucket's access control list: "private", "public-read" or
// "public-read-write", which lets requests without a signature write.
func (s *Server) SetACL(bucket, list string) error {
	b, ok := s.bucket(bucket)
	if !ok {
		return noSuchBucket(bucket)
	}
	parsed, err := parseACL(list, false)
	if err != nil || list == "" {
		return fmt.Errorf("oss emulator: access control list %q is none of private, public-read and public-read-write", list)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = parsed
	return nil
}

// Put stores o as a request would, without one: no hook is told and nothing is
// counted. Size, ETag and CRC64 are those of Body, unless Body is nil and Size
// is not 0: then o is taken as it says, and has no bytes to read. Body must
// not be changed afterwards.
func (s *Server) Put(bucket string, o Object) error {
	b, ok := s.bucket(bucket)
	if !ok {
		return noSuchBucket(bucket)
	}
	if err := checkKey(o.Key); err != nil {
		return err
	}
	stored, err := o.private()
	if err != nil {
		return err
	}
	if stored.class == classDefault {
		stored.class = b.class
	}
	stored.at = o.LastModified.UnixNano()
	if o.LastModified.IsZero() {
		stored.at = s.now().UnixNano()
	}
	if o.Body != nil || o.Size == 0 {
		stored.size, stored.crc, stored.sum = int64(len(o.Body)), digest.CRC64(0, o.Body), md5.Sum(o.Body)
		if !s.hollow(bucket, o.Key) && len(o.Body) > 0 {
			stored.body = &chunks{o.Body}
		}
	}
	if o.ETag != "" {
		stored.setETag(o.ETag)
	}
	return b.add(stored, false, s.nextID)
}

// Get returns the current object of a key, and whether there is one.
func (s *Server) Get(bucket, key string) (Object, bool) {
	b, ok := s.bucket(bucket)
	if !ok {
		return Object{}, false
	}
	o, err := b.find(key, "")
	if err != nil {
		return Object{}, false
	}
	return o.public(), true
}

// Remove deletes a key as a DELETE request would.
func (s *Server) Remove(bucket, key string) {
	if b, ok := s.bucket(bucket); ok {
		b.drop(key, "", s.now(), s.nextID)
	}
}

// Keys returns the keys of a bucket's current objects, in byte order.
func (s *Server) Keys(bucket string) []string {
	b, ok := s.bucket(bucket)
	if !ok {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	keys := make([]string, 0, b.live)
	for at := b.index.from(""); at.object() != nil; at.next() {
		if o := at.object(); !o.deleted {
			keys = append(keys, o.key)
		}
	}
	return keys
}

// Uploads returns how many multipart uploads of a bucket are neither completed nor aborted.
func (s *Server) Uploads(bucket string) int {
	b, ok := s.bucket(bucket)
	if !ok {
		return 0
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.uploads)
}

// Thaw ends the restoring of a frozen object at once; it can be read for a day
// then, whether a restore was asked for or not.
func (s *Server) Thaw(bucket, key string) error {
	b, ok := s.bucket(bucket)
	if !ok {
		return noSuchBucket(bucket)
	}
	now := s.now()
	_, err := b.change(key, "", func(_ *object, m *more) error {
		m.thawed, m.frozenAt = now, now.Add(24*time.Hour)
		return nil
	})
	return err
}
