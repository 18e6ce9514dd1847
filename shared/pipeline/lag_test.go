package pipeline_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// lagging is a ledger's bucket that lists what it cannot read yet: that many
// reads of records of a kind find nothing.
type lagging struct {
	*mem.Bucket
	kind string // as "/copied/"
	left *atomic.Int64
}

func (l lagging) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if strings.Contains(o.Key, l.kind) && l.left.Add(-1) >= 0 {
		return store.Object{}, nil, fault.New(fault.NotFound, "lagging.Open", o.Key, errors.New("404"))
	}
	return l.Bucket.Open(ctx, o, off, n)
}

// TestNothingOpenIsVerified lets records be listed before they can be read. Another process
// copies than lists: what that wrote it does not read.
func TestNothingOpenIsVerified(t *testing.T) {
	for name, kind := range map[string]string{"write-offs": "/copied/", "retries": "/again/", "rows": "/listed/", "closed shards": "/closed/", "verifications": "/verified/"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, batches(5), func(j *job.Job) { j.Limits.Attempts = 8 })
			w.fill(20, 3)
			left := &atomic.Int64{}
			w.config.Ledger = ledger.Open(lagging{w.led, kind, left}, w.job.Ledger.Prefix)
			w.pipe = pipeline.New(w.config)
			w.before = first(task.Copy, func() { w.pipe = pipeline.New(w.config) })
			first := w.start()
			left.Store(5)
			w.drive(t.Context(), 0, first...)
			rep := w.report()
			o := rep.Objects
			if o.Open > 0 && rep.Result == report.Verified || o.Listed != 20 {
				t.Fatalf("%s of %+v, want 20 listed and nothing open verified", rep.Result, o)
			}
			if rep.Result != report.Verified || o.Verified != 20 || left.Load() > 0 && kind != "/again/" {
				t.Errorf("%s, %+v, %d reads that would have found nothing, want it verified once the records can be read", rep.Result, o, left.Load())
			}
		})
	}
}
