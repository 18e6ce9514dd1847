package pipeline_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

func TestOnlyWhatTheFilterChoosesIsCopied(t *testing.T) {
	w := newWorld(t, small, func(j *job.Job) {
		j.Filter = job.Filter{Include: []string{"**/*.jpg"}, Exclude: []string{"tmp/**"}, MinSize: 10}
	})
	body := make([]byte, 20)
	for i := range 100 {
		put(t, w.src, fmt.Sprintf("photos/%d.jpg", i), body)
		put(t, w.src, fmt.Sprintf("photos/%d.png", i), body)
		put(t, w.src, fmt.Sprintf("tmp/%d.jpg", i), body)
		put(t, w.src, fmt.Sprintf("tiny/%d.jpg", i), body[:9])
	}
	rep := w.run()
	wantTotals(t, rep, report.Totals{Listed: 100, Copied: 100, Verified: 100, Excluded: 300})
	if rep.Bytes.Excluded != 200*20+100*9 || rep.Result != report.Verified || len(w.dst.Keys()) != 100 {
		t.Errorf("result %s, excluded %d bytes, %d objects in the target, want verified, 4900, 100", rep.Result, rep.Bytes.Excluded, len(w.dst.Keys()))
	}
}

func TestWhatTheFilterLeavesOutIsNotDeletedEither(t *testing.T) {
	w := newWorld(t, small)
	for i := range 20 {
		put(t, w.src, fmt.Sprintf("%d.jpg", i), []byte("x"))
		put(t, w.src, fmt.Sprintf("%d.png", i), []byte("x"))
	}
	w.run()
	w.clock.Advance(24 * time.Hour)
	w.job.Delete, w.job.Filter.Include = true, []string{"*.jpg"}
	remove(t, w, "3.jpg", "3.png")
	rep := w.runAgain()
	if got := w.dst.Keys(); rep.Mirror.Deleted.Objects != 1 || slices.Contains(got, "3.jpg") || !slices.Contains(got, "3.png") {
		t.Errorf("deleted %d, want 3.jpg alone; the target holds %q", rep.Mirror.Deleted.Objects, got)
	}
}

func TestOverwritePolicies(t *testing.T) {
	for name, tc := range map[string]struct {
		policy        string
		older, newer  ledger.State // of an object whose other version in the target is older, or newer, than the source's
		theirs, fresh ledger.State // the same where someone else wrote the target's
	}{
		"changed": {job.OverwriteChanged, ledger.Copied, ledger.Copied, ledger.Conflict, ledger.Conflict},
		"newer":   {job.OverwriteNewer, ledger.Copied, ledger.Copied, ledger.Copied, ledger.Skipped},
		"never":   {job.OverwriteNever, ledger.Skipped, ledger.Skipped, ledger.Skipped, ledger.Skipped},
		"always":  {job.OverwriteAlways, ledger.Copied, ledger.Copied, ledger.Copied, ledger.Copied},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(j *job.Job) { j.Overwrite = tc.policy })
			ours := func(key string) {
				body := []byte("an earlier version of " + key)
				_, err := w.dst.Put(t.Context(), store.Object{Key: key, Size: int64(len(body)), Origin: copiedBy(w.job.Name, key)}, bytes.NewReader(body), store.Put{})
				if err != nil {
					t.Fatal(err)
				}
			}
			ours("older")
			put(t, w.dst, "theirs", []byte("someone's"))
			w.clock.Advance(time.Hour)
			for _, k := range []string{"older", "newer", "theirs", "fresh", "same", "absent"} {
				put(t, w.src, k, []byte("the source's "+k))
			}
			w.clock.Advance(time.Hour)
			ours("newer")
			put(t, w.dst, "fresh", []byte("someone's"))
			w.run()
			rows := w.rows()
			for key, want := range map[string]ledger.State{"older": tc.older, "newer": tc.newer, "theirs": tc.theirs, "fresh": tc.fresh, "absent": ledger.Copied} {
				if got := rows[key]; got.State != want {
					t.Errorf("%s: %s (%s), want %s", key, got.State, got.Reason, want)
				}
			}
		})
	}
}

func TestAListOfKeysStandsInForAListing(t *testing.T) {
	w := newWorld(t, small)
	w.fill(500, 1)
	var keys []string
	for i := range 300 {
		keys = append(keys, fmt.Sprintf("k/%05d", 2*i)) // the last 50 are not there
	}
	tasks, err := w.pipe.Start(t.Context(), w.job, runName, keys...)
	if err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, tasks...)
	rep := w.report()
	wantTotals(t, rep, report.Totals{Listed: 300, Copied: 250, Gone: 50, Verified: 250})
	if n := len(w.dst.Keys()); n != 250 {
		t.Errorf("the target holds %d objects, want 250", n)
	}
	if row := w.rows()["k/00598"]; row.State != ledger.Gone || row.Reason == "" {
		t.Errorf("a key that is not there has the row %+v, want gone, and why", row)
	}
}

func TestBatchesAreSizedByThePaceSeen(t *testing.T) {
	sizes := func(p *live.Pace) (n []int) {
		w := newWorld(t, func(j *job.Job) { j.Limits.Parallel, j.Limits.Fanout = 2, 1 })
		for i := range 6000 {
			put(t, w.src, fmt.Sprintf("%05d", i), nil)
		}
		w.config.Shared = true
		w.pipe = pipeline.New(w.config)
		first := w.start()
		run := w.config.Ledger.Run(runName)
		if p != nil {
			if err := live.CreatePace(t.Context(), run.Folder(), *p, epoch); err != nil {
				t.Fatal(err)
			}
		}
		root, err := w.pipe.Do(t.Context(), first[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.pipe.Do(t.Context(), root[0]); err != nil { // the first shard is short
			t.Fatal(err)
		}
		c, err := run.Shards().ReadListed(t.Context(), root[0].Shard)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range c.Batches {
			n = append(n, b.Pending)
		}
		return n
	}
	// Two streams fill 20 seconds with 40 seconds of work.
	if got := sizes(nil); got[0] != 800 {
		t.Errorf("at the pace guessed batches have %d objects, want 800", got[0])
	}
	if got := sizes(&live.Pace{Each: 10 * time.Millisecond, Bytes: 1}); got[0] != 4000 {
		t.Errorf("at 10 ms an object batches have %d objects, want 4000", got[0])
	}
	if got := sizes(&live.Pace{Each: 2 * time.Second, Bytes: 1}); got[0] != 20 {
		t.Errorf("at 2 s an object batches have %d objects, want 20", got[0])
	}
}
