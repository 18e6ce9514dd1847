package pipeline_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// damaging is a target that stores other bytes than it is sent, and says so by
// the CRC64, as one whose connection has flipped a bit. It is asked too much,
// too, when the first of them are to be deleted.
type damaging struct {
	pipeline.Target
	puts      atomic.Int64  // how many it damages; parts come side by side
	throttles int           // how many deletions it refuses
	wait      time.Duration // that it asks for
	meanwhile func()
	deleted   int
}

func (d *damaging) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if d.puts.Add(-1) < 0 {
		return d.Target.Put(ctx, o, body, how)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return store.Stored{}, err
	}
	data[0] ^= 1
	return d.Target.Put(ctx, o, bytes.NewReader(data), how)
}

// PutPart damages a part as if its own CRC64 had not told.
func (d *damaging) PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (store.Part, error) {
	if d.puts.Add(-1) < 0 {
		return d.Target.PutPart(ctx, key, upload, n, body, size)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return store.Part{}, err
	}
	data[0] ^= 1
	p, err := d.Target.PutPart(ctx, key, upload, n, bytes.NewReader(data), size)
	p.CRC64 = ""
	return p, err
}

func (d *damaging) Delete(ctx context.Context, key string) error {
	if d.throttles > 0 {
		d.throttles--
		if d.meanwhile != nil {
			d.meanwhile()
		}
		return fault.Throttle("oss.Delete", key, d.wait, errors.New("status 503"))
	}
	d.deleted++
	return d.Target.Delete(ctx, key)
}

func TestDamageIsNeverTakenForACopy(t *testing.T) {
	for name, tc := range map[string]struct {
		size    int // 2,000 if 0
		damage  int // PUTs, or parts, in a row
		refuse  int // deletions
		wait    time.Duration
		someone bool // writes the key before the damage is removed
		deleted int
		result  report.Result
	}{
		"it is removed though the target is asked too much":   {damage: 3, refuse: 5, wait: time.Millisecond, deleted: 1, result: report.Verified},
		"what could not be removed is overwritten":            {damage: 3, refuse: 1, wait: time.Hour, result: report.Verified},
		"nor is it where two deliveries could not remove it":  {damage: 6, refuse: 2, wait: time.Hour, result: report.Verified},
		"nor is an object of parts":                           {size: 4*mib + 1, damage: 2, refuse: 1, wait: time.Hour, result: report.Verified},
		"what someone else wrote in its place is not removed": {damage: 3, refuse: 1, wait: time.Millisecond, someone: true, result: report.Incomplete},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, inParts)
			body := random(cmp.Or(tc.size, 2000), 1)
			put(t, w.src, "k", body)
			d := &damaging{throttles: tc.refuse, wait: tc.wait}
			d.puts.Store(int64(tc.damage))
			if tc.someone {
				body = []byte("the application's")
				d.meanwhile = func() { put(t, w.dst, "k", body) }
			}
			w.target = func(dst pipeline.Target) pipeline.Target { d.Target = dst; return d }
			rep := w.run()
			if d.deleted != tc.deleted {
				t.Errorf("it was removed %d times, want %d", d.deleted, tc.deleted)
			}
			if got := read(t, w.dst, "k"); !bytes.Equal(got, body) || rep.Result != tc.result {
				t.Errorf("%s, and the target holds what it should: %v, want %s and true", rep.Result, bytes.Equal(got, body), tc.result)
			}
		})
	}
}
