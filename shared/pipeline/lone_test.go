package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// undescribed is a target that does not describe one of its objects.
type undescribed struct {
	pipeline.Target
	key  string
	kind fault.Kind
	on   *atomic.Bool
}

func (u undescribed) Stat(ctx context.Context, key string) (store.Object, error) {
	if key == u.key && u.on.Load() {
		return store.Object{}, fault.New(u.kind, "undescribed.Stat", key, errors.New("no"))
	}
	return u.Target.Stat(ctx, key)
}

// TestAnObjectThatTheTargetDoesNotDescribeFailsAlone asks the target about keys
// whose listings do not decide, and gets no answer about one.
func TestAnObjectThatTheTargetDoesNotDescribeFailsAlone(t *testing.T) {
	const victim = "k/00007"
	for name, kind := range map[string]fault.Kind{"it is denied": fault.Denied, "its HEAD fails": fault.Temporary, "nobody knows why": fault.Unknown, "HEAD is refused": fault.Invalid} {
		for _, when := range []string{"while it is listed", "while it is verified"} {
			t.Run(name+" "+when, func(t *testing.T) {
				w := newWorld(t, batches(5), func(j *job.Job) { j.Limits.Attempts = 3 })
				w.fill(20, 9)
				var on atomic.Bool
				w.target = func(b pipeline.Target) pipeline.Target { return undescribed{b, victim, kind, &on} }
				w.fresh()
				if when == "while it is listed" {
					on.Store(true)
					for _, key := range w.src.Keys() { // as large as the source's: only a HEAD tells whose
						put(t, w.dst, key, make([]byte, len(read(t, w.src, key))))
						w.dst.Alter(key, func(o *store.Object) { o.Origin = copiedBy(w.job.Name, key) })
					}
				} else {
					w.before = func(at task.Task) {
						if at.Kind == task.Verify && !on.Swap(true) {
							w.dst.Alter(victim, func(o *store.Object) { o.Hash = "another" })
						}
					}
				}
				rep := w.run()
				row := w.rows()[victim]
				if o := rep.Objects; o.Listed != 20 || o.Failed != 1 || o.Verified != 19 || !rep.Balanced || len(rep.Unknown) > 0 || rep.Result != report.Incomplete {
					t.Errorf("%s, %+v, %d stretches not known, want one failed beside 19 verified", rep.Result, o, len(rep.Unknown))
				}
				if len(rep.Failures) != 1 || rep.Failures[0].Key != victim || !strings.Contains(rep.Failures[0].Reason, "no") {
					t.Errorf("failures %+v (the row was %s), want %s and why", rep.Failures, row.State, victim)
				}
			})
		}
	}
}

// TestAnObjectThatWasNotDescribedInTimeIsNotReplaced lists while the target does not
// describe what the application wrote, as large as the source's object or not, in
// smaller and in larger objects.
func TestAnObjectThatWasNotDescribedInTimeIsNotReplaced(t *testing.T) {
	const victim = "k/00007"
	for name, set := range map[string]func(*job.Job){
		"an object":                      func(*job.Job) {},
		"an object that goes in parts":   func(j *job.Job) { j.Name = "parts" },
		"without conditional PUTs":       func(j *job.Job) { j.Unguarded = true },
		"where nothing is ever replaced": func(j *job.Job) { j.Overwrite = job.OverwriteNever },
	} {
		for _, size := range []string{"of another size", "of equal size"} {
			t.Run(name+" "+size, func(t *testing.T) {
				w := newWorld(t, batches(5), set)
				if w.job.Name == "parts" {
					w.job.Limits.PartsAbove = 1 // far less than a user may say
				}
				w.fill(10, 9)
				wrote := []byte("the application's")
				if size == "of equal size" {
					wrote = bytes.Repeat([]byte("A"), len(read(t, w.src, victim)))
				}
				put(t, w.dst, victim, wrote)
				w.dst.Alter(victim, func(o *store.Object) { o.Modified = epoch.Add(time.Hour) })
				var on atomic.Bool
				w.target = func(b pipeline.Target) pipeline.Target { return undescribed{b, victim, fault.Temporary, &on} }
				w.before = func(at task.Task) { on.Store(at.Kind == task.List) }
				w.fresh()
				rep := w.run()
				if got := read(t, w.dst, victim); !bytes.Equal(got, wrote) {
					t.Errorf("the target has %d other bytes in place of the application's", len(got))
				}
				if o := rep.Objects; o.Conflict+o.Skipped != 1 || o.Skipped == 1 && w.job.Overwrite != job.OverwriteNever || o.Verified != 9 {
					t.Errorf("%+v, want one conflict, or one skipped where nothing is replaced, and 9 verified", o)
				}
			})
		}
	}
}

// TestADownloadHostThatDoesNotHaveAnObjectIsAskedThreeTimes has a bucket that lists
// and describes what its download host says is not there.
func TestADownloadHostThatDoesNotHaveAnObjectIsAskedThreeTimes(t *testing.T) {
	const victim = "k/00003"
	w := newWorld(t, batches(5))
	w.fill(10, 2)
	var asked atomic.Int64
	w.source = func(s store.Source) store.Source {
		return &troubled{Source: s, open: func(_ context.Context, o store.Object) (store.Object, io.ReadCloser, error) {
			if o.Key != victim {
				return store.Object{}, nil, nil
			}
			asked.Add(1)
			return store.Object{}, nil, fault.New(fault.NotFound, "kodo.Open", o.Key, errors.New("404"))
		}}
	}
	rep := w.run()
	if o := rep.Objects; o.Failed != 1 || o.Verified != 9 || asked.Load() != 3 {
		t.Errorf("%+v after %d downloads, want one failed after 3, and 9 verified", o, asked.Load())
	}
	if len(rep.Failures) != 1 || !strings.Contains(rep.Failures[0].Reason, "refresh its cache, or leave out domain=") {
		t.Errorf("failures %+v, want the cure", rep.Failures)
	}
}
