package oss

import (
	"sync"
	"time"
)

// versioning is whether a bucket keeps older versions.
type versioning string

const (
	unversioned versioning = ""
	enabled     versioning = "Enabled"
	suspended   versioning = "Suspended"
)

// bucket is one bucket.
type bucket struct {
	name    string
	created time.Time
	class   class
	zones   bool // its redundancy is that of zones (ZRS)

	mu         sync.RWMutex
	list       acl
	versioning versioning
	retention  time.Duration // how long an object cannot be changed; 0 is no policy
	index      index         // the newest version of every key, delete markers included
	bytes      int64         // of all versions
	live       int           // keys whose newest version is no delete marker
	uploads    map[string]*upload
	configs    map[string][]byte
}

func newBucket(name string, at time.Time, class class, list acl) *bucket {
	return &bucket{name: name, created: at, class: class, list: list, uploads: map[string]*upload{}, configs: map[string][]byte{}}
}

func (b *bucket) acl() acl {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.list
}

// versioned reports whether versioning is, or ever was, on; then
// x-oss-forbid-overwrite has no effect (OSS, PutObject).
func (b *bucket) versioned() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.versioning != unversioned
}

// find returns an object: the current one, or with a version id that one.
func (b *bucket) find(key, version string) (*object, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.findLocked(key, version)
}

func (b *bucket) findLocked(key, version string) (*object, error) {
	o := b.index.get(key)
	if version == "" {
		switch {
		case o == nil:
			return nil, noSuchKey(key)
		case o.deleted:
			return nil, noSuchKey(key).saying("x-oss-delete-marker", "true", "x-oss-version-id", o.version())
		}
		return o, nil
	}
	for ; o != nil; o = o.older() {
		if o.version() != version {
			continue
		}
		if o.deleted {
			return nil, refuse(405, "MethodNotAllowed", unknownEC, "The specified method is not allowed against this resource.").
				saying("x-oss-delete-marker", "true", "x-oss-version-id", version, "Allow", "DELETE")
		}
		return o, nil
	}
	return nil, refuse(404, "NoSuchVersion", unknownEC, "The specified version does not exist.").with("Key", key, "VersionId", version)
}

// refuseTaken is the answer to x-oss-forbid-overwrite (error page 0026-00000002).
func refuseTaken(key string) error {
	return refuse(409, "FileAlreadyExists", "0026-00000002", "The object you specified already exists and can not be overwritten.").with("Key", key)
}

// add stores o as the newest version of its key; id makes the version's where
// versioning is on. With forbid it refuses to replace an object of a bucket
// that was never versioned.
func (b *bucket) add(o *object, forbid bool, id func() string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addLocked(o, forbid, id)
}

func (b *bucket) addLocked(o *object, forbid bool, id func() string) error {
	head := b.index.get(o.key)
	if b.versioning == unversioned {
		if forbid && head != nil {
			return refuseTaken(o.key)
		}
		if err := b.retained(head, time.Unix(0, o.at)); err != nil {
			return err
		}
		b.replaceHead(head, o)
		if head != nil {
			b.bytes -= head.size
		}
		b.bytes += o.size
		return nil
	}
	m := o.extra()
	if b.versioning == enabled {
		m.version = id()
		m.older = head
	} else {
		m.version = ""
		m.older = b.withoutNull(head)
	}
	o.more = &m
	b.replaceHead(head, o)
	b.bytes += o.size
	return nil
}

// withoutNull takes the null version out of a chain.
func (b *bucket) withoutNull(head *object) *object {
	for o := head; o != nil; o = o.older() {
		if o.version() == "null" {
			return b.cut(head, o)
		}
	}
	return head
}

// cut takes one version out of a chain and returns the new head of it.
func (b *bucket) cut(head, gone *object) *object {
	b.bytes -= gone.size
	next := gone.older()
	if head == gone {
		return next
	}
	for o := head; ; o = o.more.older {
		if o.more.older == gone {
			o.more.older = next
			return head
		}
	}
}

// replaceHead makes o the newest version; either may be nil.
func (b *bucket) replaceHead(head, o *object) {
	if head != nil && !head.deleted {
		b.live--
	}
	switch {
	case o == nil && head != nil:
		b.index.remove(head.key)
	case o != nil:
		b.index.set(o)
		if !o.deleted {
			b.live++
		}
	}
}

// change replaces one version by a copy of it that f changed, and returns it.
func (b *bucket) change(key, version string, f func(*object, *more) error) (*object, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, err := b.findLocked(key, version)
	if err != nil {
		return nil, err
	}
	changed, m := *old, old.extra()
	if err := f(&changed, &m); err != nil {
		return nil, err
	}
	changed.more = &m
	b.bytes += changed.size - old.size
	head := b.index.get(key)
	if head == old {
		b.index.set(&changed)
		return &changed, nil
	}
	for o := head; o != nil; o = o.older() {
		if o.older() == old {
			o.more.older = &changed
			break
		}
	}
	return &changed, nil
}

// drop deletes what a DELETE names. marker is the delete marker it left or took away.
func (b *bucket) drop(key, version string, at time.Time, id func() string) (marker *object) {
	b.mu.Lock()
	defer b.mu.Unlock()
	head := b.index.get(key)
	if version != "" {
		for o := head; o != nil; o = o.older() {
			if o.version() == version {
				b.replaceHead(head, b.cut(head, o))
				if o.deleted {
					return o
				}
				return nil
			}
		}
		return nil
	}
	if b.versioning == unversioned {
		if head != nil {
			b.replaceHead(head, nil)
			b.bytes -= head.size
		}
		return nil
	}
	marker = &object{key: key, at: at.UnixNano(), deleted: true}
	_ = b.addLocked(marker, false, id) // forbids nothing
	return marker
}
