// Package ledger is the truth of a migration: rows, and outcome records, kept
// as objects in a bucket. Start with Ledger and Run; row.go says what is kept
// of an object, record.go what is kept of a task, walk.go how the open work of
// a run is derived from what is there.
//
// Every task that yields work leaves exactly one outcome record, created by a
// conditional PUT. Whoever loses the race reads the winner's record. A segment
// of rows exists only if a record names it. Nothing is updated in place.
package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/retry"
	"kodoferry/shared/store"
)

// Version is the format of records and rows this code writes. It reads this
// one and the one before. Format 2 added what goes in parts, what is deleted,
// and several batches that take the rest of one.
const Version = 2

// newest is the format of the records that format 2 cannot carry: the first one
// of a run of events, and a write-off whose rest is to be removed. Only they
// carry it, so that older processes do all else, and leave these alone.
const newest = 3

// Bucket is what a ledger is kept in.
type Bucket interface {
	store.Target
	// Versioned reports whether versioning is enabled or suspended: there OSS
	// ignores the conditional PUT that every record depends on.
	Versioned(ctx context.Context) (bool, error)
}

// Ledger is a prefix of a bucket.
type Ledger struct {
	bucket Bucket
	prefix string
	plain  atomic.Bool // the bucket refuses to mark what is brief
}

// Open returns the ledger under prefix, which is empty or ends in "/".
func Open(b Bucket, prefix string) *Ledger {
	return &Ledger{bucket: placed{b, place(b, prefix)}, prefix: prefix}
}

// Check fails with Invalid if records cannot be trusted in this bucket.
func (l *Ledger) Check(ctx context.Context) error {
	versioned, err := l.bucket.Versioned(ctx)
	if err != nil {
		return err
	}
	if versioned {
		return fault.New(fault.Invalid, "ledger.Check", l.prefix, errors.New(
			"the ledger's bucket is versioned, and OSS ignores x-oss-forbid-overwrite there; keep the ledger in a bucket that never was: --ledger oss://another-bucket/.ferry/?region=…"))
	}
	return nil
}

// Run returns the run of that name, which need not exist.
func (l *Ledger) Run(name string) *Run {
	return &Run{Name: name, ledger: l, base: l.prefix + "runs/" + name + "/"}
}

// Run is one run's part of the ledger.
type Run struct {
	Name   string // <job>/<UTC time>
	ledger *Ledger
	base   string

	started atomic.Pointer[Started] // the one record that every walk needs and that never changes
}

// Job is the name of the job that it is a run of.
func (r *Run) Job() string {
	job, _, _ := strings.Cut(r.Name, "/")
	return job
}

// Path returns where the run's file of that name is: the bucket's key.
func (r *Run) Path(name string) string { return r.base + name }

// crcTable is the polynomial OSS reports (OSS, "Check data integrity by CRC-64").
var crcTable = crc64.MakeTable(crc64.ECMA)

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

// create writes data under name unless something is there. It returns what
// stands there afterwards, and whether that is data. An answer lost on the way
// is settled by reading back.
func (r *Run) create(ctx context.Context, name string, data []byte) (standing []byte, won bool, err error) {
	_, err = try(ctx, func() (struct{}, error) {
		return struct{}{}, r.put(ctx, name, data, store.Put{IfAbsent: true})
	}, fault.Changed)
	if err == nil {
		return data, true, nil
	}
	if fault.KindOf(err) != fault.Changed {
		return nil, false, err
	}
	standing, err = r.read(ctx, name)
	return standing, err == nil && bytes.Equal(standing, data), err
}

// write writes data under name, replacing what was there. Only for segments,
// whose names nobody else uses, and for files that every writer writes alike.
func (r *Run) write(ctx context.Context, name string, data []byte) error {
	_, err := try(ctx, func() (struct{}, error) {
		return struct{}{}, r.put(ctx, name, data, store.Put{})
	})
	return err
}

func (l *Ledger) putAs(ctx context.Context, key string, data []byte, how store.Put) error {
	stored, err := l.bucket.Put(ctx, store.Object{Key: key, Size: int64(len(data)), Type: contentType(key)}, bytes.NewReader(data), how)
	if err != nil {
		return err
	}
	if sum := strconv.FormatUint(crc64.Checksum(data, crcTable), 10); stored.CRC64 != "" && stored.CRC64 != sum {
		return fault.New(fault.Corrupt, "ledger.put", key, fmt.Errorf("stored with CRC64 %s, sent with %s", stored.CRC64, sum))
	}
	return nil
}

// read returns what is under name. A missing one is NotFound.
func (r *Run) read(ctx context.Context, name string) ([]byte, error) {
	f, err := r.readFile(ctx, name)
	return f.data, err
}

// file is what a ledger has under a name.
type file struct {
	data []byte
	at   time.Time // when it was written, by the store's clock
}

// readFile returns what is under name, and when it was written. A missing one is NotFound.
func (r *Run) readFile(ctx context.Context, name string) (file, error) {
	return try(ctx, func() (file, error) {
		o, body, err := r.ledger.bucket.Open(ctx, store.Object{Key: r.base + name}, 0, -1)
		if err != nil {
			return file{}, err
		}
		defer func() { _ = body.Close() }()
		if o.Size > maxFile {
			return file{}, unreadable(name, fmt.Errorf("it has %d bytes, and no file of a ledger has over %d", o.Size, maxFile))
		}
		data := bytes.NewBuffer(make([]byte, 0, max(o.Size, 0)+bytes.MinRead))
		if n, err := io.Copy(data, io.LimitReader(body, maxFile+1)); err != nil {
			return file{}, fault.New(fault.Temporary, "ledger.read", name, err)
		} else if n > maxFile {
			return file{}, unreadable(name, fmt.Errorf("it has over %d bytes", maxFile))
		}
		return file{data.Bytes(), o.Modified}, nil
	})
}

// Read returns the run's file of that name: "report.json", "report.html",
// "manifest.json", or one the manifest names. A missing one is NotFound.
func (r *Run) Read(ctx context.Context, name string) ([]byte, error) { return r.read(ctx, name) }

// names yields what is under the run's prefix, without it, in order.
func (r *Run) names(ctx context.Context, prefix string, visit func(name string)) error {
	return r.objects(ctx, store.Range{Prefix: prefix}, func(name string, _ store.Object) { visit(name) })
}

// objects yields a stretch of what is under the run's prefix, in order. The
// bounds of in and the names are without that prefix.
func (r *Run) objects(ctx context.Context, in store.Range, visit func(name string, o store.Object)) error {
	return r.someObjects(ctx, in, func(name string, o store.Object) bool {
		visit(name, o)
		return true
	})
}

// someObjects is objects until visit returns false.
func (r *Run) someObjects(ctx context.Context, in store.Range, visit func(name string, o store.Object) bool) error {
	full := store.Range{Prefix: r.base + in.Prefix}
	if in.After != "" {
		full.After = r.base + in.After
	}
	if in.UpTo != "" {
		full.UpTo = r.base + in.UpTo
	}
	for o, err := range r.ledger.bucket.List(ctx, full) {
		if err != nil {
			return err
		}
		if !visit(strings.TrimPrefix(o.Key, r.base), o) {
			return nil
		}
	}
	return nil
}

// decode reads a JSON record and holds its version against this code's.
func decode(data []byte, name string, into any) error {
	v, ok := versionOf(data)
	if !ok {
		var head struct {
			V int `json:"v"`
		}
		if err := json.Unmarshal(data, &head); err != nil {
			return unreadable(name, err)
		}
		v = head.V
	}
	if err := checkVersion(v, name); err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return unreadable(name, err)
	}
	return nil
}

// versionOf reads the version off the beginning of a record, where every
// writer has put it, so that a large one is not scanned twice.
func versionOf(data []byte) (v int, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"v":`))
	n := 0
	for n < min(len(rest), 9) && '0' <= rest[n] && rest[n] <= '9' {
		n++
	}
	if !ok || n == 0 || n == len(rest) || rest[n] != ',' && rest[n] != '}' {
		return 0, false
	}
	v, err := strconv.Atoi(string(rest[:n]))
	return v, err == nil
}

func checkVersion(v int, name string) error {
	switch {
	case v > newest:
		return fault.New(fault.Newer, "ledger.decode", name, fmt.Errorf("the ledger's file %s is of format %d, and this version reads up to %d: use the newer ferry, which wrote it", name, v, newest))
	case v < 1 || v < Version-1:
		return unreadable(name, fmt.Errorf("it is of format %d, and this version reads %d to %d", v, Version-1, newest))
	}
	return nil
}

func contentType(name string) string {
	switch {
	case strings.HasSuffix(name, ".html"):
		return "text/html; charset=utf-8"
	case strings.HasSuffix(name, ".gz"), strings.Contains(name, "/listed/"), strings.Contains(name, "/copied/"), strings.Contains(name, "/again/"):
		return "application/gzip"
	}
	return "application/json"
}
