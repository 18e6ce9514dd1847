package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
)

// skewOSS is how far a clock may be off at OSS (OSS, error RequestTimeTooSkewed)
// and MNS.
const skewOSS = 15 * time.Minute

// kept is a bucket that may keep what is written to it.
type kept interface {
	Retention(ctx context.Context) (days int, err error)
}

// target asks of a place that is written, and reports whether it can be worked with.
func (x *Examination) target(ctx context.Context, b interface {
	pipeline.Target
	Check(ctx context.Context) error
}, l job.Location) bool {
	p, ok := b.(placed)
	if ok && !x.reachable(ctx, p, skewOSS) {
		return false
	}
	if _, ok := x.listable(ctx, b, b, l); !ok {
		return false
	}
	x.versions(ctx, b)
	return true
}

// versions asks whether the bucket keeps versions.
func (x *Examination) versions(ctx context.Context, b pipeline.Target) {
	x.ask(ctx, "versioning", func(ctx context.Context) (State, string) {
		versioned, err := b.Versioned(ctx)
		switch {
		case fault.KindOf(err) == fault.Denied:
			return Failed, fmt.Sprintf("the keys may not ask: grant them oss:GetBucketVersioning on the bucket (%s)", plain(err))
		case err != nil:
			return Failed, plain(err)
		case versioned && x.place == "ledger":
			return Failed, "the bucket is, or was, versioned, and OSS ignores conditional PUTs there, on which every record depends: keep the ledger in a bucket that never was, --ledger oss://another-bucket/.ferry/?region=…"
		case versioned:
			return Noted, "the bucket is, or was, versioned: OSS ignores conditional PUTs there, so Ferry looks before each; what it overwrites or deletes stays billed as a version"
		}
		return Fine, "never versioned: conditional PUTs hold"
	})
}

// retention asks for how long nobody can change what is written.
func (x *Examination) retention(ctx context.Context, b pipeline.Target) (days int) {
	k, ok := b.(kept)
	if !ok {
		return 0
	}
	x.ask(ctx, "retention", func(ctx context.Context) (_ State, says string) {
		var err error
		days, err = k.Retention(ctx)
		switch {
		case fault.KindOf(err) == fault.Denied:
			return Noted, "the keys may not ask whether the bucket is under a retention policy (WORM): grant them oss:GetBucketWorm, or look in OSS's console"
		case err != nil:
			return Failed, plain(err)
		case days == 0:
			return Fine, "no retention policy (WORM)"
		case x.place == "ledger":
			return Failed, fmt.Sprintf("a retention policy (WORM) keeps every object for %d days, and Ferry changes and expires files of a run: keep the ledger in another bucket", days)
		case x.Job.Delete:
			return Failed, fmt.Sprintf("a retention policy (WORM) keeps every object for %d days: what the source changes or deletes before cannot be mirrored; leave delete: out, or take another bucket", days)
		}
		return Noted, fmt.Sprintf("a retention policy (WORM) keeps every object for %d days: what the source overwrites before ends as failed", days)
	})
	return days
}

const probeText = "Ferry wrote this to see whether it may. Remove it.\n"

// probe writes an object below prefix, reads it and removes it again, whatever
// happens. exact asks for what a ledger needs, too: that a key is created once.
func (x *Examination) probe(ctx context.Context, b pipeline.Target, prefix string, exact bool) {
	if ctx.Err() != nil || x.retention(ctx, b) > 0 {
		return // what was written could not be removed
	}
	key := prefix + "check-" + ledger.Nonce()
	put := func(ctx context.Context) error {
		_, err := b.Put(ctx, store.Object{Key: key, Size: int64(len(probeText)), Type: "text/plain"}, strings.NewReader(probeText), store.Put{IfAbsent: true})
		return err
	}
	there := false
	defer func() {
		if !there {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
		defer cancel()
		_, _ = store.Retry(ctx, store.Pauses(), "app.Examine", key, func() (struct{}, error) { return struct{}{}, b.Delete(ctx, key) }) // it was told that it may stay
	}()
	if x.ask(ctx, "writable", func(ctx context.Context) (State, string) {
		there = true // also after an answer that was lost
		// Cut off, it could arrive after it was removed.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
		defer cancel()
		err := put(ctx)
		switch kind := fault.KindOf(err); {
		case err == nil:
			return Fine, "a probe object was written"
		case kind == fault.Denied:
			there = false
			return Failed, fmt.Sprintf("the keys may not write %q: grant them oss:PutObject below that prefix (%s)", key, plain(err))
		}
		return Failed, plain(err)
	}) == Failed {
		return
	}
	if exact {
		x.ask(ctx, "once only", func(ctx context.Context) (State, string) {
			if err := put(ctx); fault.KindOf(err) != fault.Changed {
				return Failed, fmt.Sprintf("a second conditional PUT of one key was not refused (%v): records cannot be trusted here; keep the ledger in a bucket of OSS that never was versioned", err)
			}
			return Fine, "a second conditional PUT of one key is refused"
		})
	}
	x.ask(ctx, "readable", func(ctx context.Context) (State, string) { return x.readBack(ctx, b, key) })
	x.ask(ctx, "in parts", func(ctx context.Context) (State, string) { return x.inParts(ctx, b, key) })
	x.ask(ctx, "deletable", func(ctx context.Context) (state State, says string) {
		state, says, there = x.removed(ctx, b, key)
		return state, says
	})
}

// removed removes the probe, and reports whether it should be tried again.
func (x *Examination) removed(ctx context.Context, b store.Target, key string) (state State, says string, again bool) {
	err := b.Delete(ctx, key)
	switch {
	case err == nil:
		return Fine, "the probe object is gone again", false
	case fault.KindOf(err) == fault.Denied && !x.Job.Delete:
		return Noted, fmt.Sprintf("the keys may not delete, which a job that does not mirror needs only for bytes damaged on the way: grant oss:DeleteObject, and remove %q by hand (%s)", key, plain(err)), false
	case fault.KindOf(err) == fault.Denied:
		return Failed, fmt.Sprintf("the keys may not delete: grant them oss:DeleteObject, and remove %q by hand (%s)", key, plain(err)), false
	}
	return Failed, plain(err), true
}

func (x *Examination) readBack(ctx context.Context, b store.Target, key string) (State, string) {
	_, body, err := b.Open(ctx, store.Object{Key: key}, 0, -1)
	if err == nil {
		var got []byte
		got, err = io.ReadAll(body)
		_ = body.Close()
		if err == nil && string(got) != probeText {
			err = errors.New("it comes back with other bytes: look for what alters them on the way, a proxy or a CDN behind endpoint=")
		}
	}
	switch {
	case err == nil:
		return Fine, "the probe object came back as it was written"
	case fault.KindOf(err) == fault.Denied:
		return Failed, fmt.Sprintf("the keys may not read what they wrote: grant them oss:GetObject (%s)", plain(err))
	}
	return Failed, plain(err)
}

// inParts begins an upload and drops it again.
func (x *Examination) inParts(ctx context.Context, b pipeline.Target, key string) (State, string) {
	// Cut off, it would leave an upload whose id nobody knows.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	upload, _, err := b.Begin(ctx, store.Object{Key: key})
	if err != nil {
		return Failed, fmt.Sprintf("big objects cannot be uploaded: %s", plain(err))
	}
	if err := b.Abort(ctx, key, upload); err != nil {
		return Failed, fmt.Sprintf("an upload in parts was begun and cannot be aborted, so what is left of failed ones stays billed: grant oss:AbortMultipartUpload (%s)", plain(err))
	}
	return Fine, "an upload in parts was begun and aborted"
}
