package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// ills are what a service that is down may answer, by the words of a test.
var ills = map[string]error{
	"refused":  fmt.Errorf("dial: %w", syscall.ECONNREFUSED),
	"no name":  fault.New(fault.Temporary, "driver", "", errors.New("no such host")),
	"timeout":  fmt.Errorf("get: %w", context.DeadlineExceeded),
	"500":      fault.New(fault.FromStatus(500), "driver", "", errors.New("500")),
	"503":      fault.New(fault.FromStatus(503), "driver", "", errors.New("503")),
	"403":      fault.New(fault.FromStatus(403), "driver", "", errors.New("403")),
	"401":      fault.New(fault.FromStatus(401), "driver", "", errors.New("401")),
	"nonsense": errors.New("a page of an ISP"),
}

// illness has one side of a world not answer, from the first task of a kind on.
type illness struct {
	err    error
	now    func() time.Time
	length time.Duration

	mu    sync.Mutex
	until time.Time
}

func (i *illness) begin() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.until.IsZero() {
		i.until = i.now().Add(i.length)
	}
}

func (i *illness) fault() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.now().Before(i.until) {
		return i.err
	}
	return nil
}

func (i *illness) list(list func() iter.Seq2[store.Object, error]) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		if err := i.fault(); err != nil {
			yield(store.Object{}, err)
			return
		}
		list()(yield)
	}
}

// illSource is a source that may be ill.
type illSource struct {
	store.Source
	*illness
	lists bool // it is listed by another host, which is well
}

func (s illSource) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	if s.lists {
		return s.Source.List(ctx, r)
	}
	return s.list(func() iter.Seq2[store.Object, error] { return s.Source.List(ctx, r) })
}

func (s illSource) Stat(ctx context.Context, key string) (store.Object, error) {
	if err := s.fault(); err != nil && !s.lists {
		return store.Object{}, err
	}
	return s.Source.Stat(ctx, key)
}

func (s illSource) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if err := s.fault(); err != nil {
		return store.Object{}, nil, err
	}
	return s.Source.Open(ctx, o, off, n)
}

// illTarget is a target that may be ill.
type illTarget struct {
	pipeline.Target
	*illness
}

func (s illTarget) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return s.list(func() iter.Seq2[store.Object, error] { return s.Target.List(ctx, r) })
}

func (s illTarget) Stat(ctx context.Context, key string) (store.Object, error) {
	if err := s.fault(); err != nil {
		return store.Object{}, err
	}
	return s.Target.Stat(ctx, key)
}

func (s illTarget) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if err := s.fault(); err != nil {
		return store.Stored{}, err
	}
	return s.Target.Put(ctx, o, body, how)
}

func (s illTarget) Delete(ctx context.Context, key string) error {
	if err := s.fault(); err != nil {
		return err
	}
	return s.Target.Delete(ctx, key)
}

func (s illTarget) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	if err := s.fault(); err != nil {
		return "", nil, err
	}
	return s.Target.Begin(ctx, o)
}

func (s illTarget) PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (store.Part, error) {
	if err := s.fault(); err != nil {
		return store.Part{}, err
	}
	return s.Target.PutPart(ctx, key, upload, n, body, size)
}

func (s illTarget) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	if err := s.fault(); err != nil {
		return store.Stored{}, err
	}
	return s.Target.Finish(ctx, key, upload, parts, how)
}

func (s illTarget) Abort(ctx context.Context, key, upload string) error {
	if err := s.fault(); err != nil {
		return err
	}
	return s.Target.Abort(ctx, key, upload)
}

// sicken has a side be ill for length from the first task of a kind on. Waits
// grow to a quarter of an hour, as in a deployment. It returns how many tries
// tasks had spent.
func (w *world) sicken(side string, err error, kind task.Kind, length time.Duration) (attempts *int) {
	w.t.Helper()
	ill := &illness{err: err, now: w.clock.Now, length: length}
	switch side {
	case "target":
		w.target = func(d pipeline.Target) pipeline.Target { return illTarget{d, ill} }
	default:
		w.source = func(s store.Source) store.Source { return illSource{s, ill, side == "download host"} }
	}
	w.fresh()
	w.config.MaxWait, w.config.Quick = 15*time.Minute, 10*time.Microsecond
	w.pipe = pipeline.New(w.config)
	attempts = new(int)
	w.before = func(t task.Task) {
		*attempts = max(*attempts, t.Attempt)
		if t.Kind == kind {
			ill.begin()
		}
	}
	return attempts
}

// shipped is a world with something for every kind of task to do: small objects,
// one that goes in parts, and one to be removed from the target.
func shipped(t *testing.T, set ...func(*job.Job)) *world {
	t.Helper()
	w := synced(t, 4, append([]func(*job.Job){inParts}, set...)...)
	remove(t, w, "k/00001")
	for i := range 25 {
		put(t, w.src, fmt.Sprintf("new/%02d", i), []byte(fmt.Sprint("body ", i)))
	}
	put(t, w.src, "big", random(4*mib+1, 1))
	return w
}

var pathKinds = []task.Kind{task.List, task.Copy, task.Begin, task.Part, task.Finish, task.Verify, task.Delete}

func TestAWholeSideThatDoesNotAnswerIsWaitedForAndSpendsNoTries(t *testing.T) {
	t.Parallel()
	try := func(side, ill string, kind task.Kind, length time.Duration) {
		t.Run(fmt.Sprint(side, ", ", ill, ", ", kind, ", ", length), func(t *testing.T) {
			w := shipped(t)
			began := w.clock.Now()
			attempts := w.sicken(side, ills[ill], kind, length)
			rep := w.runOn(t)
			if rep.Result != report.Verified || rep.Objects.Copied != 26 || rep.Objects.Deleted != 1 || rep.Objects.Failed != 0 {
				t.Errorf("%s: %+v, failures %v, unknown %v, want all verified and one deleted", rep.Result, rep.Objects, rep.Failures, rep.Unknown)
			}
			if *attempts > 0 {
				t.Errorf("a task spent %d tries, want none", *attempts)
			}
			for key, row := range w.rowsOf(laterRun) {
				if row.Tries > 0 {
					t.Errorf("%s spent %d tries, want none", key, row.Tries)
				}
			}
			if took := w.clock.Now().Sub(began); took < length || took > length+time.Hour {
				t.Errorf("it took %v, want the %v of the outage and little more", took, length)
			}
			if !w.saw(watch.Down) || !w.saw(watch.Up) {
				t.Error("nobody was shown that the side did not answer, and that it does again")
			}
		})
	}
	for _, side := range []string{"source", "target"} {
		for _, kind := range pathKinds {
			for ill := range ills {
				if kind == task.Copy && side == "source" || kind == task.List && side == "target" || ill == "refused" {
					try(side, ill, kind, 20*time.Minute)
				}
			}
		}
		try(side, "timeout", task.Copy, 10*time.Hour)
		try(side, "403", task.Verify, 10*time.Hour)
	}
	for _, kind := range []task.Kind{task.Copy, task.Part} {
		try("download host", "refused", kind, 20*time.Minute)
	}
}

// runOn runs the job once more, by the pipeline that there is.
func (w *world) runOn(t *testing.T) report.Report {
	t.Helper()
	w.drive(t.Context(), 0, w.startAs(laterRun)...)
	rep, err := report.Read(t.Context(), w.config.Ledger.Run(laterRun))
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func (w *world) saw(kind watch.Kind) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Kind == kind {
			return true
		}
	}
	return false
}

func TestAnOutageOverItsLimitEndsTheRunAndSaysSo(t *testing.T) {
	for _, side := range []string{"source", "target"} {
		for _, kind := range []task.Kind{task.List, task.Copy, task.Finish, task.Verify, task.Delete} {
			for _, ill := range []string{"refused", "403", "503"} {
				if side == "target" && ill != "403" && kind != task.Delete || side == "source" && ill == "403" {
					continue // to abort the upload of the big object takes seconds
				}
				if ill == "503" && kind != task.List && kind != task.Finish {
					continue // waits within a delivery are by the real clock
				}
				t.Run(fmt.Sprint(side, ", ", ill, ", ", kind), func(t *testing.T) {
					w := shipped(t, func(j *job.Job) { j.Limits.Outage = job.Span(3 * time.Hour) })
					w.sicken(side, ills[ill], kind, 365*24*time.Hour)
					began := w.clock.Now()
					rep := w.runOn(t)
					if took := w.clock.Now().Sub(began); took < 3*time.Hour || took > 24*time.Hour {
						t.Errorf("it took %v, want some times the limit of 3h", took)
					}
					var said []string
					for _, u := range rep.Unknown {
						said = append(said, u.Reason)
					}
					for _, f := range rep.Failures {
						said = append(said, f.Reason)
					}
					for _, row := range w.rowsOf(laterRun) {
						said = append(said, row.Reason)
					}
					want := "the " + side + " has not answered since 2026-01-02 01:0"
					if rep.Result != report.Incomplete || !strings.Contains(strings.Join(said, "\n"), want) {
						t.Errorf("%s: %q, want incomplete: %s", rep.Result, said, want)
					}
				})
			}
		}
	}
}

func TestAnEventWaitsForASideThatDoesNotAnswer(t *testing.T) {
	for _, side := range []string{"source", "target", "download host"} {
		for _, ill := range []string{"refused", "503", "403"} {
			if side == "download host" && ill == "403" {
				continue // an answer: it is the objects' own trouble
			}
			for _, kind := range []task.Kind{task.Event, task.Remove} {
				t.Run(fmt.Sprint(side, ", ", ill, ", ", kind), func(t *testing.T) {
					w := followed(t, 5)
					attempts := w.sicken(side, ills[ill], kind, 5*time.Hour)
					put(t, w.src, "k/00001", []byte("new"))
					remove(t, w, "k/00002")
					w.drive(t.Context(), 0, w.notified("k/00001", "k/00002")...)
					rep := w.closeDay()
					if rep.Result != report.Verified || rep.Objects.Copied != 1 || rep.Objects.Deleted != 1 || *attempts > 0 {
						t.Errorf("%s: %+v after %d tries, %v, want one copied and one deleted after none", rep.Result, rep.Objects, *attempts, rep.Failures)
					}
				})
			}
		}
	}
}

// rowsOf reads every row of a run as it ended, by key.
func (w *world) rowsOf(name string) map[string]ledger.Row {
	w.t.Helper()
	run := w.config.Ledger.Run(name)
	walk, err := progress.Walk(w.t.Context(), run)
	if err != nil {
		w.t.Fatal(err)
	}
	rows := map[string]ledger.Row{}
	for _, s := range walk.Shards {
		c, err := run.Shards().ReadListed(w.t.Context(), s.Ref.Shard)
		if err != nil {
			continue
		}
		w.settle(run, append(c.Batches, c.Deletes...), rows)
	}
	return rows
}

// illLedger is a ledger's bucket that may be ill.
type illLedger struct {
	*mem.Bucket
	*illness
}

func (l illLedger) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if err := l.fault(); err != nil {
		return store.Stored{}, err
	}
	return l.Bucket.Put(ctx, o, body, how)
}

func (l illLedger) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if err := l.fault(); err != nil {
		return store.Object{}, nil, err
	}
	return l.Bucket.Open(ctx, o, off, n)
}

func (l illLedger) Stat(ctx context.Context, key string) (store.Object, error) {
	if err := l.fault(); err != nil {
		return store.Object{}, err
	}
	return l.Bucket.Stat(ctx, key)
}

func (l illLedger) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return l.list(func() iter.Seq2[store.Object, error] { return l.Bucket.List(ctx, r) })
}

func (l illLedger) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	if err := l.fault(); err != nil {
		return func(yield func(string, error) bool) { yield("", err) }
	}
	return l.Bucket.Entries(ctx, prefix, after)
}

func TestALedgerThatDoesNotAnswerSpendsNoTriesAndBuriesNothing(t *testing.T) {
	for _, kind := range []task.Kind{task.List, task.Copy, task.Verify, task.Report} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t, small)
			w.fill(60, 1)
			ill := &illness{err: ills["403"], now: w.clock.Now, length: 20 * time.Minute}
			w.config.Ledger = ledger.Open(illLedger{w.led, ill}, w.job.Ledger.Prefix)
			w.pipe = pipeline.New(w.config)
			attempts := 0
			w.before = func(tk task.Task) {
				attempts = max(attempts, tk.Attempt)
				if tk.Kind == kind {
					ill.begin()
				}
			}
			wantTotals(t, w.run(), report.Totals{Listed: 60, Copied: 60, Verified: 60})
			if attempts > 0 || !w.saw(watch.Down) {
				t.Errorf("%d tries were spent, want none, and that somebody is shown that the ledger does not answer", attempts)
			}
		})
	}
}
