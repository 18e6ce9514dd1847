package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func small(j *job.Job) { j.Limits.BatchObjects, j.Limits.ShardKeys, j.Limits.Parallel = 20, 150, 8 }

func wantTotals(t *testing.T, rep report.Report, want report.Totals) {
	t.Helper()
	if rep.Objects != want {
		t.Errorf("objects = %+v\n    want %+v\nfailures %+v unknown %+v", rep.Objects, want, rep.Failures, rep.Unknown)
	}
}

func TestABucketMovesAndIsProved(t *testing.T) {
	w := newWorld(t, small)
	w.fill(700, 1)
	rep := w.run()
	wantTotals(t, rep, report.Totals{Listed: 700, Copied: 700, Verified: 700})
	if rep.Result != report.Verified || !rep.Balanced || rep.Shards < 5 {
		t.Errorf("result %s, balanced %v, shards %d, want verified, true, 5 at least", rep.Result, rep.Balanced, rep.Shards)
	}
	if got := rep.Proofs[ledger.ByQetag].Objects; got != 700 {
		t.Errorf("proved by qetag: %d, want 700", got)
	}
	w.same()
}

func TestASecondPassSealsWhatDiffers(t *testing.T) {
	for name, later := range map[string]time.Duration{"soon after, by the kept hash": time.Minute, "much later, by the time": time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			w.fill(300, 2)
			w.clock.Advance(later)
			w.run()
			w.clock.Advance(time.Hour)
			put(t, w.src, "k/00007", []byte("overwritten"))
			put(t, w.src, "k/new", []byte("new"))
			puts := 0
			w.target = func(dst pipeline.Target) pipeline.Target { return &counting{Target: dst, puts: &puts} }
			w.fresh()
			w.drive(t.Context(), 0, w.startAs("j/20260102T000000Z")...)
			rep, err := report.Read(t.Context(), w.config.Ledger.Run("j/20260102T000000Z"))
			if err != nil {
				t.Fatal(err)
			}
			wantTotals(t, rep, report.Totals{Listed: 301, Copied: 2, Unchanged: 299, Verified: 301})
			if puts != 2 {
				t.Errorf("%d PUTs, want 2", puts)
			}
			w.same()
		})
	}
}

func (w *world) startAs(name string) []task.Task {
	w.t.Helper()
	tasks, err := w.pipe.Start(w.t.Context(), w.job, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return tasks
}

type counting struct {
	pipeline.Target
	puts *int
}

func (c *counting) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	*c.puts++
	return c.Target.Put(ctx, o, body, how)
}

func TestBadDeliveryStillBalances(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWorld(t, small)
			w.fill(400, seed)
			w.queue.Seed, w.queue.Duplicate, w.queue.Reorder, w.queue.Drop = seed, 0.2, 0.2, 0.05
			w.drive(t.Context(), 0, w.start()...)
			for round := 0; ; round++ { // what was lost is found in the ledger
				open, err := w.pipe.Resume(t.Context(), runName)
				if err != nil {
					t.Fatal(err)
				}
				if len(open) == 0 {
					break
				}
				if round == 50 {
					t.Fatalf("still open after 50 resumes: %+v", open)
				}
				w.drive(t.Context(), 0, open...)
			}
			wantTotals(t, w.report(), report.Totals{Listed: 400, Copied: 400, Verified: 400})
			w.same()
		})
	}
}

func TestAKilledRunGoesOnWhereItWas(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			w := newWorld(t, small)
			w.fill(300, seed)
			log := &puts{}
			w.target = func(dst pipeline.Target) pipeline.Target { return &killing{Target: dst, puts: log} }
			w.fresh()
			tasks := w.start()
			for range 6 {
				ctx, kill := context.WithCancel(t.Context())
				log.left.Store(int64(1 + r.IntN(80)))
				log.kill = kill
				w.drive(ctx, 1+r.IntN(12), tasks...)
				kill()
				off := w.writtenOff()
				log.after(off)
				w.fresh()
				var err error
				if tasks, err = w.pipe.Resume(t.Context(), runName); err != nil {
					t.Fatal(err)
				}
			}
			log.left.Store(1 << 40)
			w.drive(t.Context(), 0, tasks...)
			wantTotals(t, w.report(), report.Totals{Listed: 300, Copied: 300, Verified: 300})
			if len(log.wrong) > 0 {
				t.Errorf("copied again though written off: %v", log.wrong)
			}
			w.same()
		})
	}
}

// writtenOff returns the keys whose rows are final in the ledger.
func (w *world) writtenOff() map[string]bool {
	off := map[string]bool{}
	for key, row := range w.rows() {
		if row.State == ledger.Copied {
			off[key] = true
		}
	}
	return off
}

// puts notes PUTs of keys that were written off, and kills after some.
type puts struct {
	off   atomic.Pointer[map[string]bool]
	left  atomic.Int64
	kill  func()
	wrong []string
}

func (p *puts) after(off map[string]bool) { p.off.Store(&off) }

type killing struct {
	pipeline.Target
	puts *puts
}

func (k *killing) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if off := k.puts.off.Load(); off != nil && (*off)[o.Key] {
		k.puts.wrong = append(k.puts.wrong, o.Key)
	}
	s, err := k.Target.Put(ctx, o, body, how)
	if k.puts.left.Add(-1) == 0 {
		k.puts.kill()
	}
	return s, err
}

func TestOnlyThePrefixOfAKeyChanges(t *testing.T) {
	w := newWorld(t, small, func(j *job.Job) { j.Source.Prefix, j.Target.Prefix = "2019/", "old/2019/" })
	for _, key := range []string{"2018/a", "2019/", "2019/2019/", "2019/a b", "2019/x/../y", "2019//", "2020/"} {
		put(t, w.src, key, []byte(key))
	}
	wantTotals(t, w.run(), report.Totals{Listed: 5, Copied: 5, Verified: 5})
	want := []string{"old/2019/", "old/2019//", "old/2019/2019/", "old/2019/a b", "old/2019/x/../y"}
	if got := w.dst.Keys(); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("target keys %q, want %q", got, want)
	}
	w.same()
}

func TestAVersionedLedgerBucketIsRefused(t *testing.T) {
	w := newWorld(t)
	w.led.Versions = true
	if _, err := w.pipe.Start(t.Context(), w.job, runName); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "--ledger") {
		t.Errorf("Start = %v, want invalid, naming the cure", err)
	}
}

func TestAVersionedTargetIsLookedAtBeforeEveryPut(t *testing.T) {
	w := newWorld(t, small)
	w.fill(40, 13)
	w.dst.Versions = true
	app := []byte("the application wrote this")
	w.pipeline(func(tk task.Task) {
		if tk.Kind == task.Copy {
			put(t, w.dst, "k/00001", app)
		}
	})
	rep := w.run()
	if got := read(t, w.dst, "k/00001"); rep.Objects.Conflict != 1 || !bytes.Equal(got, app) {
		t.Errorf("conflicts %d, target %q, want 1 and the application's bytes", rep.Objects.Conflict, got)
	}
}

func TestALateTaskOfAFinishedRunWritesNothing(t *testing.T) {
	w := newWorld(t, small)
	w.fill(60, 14)
	var all []task.Task
	w.pipeline(func(tk task.Task) { all = append(all, tk) })
	w.run()
	w.before = nil
	app := []byte("the application wrote this")
	put(t, w.dst, "k/00001", app)
	for _, tk := range all {
		if _, err := w.pipe.Do(t.Context(), tk); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, w.dst, "k/00001"); !bytes.Equal(got, app) {
		t.Errorf("a late task wrote %q over the application's bytes", got)
	}
}

func TestARecordOfANewerVersionIsLeftAlone(t *testing.T) {
	w := newWorld(t, small)
	w.fill(10, 15)
	tasks := w.start()
	path := w.config.Ledger.Run(runName).Path("closed/" + ledger.RootShard)
	put(t, w.led, path, []byte(`{"v":99,"shard":"0"}`))
	if _, err := w.pipe.Do(t.Context(), tasks[0]); fault.KindOf(err) != fault.Newer {
		t.Errorf("Do = %v, want %s", err, fault.Newer)
	}
}

func TestEveryKeyEndsInExactlyOneRow(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 99))
		w := newWorld(t, func(j *job.Job) {
			j.Limits.BatchObjects, j.Limits.ShardKeys = 1+r.IntN(9), int64(1+r.IntN(40))
		})
		n := r.IntN(120)
		for range n {
			key := make([]rune, 1+r.IntN(3))
			for i := range key {
				key[i] = []rune("ab/ +%é中😀\x01\"")[r.IntN(11)]
			}
			put(t, w.src, string(key), []byte(string(key)))
		}
		w.queue.Seed, w.queue.Duplicate, w.queue.Reorder = seed, 0.3, 0.3
		w.run()
		rows, keys := w.rows(), w.src.Keys()
		if len(rows) != len(keys) {
			t.Errorf("seed %d: %d rows for %d keys", seed, len(rows), len(keys))
		}
		for _, key := range keys {
			if _, ok := rows[key]; !ok {
				t.Errorf("seed %d: %q has no row", seed, key)
			}
		}
	}
}

func TestWhyTellsTheStoryOfAnObject(t *testing.T) {
	w := newWorld(t, small)
	w.fill(60, 16)
	w.run()
	run := w.config.Ledger.Run(runName)
	s, err := report.Why(t.Context(), run, "k/00010")
	if err != nil {
		t.Fatal(err)
	}
	var stages []string
	for _, step := range s.Steps {
		stages = append(stages, step.Stage)
	}
	if got := strings.Join(stages, " "); got != "listed copied verified report" {
		t.Errorf("stages %q, want listed copied verified report", got)
	}
	if _, err := report.Why(t.Context(), run, "nothing"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Why(no such key) = %v, want not found", err)
	}
}

// TestWhyDoesNotSayThatTheSourceLackedWhatItMayHaveHad asks for keys without a row.
func TestWhyDoesNotSayThatTheSourceLackedWhatItMayHaveHad(t *testing.T) {
	closing := func(w *world) string { return w.config.Ledger.Run(runName).Path("closed/" + ledger.RootShard) }
	for name, tc := range map[string]struct {
		set  func(*job.Job)
		then func(w *world)
		says string
	}{
		"it was not there":        {says: "it was not in the source then"},
		"its pattern":             {set: func(j *job.Job) { j.Filter.Exclude = []string{"no*"} }, says: "the job's filter does not choose it"},
		"its size":                {set: func(j *job.Job) { j.Filter.MinSize = 1 }, says: "or the job's filter did not choose it"},
		"a list without it":       {set: func(j *job.Job) { j.KeyList = "keys.txt" }, says: "the keys of a list, and this is none of them"},
		"a record that is cut":    {then: func(w *world) { put(w.t, w.led, closing(w), []byte(`{"v":`)) }, says: "what that held is not known: the record"},
		"an end before its shard": {then: func(w *world) { _ = w.led.Delete(w.t.Context(), closing(w)) }, says: "it was not listed before the run ended"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(j *job.Job) {
				if tc.set != nil {
					tc.set(j)
				}
			})
			w.fill(3, 16)
			if w.job.KeyList != "" {
				w.runKeys("k/00001")
			} else {
				w.run()
			}
			if tc.then != nil {
				tc.then(w)
			}
			_, err := report.Why(t.Context(), w.config.Ledger.Run(runName), "nothing")
			if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Why = %v, want NotFound that says %q", err, tc.says)
			}
		})
	}
}
