// Package mem is object storage in memory: a whole store.Target and
// store.Multipart that keeps the contract as a real service does. Tests use it
// everywhere in place of mocks.
package mem

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Flavor says whose hashes a bucket keeps.
type Flavor int

const (
	OSS  Flavor = iota // Hash is the MD5 in upper-case hex, CRC64 is told
	Kodo               // Hash is a qetag
)

// pageSize is how many objects a listing takes at a time, unless the bucket says:
// what is written meanwhile shows on the pages to come, as at a real service.
const pageSize = 1000

// Bucket is a bucket. The fields may be set before it is used.
type Bucket struct {
	Flavor   Flavor
	Now      func() time.Time // when objects are written; nil: time.Now
	Versions bool             // what Versioned answers; IfAbsent is then ignored, as OSS does
	AnyKey   bool             // CheckKey takes every key
	PageSize int              // objects that a listing takes at a time; 0: 1,000

	mu      sync.RWMutex
	keys    []string // sorted
	objects map[string]entry
	uploads map[string]*upload
	serial  int
}

type entry struct {
	object store.Object
	body   []byte
}

type upload struct {
	object store.Object
	parts  map[int]part
	begun  time.Time
}

type part struct {
	store.Part
	body []byte
}

// New returns an empty bucket.
func New(f Flavor) *Bucket {
	return &Bucket{Flavor: f, AnyKey: f == Kodo, objects: map[string]entry{}, uploads: map[string]*upload{}}
}

var (
	_ store.Target    = (*Bucket)(nil)
	_ store.Multipart = (*Bucket)(nil)
	_ store.Lister    = (*Bucket)(nil)
)

// Versioned reports whether conditional PUTs are ignored.
func (b *Bucket) Versioned(context.Context) (bool, error) { return b.Versions, nil }

// List implements store.Source.
func (b *Bucket) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		after, first := r.After, true
		for {
			if err := alive(ctx, "mem.List", after); err != nil {
				yield(store.Object{}, err)
				return
			}
			page := b.page(r, after, first)
			for _, o := range page {
				if !yield(o, nil) {
					return
				}
				after = o.Key
			}
			if first = false; len(page) < b.pageSize() {
				return
			}
		}
	}
}

// Entries implements store.Lister.
func (b *Bucket) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for {
			if err := alive(ctx, "mem.Entries", after); err != nil {
				yield("", err)
				return
			}
			var ok bool
			if after, ok = b.entry(prefix, after); !ok || !yield(after, nil) {
				return
			}
		}
	}
}

// entry returns the entry of the level below prefix that follows after.
func (b *Bucket) entry(prefix, after string) (entry string, ok bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for from := max(prefix, after); ; {
		i, _ := slices.BinarySearch(b.keys, from)
		if i == len(b.keys) || !strings.HasPrefix(b.keys[i], prefix) {
			return "", false
		}
		name, _, folder := strings.Cut(b.keys[i][len(prefix):], "/")
		entry, from = prefix+name, prefix+name+"\x00"
		if folder {
			entry, from = prefix+name+"/", prefix+name+"0" // which is behind all that begins so
		}
		if entry > after {
			return entry, true
		}
	}
}

func (b *Bucket) pageSize() int { return cmp.Or(b.PageSize, pageSize) }

// page returns the next objects of r after that key; the first page of an
// unbounded range may begin with the empty key.
func (b *Bucket) page(r store.Range, after string, first bool) []store.Object {
	b.mu.RLock()
	defer b.mu.RUnlock()
	from := max(after, r.Prefix)
	i, found := slices.BinarySearch(b.keys, from)
	if found && from == after && !(first && r.After == "") {
		i++
	}
	most := b.pageSize()
	page := make([]store.Object, 0, min(most, len(b.keys)-i, 16)) // most listings find few
	for ; i < len(b.keys) && len(page) < most; i++ {
		key := b.keys[i]
		if !strings.HasPrefix(key, r.Prefix) || r.UpTo != "" && key > r.UpTo {
			break
		}
		page = append(page, clone(b.objects[key].object))
	}
	return page
}

// Stat implements store.Source.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	if err := alive(ctx, "mem.Stat", key); err != nil {
		return store.Object{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.objects[key]
	if !ok {
		return store.Object{}, fault.New(fault.NotFound, "mem.Stat", key, nil)
	}
	return clone(e.object), nil
}

// Open implements store.Source.
func (b *Bucket) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if err := alive(ctx, "mem.Open", o.Key); err != nil {
		return store.Object{}, nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.objects[o.Key]
	switch {
	case !ok:
		return store.Object{}, nil, fault.New(fault.NotFound, "mem.Open", o.Key, nil)
	case o.Hash != "" && o.Hash != e.object.Hash:
		return store.Object{}, nil, fault.New(fault.Changed, "mem.Open", o.Key, fmt.Errorf("its hash is %s now, not %s", e.object.Hash, o.Hash))
	case e.object.Disabled, e.object.Frozen:
		return store.Object{}, nil, fault.New(fault.Denied, "mem.Open", o.Key, errors.New("it is disabled or archived"))
	case off < 0 || off > int64(len(e.body)):
		return store.Object{}, nil, fault.New(fault.Invalid, "mem.Open", o.Key, fmt.Errorf("offset %d of %d bytes", off, len(e.body)))
	}
	body := e.body[off:]
	if n >= 0 && n < int64(len(body)) {
		body = body[:n]
	}
	return clone(e.object), &reader{ctx, bytes.NewReader(body), o.Key}, nil
}

// reader ends with its context.
type reader struct {
	ctx  context.Context
	body *bytes.Reader
	key  string
}

func (r *reader) Read(p []byte) (int, error) {
	if err := alive(r.ctx, "mem.Read", r.key); err != nil {
		return 0, err
	}
	return r.body.Read(p)
}

func (r *reader) Close() error { return nil }

// CheckKey implements store.Target, with the rules of OSS.
func (b *Bucket) CheckKey(key string) error {
	switch {
	case b.AnyKey:
		return nil
	case key == "", len(key) > 1023, key[0] == '/', key[0] == '\\':
		return fault.New(fault.Invalid, "mem.CheckKey", key, errors.New("a key has 1 to 1,023 bytes and begins with neither / nor \\: give the target a prefix, as in oss://bucket/old/"))
	}
	return nil
}

// Put implements store.Target.
func (b *Bucket) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if err := b.CheckKey(o.Key); err != nil {
		return store.Stored{}, err
	}
	data, err := take(ctx, "mem.Put", o.Key, body, o.Size)
	if err != nil {
		return store.Stored{}, err
	}
	sum := md5.Sum(data)
	return b.keep(o, data, strings.ToUpper(hex.EncodeToString(sum[:])), how)
}

// take reads exactly size bytes of body.
func take(ctx context.Context, op, key string, body io.Reader, size int64) ([]byte, error) {
	if err := alive(ctx, op, key); err != nil {
		return nil, err
	}
	if size == 0 {
		return nil, nil
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, fault.New(fault.Temporary, op, key, err)
	}
	return data, alive(ctx, op, key)
}

// keep makes data visible under o.Key.
func (b *Bucket) keep(o store.Object, data []byte, etag string, how store.Put) (store.Stored, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, exists := slices.BinarySearch(b.keys, o.Key)
	if exists && how.IfAbsent && !b.Versions {
		return store.Stored{}, fault.New(fault.Changed, "mem.Put", o.Key, errors.New("it exists"))
	}
	o = clone(o)
	o.Size, o.Modified = int64(len(data)), b.now()
	crc := strconv.FormatUint(digest.CRC64(0, data), 10)
	if o.Hash, o.MD5, o.CRC64, o.Parts = etag, strings.ToLower(etag), crc, nil; len(etag) != 32 {
		o.MD5 = ""
	}
	if b.Flavor == Kodo {
		o.Hash, o.MD5, o.CRC64 = digest.QetagOf(data), "", ""
	}
	if !exists {
		b.keys = slices.Insert(b.keys, i, o.Key)
	}
	b.objects[o.Key] = entry{o, data}
	return store.Stored{ETag: o.Hash, CRC64: crc, At: o.Modified}, nil
}

func (b *Bucket) now() time.Time {
	if b.Now == nil {
		return time.Now()
	}
	return b.Now()
}

// SetAttributes implements store.Target.
func (b *Bucket) SetAttributes(ctx context.Context, o store.Object) (store.Stored, error) {
	if err := alive(ctx, "mem.SetAttributes", o.Key); err != nil {
		return store.Stored{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.objects[o.Key]
	switch {
	case !ok:
		return store.Stored{}, fault.New(fault.NotFound, "mem.SetAttributes", o.Key, nil)
	case o.Hash != e.object.Hash:
		return store.Stored{}, fault.New(fault.Changed, "mem.SetAttributes", o.Key, fmt.Errorf("its hash is %s now, not %s", e.object.Hash, o.Hash))
	case e.object.Frozen:
		return store.Stored{}, fault.New(fault.Denied, "mem.SetAttributes", o.Key, errors.New("it is archived"))
	}
	kept := clone(o)
	kept.Size, kept.Hash, kept.MD5, kept.CRC64, kept.Parts = e.object.Size, e.object.Hash, e.object.MD5, e.object.CRC64, e.object.Parts
	kept.Modified = b.now()
	b.objects[o.Key] = entry{kept, e.body}
	return store.Stored{ETag: kept.Hash, CRC64: kept.CRC64, At: kept.Modified}, nil
}

// Delete implements store.Target.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := alive(ctx, "mem.Delete", key); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, ok := slices.BinarySearch(b.keys, key); ok {
		b.keys = slices.Delete(b.keys, i, i+1)
		delete(b.objects, key)
	}
	return nil
}

// Alter changes what is listed of an object and leaves its content: a hash
// that is wrong, parts, a class, a time. It reports whether key exists.
func (b *Bucket) Alter(key string, change func(*store.Object)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.objects[key]
	if ok {
		e.object = clone(e.object)
		change(&e.object)
		b.objects[key] = e
	}
	return ok
}

// Keys returns every key in order.
func (b *Bucket) Keys() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.keys)
}

func clone(o store.Object) store.Object {
	o.Parts, o.Header, o.Meta = slices.Clone(o.Parts), maps.Clone(o.Header), maps.Clone(o.Meta)
	if o.Origin != nil {
		kept := *o.Origin
		o.Origin = &kept
	}
	return o
}

func alive(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Temporary, op, key, err)
	}
	return nil
}
