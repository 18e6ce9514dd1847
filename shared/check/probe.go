package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

const probeText = "Ferry wrote this to see whether it may. Remove it.\n"

// probe writes an object below prefix in b, reads it back and removes it, also when
// ctx ends between. For a ledger, exact also asks whether a key can be created only once.
// Nothing is written to a bucket under retention.
func (c *checker) probe(ctx context.Context, b Bucket, prefix string, exact bool) {
	if ctx.Err() != nil || c.retention(ctx, b) > 0 {
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
		_, _ = store.Retry(ctx, store.Pauses(), "check.Run", key, func() (struct{}, error) { return struct{}{}, b.Delete(ctx, key) }) // that it could not be deleted is a Finding already
	}()
	if c.ask(ctx, "writable", func(ctx context.Context) (State, string) {
		there = true // also after an answer that was lost
		// A PUT that is cut off could arrive after the object was removed.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
		defer cancel()
		err := put(ctx)
		switch kind := fault.KindOf(err); {
		case err == nil:
			return OK, "a probe object was written"
		case kind == fault.Denied:
			there = false
			return Fail, fmt.Sprintf("the keys may not write %q: grant them oss:PutObject below that prefix (%s)", key, answered(err))
		}
		return Fail, sentence(err)
	}) == Fail {
		return
	}
	if exact {
		c.ask(ctx, "once only", func(ctx context.Context) (State, string) {
			if err := put(ctx); fault.KindOf(err) != fault.Changed {
				return Fail, fmt.Sprintf("a second conditional PUT of one key was not refused (%v): records cannot be trusted here; keep the ledger in a bucket of OSS that never was versioned", err)
			}
			return OK, "a second conditional PUT of one key is refused"
		})
	}
	c.ask(ctx, "readable", func(ctx context.Context) (State, string) { return readBack(ctx, b, key) })
	c.ask(ctx, "in parts", func(ctx context.Context) (State, string) { return inParts(ctx, b, key) })
	c.ask(ctx, "deletable", func(ctx context.Context) (state State, says string) {
		state, says, there = c.remove(ctx, b, key)
		return state, says
	})
}

// remove deletes the probe object. again is true where deleting it once more may help.
func (c *checker) remove(ctx context.Context, b store.Target, key string) (state State, says string, again bool) {
	err := b.Delete(ctx, key)
	switch {
	case err == nil:
		return OK, "the probe object is gone again", false
	case fault.KindOf(err) == fault.Denied && !c.setup.Job.Delete:
		return Note, fmt.Sprintf("the keys may not delete, which a job that does not mirror needs only for bytes damaged on the way: grant oss:DeleteObject, and remove %q by hand (%s)", key, answered(err)), false
	case fault.KindOf(err) == fault.Denied:
		return Fail, fmt.Sprintf("the keys may not delete: grant them oss:DeleteObject, and remove %q by hand (%s)", key, answered(err)), false
	}
	return Fail, sentence(err), true
}

// readBack reads the probe object and compares it with what was written.
func readBack(ctx context.Context, b store.Target, key string) (State, string) {
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
		return OK, "the probe object came back as it was written"
	case fault.KindOf(err) == fault.Denied:
		return Fail, fmt.Sprintf("the keys may not read what they wrote: grant them oss:GetObject (%s)", answered(err))
	}
	return Fail, sentence(err)
}

// inParts begins a multipart upload of key and aborts it.
func inParts(ctx context.Context, b store.Multipart, key string) (State, string) {
	// A request that is cut off would leave an upload whose id is not known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	upload, _, err := b.Begin(ctx, store.Object{Key: key})
	if err != nil {
		return Fail, fmt.Sprintf("big objects cannot be uploaded: %s", sentence(err))
	}
	if err := b.Abort(ctx, key, upload); err != nil {
		return Fail, fmt.Sprintf("an upload in parts was begun and cannot be aborted, so what is left of failed ones stays billed: grant oss:AbortMultipartUpload (%s)", answered(err))
	}
	return OK, "an upload in parts was begun and aborted"
}
