package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func small(j *job.Job) { j.Limits.BatchObjects, j.Limits.ShardKeys, j.Limits.Parallel = 20, 150, 8 }

func wantTotals(t *testing.T, rep pipeline.Report, want pipeline.Totals) {
	t.Helper()
	if rep.Objects != want {
		t.Errorf("objects = %+v\n    want %+v\nfailures %+v unknown %+v", rep.Objects, want, rep.Failures, rep.Unknown)
	}
}

func TestABucketMovesAndIsProved(t *testing.T) {
	w := newWorld(t, small)
	w.fill(700, 1)
	rep := w.run()
	wantTotals(t, rep, pipeline.Totals{Listed: 700, Copied: 700, Verified: 700})
	if rep.Result != pipeline.ResultVerified || !rep.Balanced || rep.Shards != 5 {
		t.Errorf("result %s, balanced %v, shards %d, want verified, true, 5", rep.Result, rep.Balanced, rep.Shards)
	}
	if got := rep.Proofs[ledger.ByQetag].Objects; got != 700 {
		t.Errorf("proved by qetag: %d, want 700", got)
	}
	w.same()
}

func TestAnEmptyBucketIsVerifiedToo(t *testing.T) {
	rep := newWorld(t).run()
	wantTotals(t, rep, pipeline.Totals{})
	if rep.Result != pipeline.ResultVerified {
		t.Errorf("result %s, want verified", rep.Result)
	}
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
			rep, err := pipeline.ReadReport(t.Context(), w.config.Ledger.Run("j/20260102T000000Z"))
			if err != nil {
				t.Fatal(err)
			}
			wantTotals(t, rep, pipeline.Totals{Listed: 301, Copied: 2, Unchanged: 299, Verified: 301})
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
			wantTotals(t, w.report(), pipeline.Totals{Listed: 400, Copied: 400, Verified: 400})
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
			wantTotals(t, w.report(), pipeline.Totals{Listed: 300, Copied: 300, Verified: 300})
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

// troubled is a source whose Open is made to go wrong by the test.
type troubled struct {
	store.Source
	open func(ctx context.Context, o store.Object) (store.Object, io.ReadCloser, error)
	list func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error]
}

func (s *troubled) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if s.open != nil {
		if o, body, err := s.open(ctx, o); body != nil || err != nil {
			return o, body, err
		}
	}
	return s.Source.Open(ctx, o, off, n)
}

func (s *troubled) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	if s.list != nil {
		return s.list(ctx, r)
	}
	return s.Source.List(ctx, r)
}

func TestTroubleWithOneObjectStaysWithIt(t *testing.T) {
	const victim = "k/00005"
	for name, tc := range map[string]struct {
		set     func(*job.Job)
		source  func(w *world, n int) (io.ReadCloser, error) // of the victim's n-th Open; nil, nil: as it is
		alter   func(o *store.Object)                        // of what is listed
		state   ledger.State
		proof   ledger.Proof
		reason  string
		visible bool
	}{
		"a flipped byte is read again": {
			source: func(w *world, n int) (io.ReadCloser, error) { return flip(w, victim, n == 1) },
			state:  ledger.Copied, proof: ledger.ByQetag, visible: true,
		},
		"a reset in mid-body is read again": {
			source: func(w *world, n int) (io.ReadCloser, error) {
				if n > 2 {
					return nil, nil
				}
				return io.NopCloser(io.MultiReader(strings.NewReader("x"), errReader{errors.New("reset")})), nil
			},
			state: ledger.Copied, proof: ledger.ByQetag, visible: true,
		},
		"a listed hash that is wrong is told apart from damage": {
			alter: func(o *store.Object) { o.Hash = "FkXAIGDnCbH5M2CwKqkYyfLzMLXo"; o.MD5 = "" },
			state: ledger.Failed, reason: "the listed hash is wrong",
		},
		"hashMismatch=copy takes what two reads agree on": {
			set:   func(j *job.Job) { j.HashMismatch = job.CopyMismatch },
			alter: func(o *store.Object) { o.Hash = "FkXAIGDnCbH5M2CwKqkYyfLzMLXo"; o.MD5 = "" },
			state: ledger.Copied, proof: ledger.ByCRC, visible: true,
		},
		"an object without a hash is proved by size and CRC64": {
			alter: func(o *store.Object) { o.Hash, o.MD5 = "", "" },
			state: ledger.Copied, proof: ledger.ByCRC, visible: true,
		},
		"a disabled object is skipped": {
			alter: func(o *store.Object) { o.Disabled = true },
			state: ledger.Skipped, reason: "disabled",
		},
		"an archived object is skipped": {
			alter: func(o *store.Object) { o.Frozen, o.Class = true, store.Archive },
			state: ledger.Skipped, reason: "restore",
		},
		"an object over 5 GB fails and says so": {
			alter: func(o *store.Object) { o.Size = 5<<30 + 1 },
			state: ledger.Failed, reason: "5 GB",
		},
		"an object denied three times fails while others go on": {
			source: func(*world, int) (io.ReadCloser, error) {
				return nil, fault.New(fault.Denied, "kodo.Open", victim, errors.New("403"))
			},
			state: ledger.Failed, reason: "403",
		},
		"an object that times out for ever fails in the end": {
			source: func(*world, int) (io.ReadCloser, error) {
				return nil, fault.New(fault.Temporary, "kodo.Open", victim, errors.New("timeout"))
			},
			state: ledger.Failed, reason: "timeout",
		},
		"an object the download host does not have, though it is listed": {
			source: func(*world, int) (io.ReadCloser, error) {
				return nil, fault.New(fault.NotFound, "kodo.Open", victim, errors.New("404"))
			},
			state: ledger.Failed, reason: "check domain=",
		},
		"a throttled object waits and spends no try": {
			source: func(_ *world, n int) (io.ReadCloser, error) {
				if n > 3 {
					return nil, nil
				}
				return nil, fault.Throttle("kodo.Open", victim, time.Millisecond, errors.New("573"))
			},
			state: ledger.Copied, proof: ledger.ByQetag, visible: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, small, func(j *job.Job) {
				if tc.set != nil {
					tc.set(j)
				}
			})
			w.fill(30, 3)
			if tc.alter != nil {
				w.src.Alter(victim, tc.alter)
			}
			var opened atomic.Int64
			w.source = func(src store.Source) store.Source {
				return &troubled{Source: src, open: func(ctx context.Context, o store.Object) (store.Object, io.ReadCloser, error) {
					if o.Key != victim || tc.source == nil {
						return o, nil, nil
					}
					body, err := tc.source(w, int(opened.Add(1)))
					return o, body, err
				}}
			}
			w.fresh()
			rep := w.run()
			row := w.rows()[victim]
			if row.State != tc.state || row.Proof != tc.proof || !strings.Contains(row.Reason, tc.reason) {
				t.Errorf("row = %s by %q: %s (tries %d), want %s by %q: …%s…", row.State, row.Proof, row.Reason, row.Tries, tc.state, tc.proof, tc.reason)
			}
			if _, err := w.dst.Stat(t.Context(), victim); (err == nil) != tc.visible {
				t.Errorf("visible in the target: %v, want %v", err == nil, tc.visible)
			}
			if got := rep.Objects.Copied; got < 29 {
				t.Errorf("copied %d, want all the others", got)
			}
		})
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

// flip returns the victim's body with one bit flipped.
func flip(w *world, key string, bad bool) (io.ReadCloser, error) {
	if !bad {
		return nil, nil
	}
	body := read(w.t, w.src, key)
	body[len(body)/2] ^= 1
	return io.NopCloser(bytes.NewReader(body)), nil
}

func TestWhatChangesMeanwhileIsCopiedAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(w *world)
		want   pipeline.Totals
	}{
		"overwritten": {func(w *world) { put(w.t, w.src, "k/00010", []byte("a new version of it")) }, pipeline.Totals{Listed: 60, Copied: 60, Verified: 60}},
		"deleted":     {func(w *world) { _ = w.src.Delete(w.t.Context(), "k/00010") }, pipeline.Totals{Listed: 60, Copied: 59, Gone: 1, Verified: 59}},
		"new":         {func(w *world) { put(w.t, w.src, "k/00010x", []byte("new")) }, pipeline.Totals{Listed: 61, Copied: 61, Verified: 61}},
		"deleted and written again": {func(w *world) {
			_ = w.src.Delete(w.t.Context(), "k/00010")
			put(w.t, w.src, "k/00010", []byte("again"))
		}, pipeline.Totals{Listed: 60, Copied: 60, Verified: 60}},
	} {
		for when, stage := range map[string]task.Kind{"before it is copied": task.Copy, "after it was copied": task.Verify} {
			t.Run(name+" "+when, func(t *testing.T) {
				w := newWorld(t, small)
				w.fill(60, 4)
				w.clock.Advance(time.Hour)
				changed := false
				w.pipeline(func(tk task.Task) {
					if tk.Kind == stage && !changed && w.allCopied(stage) {
						changed = true
						w.clock.Advance(time.Second)
						tc.change(w)
					}
				})
				rep := w.run()
				wantTotals(t, rep, tc.want)
				if name != "deleted" {
					w.same()
				}
			})
		}
	}
}

func TestTheApplicationsBytesSurvive(t *testing.T) {
	const key = "k/00010"
	app := []byte("the application wrote this")
	for name, tc := range map[string]struct {
		first bool      // a whole run came before
		when  task.Kind // the application writes before the first task of this kind
		state ledger.State
	}{
		"written before the first run":                      {false, task.List, ledger.Conflict},
		"written between listing and copying, new":          {false, task.Copy, ledger.Conflict},
		"written after it was copied":                       {false, task.Verify, ledger.Conflict},
		"written over a copy before a delta":                {true, task.List, ledger.Conflict},
		"written over a copy between listing and the delta": {true, task.Copy, ledger.Conflict},
		"written over the delta's copy":                     {true, task.Verify, ledger.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			w.fill(60, 5)
			w.clock.Advance(time.Hour)
			if tc.first {
				w.run()
				w.clock.Advance(time.Hour)
				put(t, w.src, key, []byte("a newer version at the source"))
				w.clock.Advance(time.Second)
				w.fresh()
			}
			written := false
			w.pipeline(func(tk task.Task) {
				if tk.Kind == tc.when && !written && w.allCopied(tc.when) {
					written = true
					w.clock.Advance(time.Second)
					put(t, w.dst, key, app)
				}
			})
			name := "j/20260102T000000Z"
			w.drive(t.Context(), 0, w.startAs(name)...)
			rep, err := pipeline.ReadReport(t.Context(), w.config.Ledger.Run(name))
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, w.dst, key); !bytes.Equal(got, app) {
				t.Errorf("the target has %q, want the application's bytes", got)
			}
			if rep.Objects.Conflict != 1 || rep.Result != pipeline.ResultIncomplete {
				t.Errorf("conflicts %d, result %s, want 1, incomplete", rep.Objects.Conflict, rep.Result)
			}
		})
	}
}

func TestTheApplicationMayWriteWhileABodyFlows(t *testing.T) {
	const key = "k/00010"
	app := []byte("the application wrote this")
	w := newWorld(t, small)
	w.fill(60, 6)
	w.clock.Advance(time.Hour)
	w.run()
	w.clock.Advance(time.Hour)
	put(t, w.src, key, bytes.Repeat([]byte("new"), 1000))
	w.clock.Advance(time.Hour)
	w.source = func(src store.Source) store.Source {
		return &troubled{Source: src, open: func(ctx context.Context, o store.Object) (store.Object, io.ReadCloser, error) {
			if o.Key == key { // the overwrite has been decided, the body begins to flow
				put(t, w.dst, key, app)
			}
			return o, nil, nil
		}}
	}
	w.fresh()
	w.drive(t.Context(), 0, w.startAs("j/20260102T000000Z")...)
	if got := read(t, w.dst, key); !bytes.Equal(got, app) {
		t.Errorf("the target has %q, want the application's bytes", got)
	}
}

// pipeline wraps the worker's doer so that before is called ahead of each task.
func (w *world) pipeline(before func(task.Task)) { w.before = before }

// allCopied reports whether, for a task of that kind, nothing is left to copy.
func (w *world) allCopied(k task.Kind) bool {
	if k != task.Verify {
		return true
	}
	for _, name := range []string{runName, "j/20260102T000000Z"} {
		walk, err := w.config.Ledger.Run(name).Walk(w.t.Context())
		if err != nil || walk.Reported {
			continue
		}
		for _, s := range walk.Shards {
			if s.Closed == nil || len(s.Open) > 0 {
				return false
			}
		}
	}
	return true
}

func TestADeniedBucketWaitsWithoutSpendingTries(t *testing.T) {
	w := newWorld(t, small)
	w.fill(60, 7)
	var denied atomic.Bool
	var refusals atomic.Int64
	w.source = func(src store.Source) store.Source {
		no := fault.New(fault.Denied, "kodo", "", errors.New("the account is frozen"))
		return &troubled{Source: src,
			open: func(_ context.Context, o store.Object) (store.Object, io.ReadCloser, error) {
				if denied.Load() {
					if refusals.Add(1) > 400 {
						denied.Store(false) // the bill is paid
					}
					return o, nil, no
				}
				return o, nil, nil
			},
			list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
				if denied.Load() {
					return func(yield func(store.Object, error) bool) { yield(store.Object{}, no) }
				}
				return src.List(ctx, r)
			}}
	}
	w.fresh()
	w.pipeline(func(tk task.Task) {
		if tk.Kind == task.Copy && refusals.Load() == 0 {
			denied.Store(true)
		}
	})
	wantTotals(t, w.run(), pipeline.Totals{Listed: 60, Copied: 60, Verified: 60})
}

func TestABatchTooBigForOneInvocationIsHandedOver(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.BatchObjects, j.Limits.Parallel = 50, 1 })
	w.fill(50, 8)
	tasks := w.start()
	invocations := 0
	for len(tasks) > 0 {
		next := tasks[0]
		tasks = tasks[1:]
		// 15 s are kept free for the outcome: this leaves some milliseconds to copy in.
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second+3*time.Millisecond)
		if next.Kind != task.Copy {
			ctx, cancel = context.WithCancel(t.Context())
		}
		follow, err := w.pipe.Do(ctx, next)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if next.Kind == task.Copy {
			invocations++
		}
		tasks = append(tasks, follow...)
		if invocations > 60 {
			t.Fatal("the batch does not end")
		}
	}
	wantTotals(t, w.report(), pipeline.Totals{Listed: 50, Copied: 50, Verified: 50})
	t.Logf("%d invocations", invocations)
	for key, row := range w.rows() {
		if row.Tries != 0 {
			t.Errorf("%s spent %d tries by being handed over, want 0", key, row.Tries)
		}
	}
}

func TestGivingUpIsAnOutcome(t *testing.T) {
	for name, tc := range map[string]struct {
		kind task.Kind
		want pipeline.Totals
		open int // unknown stretches
	}{
		"a listing":      {task.List, pipeline.Totals{}, 1},
		"a batch":        {task.Copy, pipeline.Totals{Listed: 60, Copied: 40, Failed: 20, Verified: 40}, 0},
		"a verification": {task.Verify, pipeline.Totals{}, 1},
		"the report":     {task.Report, pipeline.Totals{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			w.fill(60, 9)
			given := false
			w.give = func(tk task.Task) error {
				if tk.Kind == tc.kind && !given && w.allCopied(tk.Kind) {
					given = true
					return fault.New(fault.Invalid, "test", "", errors.New("it cannot be done"))
				}
				return nil
			}
			rep := w.run()
			wantTotals(t, rep, tc.want)
			if rep.Result != pipeline.ResultIncomplete || len(rep.Unknown) != tc.open {
				t.Errorf("result %s, unknown %+v, want incomplete, %d", rep.Result, rep.Unknown, tc.open)
			}
		})
	}
}

func TestKeysThatCannotBeHeldFailAndNameTheCure(t *testing.T) {
	w := newWorld(t, small)
	for _, key := range []string{"/lead", `\back`, strings.Repeat("k", 1024), ".ferry/runs/x", "fine"} {
		put(t, w.src, key, []byte(key))
	}
	rep := w.run()
	wantTotals(t, rep, pipeline.Totals{Listed: 5, Copied: 1, Failed: 4, Verified: 1})
	rows := w.rows()
	for key, cure := range map[string]string{"/lead": "give the target a prefix", `\back`: "give the target a prefix", strings.Repeat("k", 1024): "give the target a prefix", ".ferry/runs/x": "ledger"} {
		if !strings.Contains(rows[key].Reason, cure) {
			t.Errorf("%.20q: %q, want the cure %q", key, rows[key].Reason, cure)
		}
	}
}

func TestOnlyThePrefixOfAKeyChanges(t *testing.T) {
	w := newWorld(t, small, func(j *job.Job) { j.Source.Prefix, j.Target.Prefix = "2019/", "old/2019/" })
	for _, key := range []string{"2018/a", "2019/", "2019/2019/", "2019/a b", "2019/x/../y", "2019//", "2020/"} {
		put(t, w.src, key, []byte(key))
	}
	wantTotals(t, w.run(), pipeline.Totals{Listed: 5, Copied: 5, Verified: 5})
	want := []string{"old/2019/", "old/2019//", "old/2019/2019/", "old/2019/a b", "old/2019/x/../y"}
	if got := w.dst.Keys(); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("target keys %q, want %q", got, want)
	}
	w.same()
}

func TestASourceThatListsOnlyFromExistingKeysIsFoundOutAndStillCovered(t *testing.T) {
	w := newWorld(t, small)
	w.fill(400, 10)
	w.source = func(src store.Source) store.Source {
		return &troubled{Source: src, list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
			if r.After != "" {
				if _, err := src.Stat(ctx, r.After); err != nil {
					return func(func(store.Object, error) bool) {} // it lists nothing from there
				}
			}
			return src.List(ctx, r)
		}}
	}
	w.fresh()
	removed := false
	w.pipeline(func(tk task.Task) {
		if tk.Kind == task.List && tk.Range.After != "" && !removed {
			removed = true
			_ = w.src.Delete(t.Context(), tk.Range.After)
		}
	})
	wantTotals(t, w.run(), pipeline.Totals{Listed: 400, Copied: 399, Gone: 1, Verified: 399})
	started, err := w.config.Ledger.Run(runName).Started(t.Context())
	if err != nil || !started.Chain {
		t.Errorf("started as a chain: %v, %v, want true", started.Chain, err)
	}
}

func TestAListingErrorNeverBecomesASmallNumber(t *testing.T) {
	w := newWorld(t, small)
	w.fill(300, 11)
	w.source = func(src store.Source) store.Source {
		return &troubled{Source: src, list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
			return func(yield func(store.Object, error) bool) {
				for o, err := range src.List(ctx, r) {
					if o.Key == "k/00200" {
						yield(store.Object{}, fault.New(fault.Temporary, "kodo.List", "", errors.New("599")))
						return
					}
					if !yield(o, err) {
						return
					}
				}
			}
		}}
	}
	w.fresh()
	rep := w.run()
	if rep.Result != pipeline.ResultIncomplete || len(rep.Unknown) == 0 || !strings.Contains(rep.Unknown[0].Reason, "599") {
		t.Errorf("result %s, unknown %+v, want incomplete with an unknown stretch", rep.Result, rep.Unknown)
	}
}

// lying stores other bytes than it was sent, some times.
type lying struct {
	pipeline.Target
	key   string
	times atomic.Int64
}

func (l *lying) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	s, err := l.Target.Put(ctx, o, body, how)
	if err == nil && o.Key == l.key && l.times.Add(-1) >= 0 {
		s.CRC64 = "1"
	}
	return s, err
}

func TestDamageOnTheWayToTheTargetIsOverwrittenOrRemoved(t *testing.T) {
	for name, tc := range map[string]struct {
		times   int64
		state   ledger.State
		visible bool
	}{
		"once":     {1, ledger.Copied, true},
		"for ever": {1 << 40, ledger.Failed, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			w.fill(20, 12)
			w.target = func(dst pipeline.Target) pipeline.Target {
				l := &lying{Target: dst, key: "k/00003"}
				l.times.Store(tc.times)
				return l
			}
			w.fresh()
			w.run()
			if got := w.rows()["k/00003"].State; got != tc.state {
				t.Errorf("state %s, want %s", got, tc.state)
			}
			if _, err := w.dst.Stat(t.Context(), "k/00003"); (err == nil) != tc.visible {
				t.Errorf("visible: %v, want %v", err == nil, tc.visible)
			}
		})
	}
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
	s, err := pipeline.Why(t.Context(), run, "k/00010")
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
	if _, err := pipeline.Why(t.Context(), run, "nothing"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Why(no such key) = %v, want not found", err)
	}
}
