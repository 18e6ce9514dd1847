package events_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// asked is a ledger's bucket that holds keys to the rules of OSS when they are read, and notes
// them.
type asked struct {
	*mem.Bucket
	mu   sync.Mutex
	keys []string
	shut error // of what is read of batches, after a second; nil: it is read
}

func (a *asked) Open(ctx context.Context, o store.Object, at, n int64) (store.Object, io.ReadCloser, error) {
	if err := a.CheckKey(o.Key); err != nil {
		return store.Object{}, nil, err
	}
	a.mu.Lock()
	a.keys = append(a.keys, o.Key)
	a.mu.Unlock()
	if a.shut != nil && strings.Contains(o.Key, "/copied/") {
		select {
		case <-time.After(time.Second):
			return store.Object{}, nil, a.shut
		case <-ctx.Done():
			return store.Object{}, nil, ctx.Err()
		}
	}
	return a.Bucket.Open(ctx, o, at, n)
}

// of returns the keys that were read of the folder of that name.
func (a *asked) of(folder string) (keys []string) {
	for _, key := range a.keys {
		if strings.Contains(key, "/"+folder+"/") {
			keys = append(keys, key)
		}
	}
	return keys
}

func newWritings(t testing.TB) (*events.Writings, *asked) {
	a := &asked{Bucket: mem.New(mem.OSS)}
	l := ledger.Open(a, ".ferry/")
	warn := func(file string, err error) { t.Errorf("%s: %v", file, err) }
	return &events.Writings{Ledger: l, Now: time.Now, Runs: memory.ByRun{Ledger: l, Now: time.Now, Warn: warn}}, a
}

const (
	own   = "j/20260301T000000Z"
	other = "20260302T000000Z"
)

// TestMetadataNameNothingButRecords has an object name a run and a batch that are none: nothing
// is asked for, and it is no error, which would end the walk that came upon the object.
func TestMetadataNameNothingButRecords(t *testing.T) {
	for name, o := range map[string]store.Origin{
		"a run elsewhere":                  {Job: "j", Run: "../../jobs", Mark: "0-a00000/x"},
		"the folder above":                 {Job: "j", Run: "..", Mark: "0-a00000/x"},
		"a job elsewhere":                  {Job: "..", Run: other, Mark: "0-a00000/x"},
		"a job of two":                     {Job: "j/k", Run: other, Mark: "0-a00000/x"},
		"a run that is longer than a key":  {Job: "j", Run: strings.Repeat("2", 2000), Mark: "0-a00000/x"},
		"a run that is no text":            {Job: "j", Run: "20260302T000000Z\xff", Mark: "0-a00000/x"},
		"a run with a line of its own":     {Job: "j", Run: "20260302\r\nT000000Z", Mark: "0-a00000/x"},
		"a batch that is the folder above": {Job: "j", Run: other, Mark: "../x"},
		"a batch that is longer":           {Job: "j", Run: other, Mark: strings.Repeat("0", 8<<10) + "/x"},
		"a batch that is no text":          {Job: "j", Run: other, Mark: "\xff\x00/x"},
		"none":                             {Job: "j", Run: other, Mark: "AbC-_123.2"},
		"a batch without a name":           {Job: "j", Run: other, Mark: "/~zzzzzzzzzzzzzzzz"},
	} {
		t.Run(name, func(t *testing.T) {
			w, a := newWritings(t)
			for range 2 {
				if row, err := w.Of(t.Context(), own, "k", o); row != nil || err != nil {
					t.Errorf("%+v, %v, want no row", row, err)
				}
			}
			for _, key := range a.keys {
				if key != ".ferry/runs/j/"+other+"/report.json" {
					t.Errorf("%q is read", key)
				}
			}
		})
	}
}

// FuzzWritings reads any metadata: what they have the ledger asked for is a file of a run.
func FuzzWritings(f *testing.F) {
	f.Add("j", other, "0~1-a00000.1abcdefgh/AbC-_123~1a2b3.2", "k")
	f.Add("j", "20260302-events", "e142030/AbC-_123~1a2b3", "a/b")
	f.Add("j", "20260302-events-2", "e142030.1abcdefgh/AbC-_123", "")
	f.Add("..", "..", "../../..", "\x00")
	f.Add("j", other, "e000000./..~zzzzzzzzzzzz.-1", "k")
	f.Fuzz(func(t *testing.T, j, run, m, key string) {
		w, a := newWritings(t)
		if row, err := w.Of(t.Context(), own, key, store.Origin{Job: j, Run: run, Mark: m}); row != nil || err != nil {
			t.Fatalf("%+v, %v, want no row of an empty ledger", row, err)
		}
		for _, asked := range a.keys {
			if folder := ".ferry/runs/" + j + "/" + run + "/"; !strings.HasPrefix(asked, folder) || path.Clean(asked) != asked {
				t.Fatalf("%q is read, which is no file of %q", asked, folder)
			}
		}
		if at := time.Now(); mark.Past(m, at) && !mark.Dated(m) || mark.Dated(m) && !mark.Past(m, time.Unix(1<<60, 0)) {
			t.Fatalf("the mark %q is dated: %v, and past: %v", m, mark.Dated(m), mark.Past(m, at))
		}
	})
}

// TestEachBatchIsReadOnceByAllShardsThatAreListed has as many shards as a process lists at a
// time come upon what a run copied that has no report, each upon a batch of its own.
func TestEachBatchIsReadOnceByAllShardsThatAreListed(t *testing.T) {
	const shards, rows = 48, 20
	w, a := newWritings(t)
	at := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	batch := func(shard int) string { return fmt.Sprintf("%d-abcdefgh00000", shard) }
	key := func(shard, i int) string { return fmt.Sprintf("%02d/%02d", shard, i) }
	for s := range shards {
		var off ledger.WriteOff
		for i := range rows {
			off.Rows = append(off.Rows, ledger.Row{
				Src: store.Object{Key: key(s, i), Size: 1}, State: ledger.Copied, At: at,
				Dst: &ledger.Dst{ETag: fmt.Sprint(i), Size: 1, Modified: at, Mark: batch(s) + "/x"},
			})
		}
		if _, err := w.Ledger.Run("j/"+other).Batches().CreateWriteOff(t.Context(), batch(s), off); err != nil {
			t.Fatal(err)
		}
	}
	a.keys = nil
	for i := range rows {
		for s := range shards {
			row, err := w.Of(t.Context(), own, key(s, i), store.Origin{Job: "j", Run: other, Mark: batch(s) + "/x"})
			if err != nil || row == nil || row.Key() != key(s, i) || row.State != ledger.Copied || row.Dst.ETag != fmt.Sprint(i) || !row.Dst.Modified.Equal(at) {
				t.Fatalf("%+v, %v, want the row of %s", row, err, key(s, i))
			}
		}
	}
	if n := len(a.of("copied")); n != shards {
		t.Errorf("%d requests for %d batches", n, shards)
	}
}

// TestABatchThatCannotBeReadIsAskedForOnceByAllThatWait has many callers wait for a batch that
// the ledger does not give: each would wait as long as the ledger's patience, one behind the
// other. Who waits for a caller that was cut short asks itself.
func TestABatchThatCannotBeReadIsAskedForOnceByAllThatWait(t *testing.T) {
	for name, tc := range map[string]struct {
		cut   bool
		reads int
	}{"the ledger denies it": {false, 1}, "the caller who reads is cut short": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, a := newWritings(t)
				a.shut = fault.New(fault.Denied, "asked", "", errors.New("shut"))
				of := func(ctx context.Context) error {
					_, err := w.Of(ctx, own, "k", store.Origin{Job: "j", Run: other, Mark: "0-a00000/x"})
					return err
				}
				ctx, cut := context.WithCancel(t.Context())
				defer cut()
				var all sync.WaitGroup
				all.Go(func() { _ = of(ctx) }) // it may be cut short
				synctest.Wait()
				for range 15 {
					all.Go(func() {
						if err := of(t.Context()); fault.KindOf(err) != fault.Denied {
							t.Errorf("%v, want it denied", err)
						}
					})
				}
				synctest.Wait()
				if tc.cut {
					cut()
				}
				all.Wait()
				if n := len(a.of("copied")); n != tc.reads {
					t.Errorf("it is asked for %d times, want %d", n, tc.reads)
				}
			})
		})
	}
}

// TestARecordIsFoundOnceItIsThere asks for the record of a batch before and after it is
// written, within a second: of one of events, and of one that a run beside the events copies.
func TestARecordIsFoundOnceItIsThere(t *testing.T) {
	at := time.Date(2026, 3, 2, 14, 20, 30, 0, time.UTC)
	day := eventnames.Run("j", at, 1)
	_, single := eventnames.Batch("k", at)
	for name, tc := range map[string]struct{ asks, run, batch string }{
		"of an event":             {own, day, single},
		"of a run, for an event":  {day, own, "0-abcdefgh00000"},
		"of an event, by another": {eventnames.Run("j", at.Add(24*time.Hour), 1), day, single},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := newWritings(t)
			o := store.Origin{Job: "j", Run: strings.TrimPrefix(tc.run, "j/"), Mark: mark.Delivery(eventnames.Short(tc.batch), "AbC-_123")}
			if row, err := w.Of(t.Context(), tc.asks, "k", o); row != nil || err != nil {
				t.Fatalf("%+v, %v, and nothing is written", row, err)
			}
			off := ledger.WriteOff{Rows: []ledger.Row{{Src: store.Object{Key: "k", Size: 1}, State: ledger.Copied, At: at, Dst: &ledger.Dst{ETag: "E", Size: 1, Modified: at, Mark: o.Mark}}}}
			if _, err := w.Ledger.Run(tc.run).Batches().CreateWriteOff(t.Context(), tc.batch, off); err != nil {
				t.Fatal(err)
			}
			if row, err := w.Of(t.Context(), tc.asks, "k", o); row == nil || err != nil {
				t.Errorf("%+v, %v, want the row of its writing", row, err)
			}
		})
	}
}
