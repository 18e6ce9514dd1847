package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// again runs the job once more, under a name of its own, an hour later; with keys, only
// these.
func (w *world) again(keys ...string) (name string, rep report.Report) {
	w.t.Helper()
	w.clock.Advance(time.Hour)
	name = "j/" + w.clock.Now().UTC().Format(ledger.RunTime)
	tasks, err := w.pipe.Start(w.t.Context(), w.job, name, keys...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.drive(w.t.Context(), 0, tasks...)
	rep, err = report.Read(w.t.Context(), w.config.Ledger.Run(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return name, rep
}

// lasts are the names of the runs that a run remembers.
func (w *world) lasts(name string) (names []string) {
	w.t.Helper()
	s, err := w.config.Ledger.Run(name).ReadStarted(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, last := range s.Last {
		names = append(names, last.Run)
	}
	return names
}

// remembered are the last rows that a run reads, by key.
func (w *world) remembered(name string) map[string]memory.Row {
	w.t.Helper()
	s, err := w.config.Ledger.Run(name).ReadStarted(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	m := memory.Memory{Ledger: w.config.Ledger, Runs: s.Last, Warn: func(file string, err error) { w.t.Errorf("%s: %v", file, err) }}
	rows := map[string]memory.Row{}
	for row, err := range m.Rows(w.t.Context(), store.Range{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		rows[row.Key] = row
	}
	return rows
}

func TestARunRemembersTheOneBefore(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys = 40 })
	w.fill(100, 1)
	w.run()
	second, _ := w.again()
	if got := w.lasts(second); !slices.Equal(got, []string{runName}) {
		t.Fatalf("the second run remembers %q, want the first", got)
	}
	rows := w.remembered(second)
	if len(rows) != 100 {
		t.Errorf("it remembers %d rows, want 100", len(rows))
	}
	for key, row := range rows {
		now, err := w.dst.Stat(t.Context(), key)
		if err != nil || row.Author != runName || row.Prover != runName || row.Dst.ETag != now.Hash || !row.Dst.Modified.Equal(now.Modified) || row.Src.Hash == "" {
			t.Errorf("%+v, want what the first run copied to %+v (%v)", row, now, err)
		}
	}
	if third, _ := w.again(); !slices.Equal(w.lasts(third), []string{second}) {
		t.Errorf("the third run remembers %q, want the second alone, which has all rows", w.lasts(third))
	}
}

// TestWhatARunDidNotProveItRemembersFromTheOneBefore has a second run of some keys, and a
// third one that finds what it cannot prove.
func TestWhatARunDidNotProveItRemembersFromTheOneBefore(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		put(t, w.src, fmt.Sprintf("k%d", i), []byte("first"))
	}
	w.run()
	w.clock.Advance(time.Hour)
	put(t, w.src, "k3", []byte("second"))
	second, rep := w.again("k3")
	if rep.Objects.Copied != 1 {
		t.Fatalf("%+v, want k3 copied", rep.Objects)
	}
	w.clock.Advance(time.Hour)
	put(t, w.dst, "k5", []byte("the application's"))
	third, rep := w.again()
	if got := w.lasts(third); !slices.Equal(got, []string{second, runName}) {
		t.Errorf("it remembers %q, want the run of one key over the first", got)
	}
	if rows := w.remembered(third); rows["k3"].Author != second || rows["k4"].Author != runName || len(rows) != 10 {
		t.Errorf("it remembers %+v", rows)
	}
	if rep.Objects.Conflict != 1 {
		t.Fatalf("%+v, want k5 a conflict", rep.Objects)
	}
	fourth, _ := w.again()
	if got := w.lasts(fourth); !slices.Equal(got, []string{third}) {
		t.Errorf("the fourth remembers %q, want the third alone", got)
	}
	rows := w.remembered(fourth)
	if k5 := rows["k5"]; len(rows) != 10 || k5.Author != runName || k5.Src.Size != 5 {
		t.Errorf("of k5, a conflict in the third run, it remembers %+v, want what the first proved", k5)
	}
}

func TestARunThatWasCancelledIsRemembered(t *testing.T) {
	w := shared(t, func(j *job.Job) { j.Limits.ShardKeys, j.Limits.Fanout = 20, 1 })
	w.fill(100, 1)
	shards := 0
	w.before = func(at task.Task) {
		if at.Kind == task.List {
			if shards++; shards == 4 {
				w.steer(ledger.Cancelled)
			}
		}
	}
	w.drive(t.Context(), 0, w.start()...)
	w.before = nil
	w.fresh()
	w.clock.Advance(time.Hour)
	if _, err := w.pipe.End(t.Context(), runName); err != nil {
		t.Fatal(err)
	}
	second, _ := w.again()
	rows := w.remembered(second)
	if len(rows) == 0 || len(rows) == 100 {
		t.Errorf("it remembers %d rows of a run that was cancelled, want those of the shards that were verified", len(rows))
	}
	third, _ := w.again()
	if !slices.Equal(w.lasts(third), []string{second}) || len(w.remembered(third)) != 100 {
		t.Errorf("the third remembers %q", w.lasts(third))
	}
}

func TestPackedRowsStayUntilALaterRunHasThemAll(t *testing.T) {
	w := newWorld(t)
	w.fill(20, 1)
	w.run()
	partial, _ := w.again("k/00003")
	packed := func(name string) (n int) {
		for o, err := range w.led.List(t.Context(), store.Range{Prefix: w.config.Ledger.Run(name).Path("objects/")}) {
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(o.Key, ".rows") {
				n++
			}
		}
		return n
	}
	done, err := w.pipe.Clean(t.Context(), runName, false)
	if err != nil || done.Later != "" || done.Believe.Objects != 1 || packed(runName) != 1 {
		t.Errorf("%+v, %v, and %d packed files stay, want the one", done, err, packed(runName))
	}
	whole, _ := w.again()
	for _, name := range []string{runName, partial} {
		done, err = w.pipe.Clean(t.Context(), name, false)
		if err != nil || done.Later != whole || done.Believe.Objects != 0 || packed(name) != 0 {
			t.Errorf("%s: %+v, %v, and %d packed files stay, want none: %s has all rows", name, done, err, packed(name), whole)
		}
	}
	if done, err = w.pipe.Clean(t.Context(), whole, false); err != nil || packed(whole) != 1 {
		t.Errorf("%+v, %v, want the rows of the newest run to stay", done, err)
	}
	next, _ := w.again()
	if rows := w.remembered(next); len(rows) != 20 {
		t.Errorf("the next run remembers %d rows, want 20", len(rows))
	}
}

// A process published another end of the run before it found that the run was over, and a run that
// was begun then remembers that one: what it names stays, too.
func TestWhatAnotherManifestOfARunNamesIsNotCleanedAway(t *testing.T) {
	w := newWorld(t)
	w.fill(5, 1)
	w.run()
	at := w.job.Ledger.Prefix + "runs/" + runName + "/"
	other := []byte(`{"v":2,"files":[{"name":"objects/deleted-other.csv.gz","packed":{"name":"objects/deleted-other.rows"}}]}`)
	put(t, w.led, at+"manifest-"+report.Sum(other)+".json", other)
	for name, stays := range map[string]bool{"deleted-other.csv.gz": true, "deleted-other.rows": true, "deleted-none.csv.gz": false, "deleted-none.rows": false} {
		put(t, w.led, at+"objects/"+name, []byte(name))
		if _, err := w.pipe.Clean(t.Context(), runName, false); err != nil {
			t.Fatal(err)
		}
		if _, err := w.config.Ledger.Run(runName).Read(t.Context(), "objects/"+name); ledger.Missing(err) == stays {
			t.Errorf("%s: %v, want it to stay: %v", name, err, stays)
		}
	}
}

// TestWhoeverStartsARunRemembersTheSame has a run started twice, and one that ends between.
func TestWhoeverStartsARunRemembersTheSame(t *testing.T) {
	w := newWorld(t)
	w.fill(5, 1)
	w.run()
	const name = "j/20260102T000000Z"
	if _, err := w.pipe.Start(t.Context(), w.job, name); err != nil {
		t.Fatal(err)
	}
	w.again()
	w.fresh()
	if _, err := w.pipe.Start(t.Context(), w.job, name); err != nil {
		t.Fatal(err)
	}
	if got := w.lasts(name); !slices.Equal(got, []string{runName}) {
		t.Errorf("it remembers %q, want what was so when it was started first", got)
	}
}
