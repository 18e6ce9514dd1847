// Package files are the objects that a ledger is kept in: read, created once or
// replaced, and listed below a prefix. Start with Folder; record.go has files
// that are JSON of a known format, place.go what errors of the bucket say,
// bysum.go files that several processes write and records name by their SHA-256.
//
// It knows no record by its meaning. Every request is tried for a while; a file
// is bounded before it is believed.
package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/retry"
	"kodoferry/shared/store"
)

// Bucket is what a ledger is kept in.
type Bucket interface {
	store.Target
	store.Lister
	// Versioned reports whether versioning is enabled or suspended: there OSS
	// ignores the conditional PUT that every record depends on.
	Versioned(ctx context.Context) (bool, error)
}

// Folder is a prefix of a bucket. Names are without it.
type Folder struct {
	in     *bucket
	prefix string
}

// bucket is what all folders of a ledger share.
type bucket struct {
	Bucket
	plain   atomic.Bool // the bucket refuses to mark what is brief
	lasting lasting     // what this process remembers of it
}

// Open returns the folder of that prefix, which is empty or ends in "/".
func Open(b Bucket, prefix string) Folder {
	return Folder{in: &bucket{Bucket: placed{b, place(b, prefix)}}, prefix: prefix}
}

// Below returns the folder of that name, which ends in "/", in f.
func (f Folder) Below(name string) Folder { return Folder{f.in, f.prefix + name} }

// Path returns the bucket's key of the file of that name.
func (f Folder) Path(name string) string { return f.prefix + name }

// Check fails with Invalid if what is created once cannot be trusted to be so.
func (f Folder) Check(ctx context.Context) error {
	versioned, err := f.in.Versioned(ctx)
	if err != nil {
		return err
	}
	if versioned {
		return fault.New(fault.Invalid, "ledger.Check", f.prefix, errors.New(
			"the ledger's bucket is versioned, and OSS ignores x-oss-forbid-overwrite there; keep the ledger in a bucket that never was: --ledger oss://another-bucket/.ferry/?region=…"))
	}
	return nil
}

// patience is that of a ledger request: when it ends, its task fails. A throttle costs the
// time that it asks for besides the pause.
var patience = retry.Policy{
	Tries: 8, Throttles: store.MaxThrottles,
	First: 50 * time.Millisecond, Most: 5 * time.Second, Growth: 1.5, Jitter: 0.5,
	Wait: func(asked time.Duration, pause func() time.Duration) time.Duration { return asked + pause() },
}

// try calls f until it succeeds, fails for good, or patience ends. kinds names
// the faults that end it at once besides those no retry can cure.
func try[T any](ctx context.Context, f func() (T, error), kinds ...fault.Kind) (T, error) {
	p := patience
	p.Again = func(err error) bool { return fault.Retryable(err) && !slices.Contains(kinds, fault.KindOf(err)) }
	return retry.Do(ctx, p, f)
}

// Create writes data under name unless something is there. It returns what
// stands there afterwards, and whether that is data. An answer lost on the way
// is settled by reading back.
func (f Folder) Create(ctx context.Context, name string, data []byte) (standing []byte, won bool, err error) {
	err = f.tryPut(ctx, name, data, store.Put{IfAbsent: true}, fault.Changed)
	if err == nil {
		return data, true, nil
	}
	if fault.KindOf(err) != fault.Changed {
		return nil, false, err
	}
	standing, err = f.Read(ctx, name)
	return standing, err == nil && bytes.Equal(standing, data), err
}

// Touch creates an empty file of that name unless something is there.
func (f Folder) Touch(ctx context.Context, name string) error {
	err := f.tryPut(ctx, name, nil, store.Put{IfAbsent: true}, fault.Changed)
	if fault.KindOf(err) == fault.Changed {
		return nil
	}
	return err
}

// Write writes data under name, replacing what was there: files whose names
// no other process uses, that every writer writes alike, or that no record depends on.
func (f Folder) Write(ctx context.Context, name string, data []byte) error {
	return f.tryPut(ctx, name, data, store.Put{})
}

// WriteBrief is Write of a file that a bucket's lifecycle rule may drop.
func (f Folder) WriteBrief(ctx context.Context, name string, data []byte) error {
	return f.tryPut(ctx, name, data, store.Put{Brief: true})
}

func (f Folder) tryPut(ctx context.Context, name string, data []byte, how store.Put, kinds ...fault.Kind) error {
	how.Brief = how.Brief || brief(name)
	_, err := try(ctx, func() (struct{}, error) {
		return struct{}{}, f.put(ctx, name, data, how)
	}, kinds...)
	return err
}

// brief reports whether a name is one of those that only help while messages
// are under way. A bucket's lifecycle rule drops them later than any can be.
func brief(name string) bool {
	return strings.HasPrefix(name, "sent/") || strings.HasPrefix(name, "live/")
}

// put writes data under name, once. Keys that may write but not mark what is
// brief write it as any other: then it stays until it is cleaned away.
func (f Folder) put(ctx context.Context, name string, data []byte, how store.Put) error {
	marked := how.Brief && !f.in.plain.Load()
	how.Brief = marked
	err := f.putAs(ctx, name, data, how)
	if !marked || fault.KindOf(err) != fault.Denied {
		return err
	}
	how.Brief = false
	if err = f.putAs(ctx, name, data, how); err == nil {
		f.in.plain.Store(true)
	}
	return err
}

// crcTable is the polynomial OSS reports (OSS, "Check data integrity by CRC-64").
var crcTable = crc64.MakeTable(crc64.ECMA)

func (f Folder) putAs(ctx context.Context, name string, data []byte, how store.Put) error {
	key := f.prefix + name
	stored, err := f.in.Put(ctx, store.Object{Key: key, Size: int64(len(data)), Type: contentType(key)}, bytes.NewReader(data), how)
	if err != nil {
		return err
	}
	if sum := strconv.FormatUint(crc64.Checksum(data, crcTable), 10); stored.CRC64 != "" && stored.CRC64 != sum {
		return fault.New(fault.Corrupt, "ledger.put", key, fmt.Errorf("stored with CRC64 %s, sent with %s", stored.CRC64, sum))
	}
	return nil
}

func contentType(name string) string {
	switch {
	case strings.HasSuffix(name, ".html"):
		return "text/html; charset=utf-8"
	case strings.HasSuffix(name, ".csv"):
		return "text/csv; charset=utf-8"
	case strings.HasSuffix(name, ".gz"), strings.Contains(name, "/listed/"), strings.Contains(name, "/copied/"), strings.Contains(name, "/again/"):
		return "application/gzip"
	case strings.HasSuffix(name, ".rows"): // packed
		return "application/octet-stream"
	}
	return "application/json"
}

// MaxSize is the most bytes of a file. The largest are the CSV of a shard, of up
// to 200,000 objects, and the manifest, of a line for each of them.
const MaxSize = 256 << 20

// Read returns what is under name. A missing one is NotFound.
func (f Folder) Read(ctx context.Context, name string) ([]byte, error) {
	data, _, err := f.ReadDated(ctx, name)
	return data, err
}

// ReadDated returns what is under name, and when it was written, by the store's
// clock. A missing one is NotFound.
func (f Folder) ReadDated(ctx context.Context, name string) (data []byte, at time.Time, err error) {
	data, err = try(ctx, func() ([]byte, error) {
		o, body, err := f.in.Open(ctx, store.Object{Key: f.prefix + name}, 0, -1)
		if err != nil {
			return nil, err
		}
		defer func() { _ = body.Close() }()
		if o.Size > MaxSize {
			return nil, Corrupt(name, fmt.Errorf("it has %d bytes, and no file of a ledger has over %d", o.Size, MaxSize))
		}
		data := bytes.NewBuffer(make([]byte, 0, max(o.Size, 0)+bytes.MinRead))
		if n, err := io.Copy(data, io.LimitReader(body, MaxSize+1)); err != nil {
			return nil, fault.New(fault.Temporary, "ledger.read", name, err)
		} else if n > MaxSize {
			return nil, Corrupt(name, fmt.Errorf("it has over %d bytes", MaxSize))
		}
		at = o.Modified
		return data.Bytes(), nil
	})
	return data, at, err
}

// ReadRange returns n bytes, all where n is -1, of what is under name, from byte at on: fewer
// where it ends before. A missing one is NotFound, and one that ends before at Corrupt.
func (f Folder) ReadRange(ctx context.Context, name string, at, n int64) ([]byte, error) {
	return try(ctx, func() ([]byte, error) {
		_, body, err := f.in.Open(ctx, store.Object{Key: f.prefix + name}, at, n)
		if fault.KindOf(err) == fault.Invalid {
			return nil, Corrupt(name, err)
		}
		if err != nil {
			return nil, err
		}
		defer func() { _ = body.Close() }()
		data, err := io.ReadAll(io.LimitReader(body, MaxSize))
		if err != nil {
			return nil, fault.New(fault.Temporary, "ledger.read", name, err)
		}
		return data, nil
	})
}

// Stat describes the file of that name, by its name. A missing one is NotFound.
func (f Folder) Stat(ctx context.Context, name string) (store.Object, error) {
	return try(ctx, func() (store.Object, error) { return f.StatOnce(ctx, name) })
}

// StatOnce is Stat by one request, which is not tried again.
func (f Folder) StatOnce(ctx context.Context, name string) (store.Object, error) {
	return f.in.Stat(ctx, f.prefix+name)
}

// Has reports whether there is a file of that name.
func (f Folder) Has(ctx context.Context, name string) (bool, error) {
	_, err := f.Stat(ctx, name)
	if Missing(err) {
		return false, nil
	}
	return err == nil, err
}

// Remove removes the file of that name. One that is gone is no error.
func (f Folder) Remove(ctx context.Context, name string) error {
	_, err := try(ctx, func() (struct{}, error) { return struct{}{}, f.in.Delete(ctx, f.prefix+name) })
	return err
}

// Names visits the names that begin with prefix, in order.
func (f Folder) Names(ctx context.Context, prefix string, visit func(name string)) error {
	return f.List(ctx, store.Range{Prefix: prefix}, func(name string, _ store.Object) { visit(name) })
}

// List visits a stretch of the folder's files, in order.
func (f Folder) List(ctx context.Context, in store.Range, visit func(name string, o store.Object)) error {
	return f.ListUntil(ctx, in, func(name string, o store.Object) bool {
		visit(name, o)
		return true
	})
}

// ListUntil is List until visit returns false. A page that fails fails it: what
// was visited is not visited again.
func (f Folder) ListUntil(ctx context.Context, in store.Range, visit func(name string, o store.Object) bool) error {
	full := store.Range{Prefix: f.prefix + in.Prefix}
	if in.After != "" {
		full.After = f.prefix + in.After
	}
	if in.UpTo != "" {
		full.UpTo = f.prefix + in.UpTo
	}
	for o, err := range f.in.List(ctx, full) {
		if err != nil {
			return err
		}
		if !visit(strings.TrimPrefix(o.Key, f.prefix), o) {
			return nil
		}
	}
	return nil
}

// Entries yields the names of what lies directly below base in f, in byte order: those greater
// than after, with a slash behind that of a folder. base is "" or ends in a slash.
func Entries(ctx context.Context, f Folder, base, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		base := f.prefix + base
		for key, err := range f.in.Entries(ctx, base, base+after) {
			if !yield(strings.TrimPrefix(key, base), err) || err != nil {
				return
			}
		}
	}
}

// ListAll returns what read makes of the files whose names begin with prefix, in
// order; what read does not take is left out. A listing that fails is begun anew.
func ListAll[T any](ctx context.Context, f Folder, in store.Range, read func(name string, o store.Object) (T, bool)) ([]T, error) {
	return try(ctx, func() (all []T, err error) {
		err = f.List(ctx, in, func(name string, o store.Object) {
			if one, ok := read(name, o); ok {
				all = append(all, one)
			}
		})
		return all, err
	})
}
