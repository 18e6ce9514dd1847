package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// TestRunsAreForgotten does the first task of many runs, while a task of one of
// them goes on all the time, and looks how many buckets stay open.
func TestRunsAreForgotten(t *testing.T) {
	const runs, bound = 200, 65
	w := newWorld(t)
	w.fill(3, 1)
	open, most, opened := map[store.Source]string{}, 0, map[string]int{}
	var mu sync.Mutex
	hold := make(chan struct{})
	held := make(chan struct{})
	inner := w.config.Open
	w.config.Open = func(ctx context.Context, j job.Job) (store.Source, pipeline.Target, error) {
		src, dst, err := inner(ctx, j)
		s := &holding{Source: src}
		mu.Lock()
		defer mu.Unlock()
		open[s] = j.Name
		if opened[j.Name]++; j.Name == "long" && opened[j.Name] == 2 { // Start has opened it before
			s.hold, s.held = hold, held
		}
		most = max(most, len(open))
		return s, dst, err
	}
	w.config.Closed = func(s store.Source, _ pipeline.Target) {
		mu.Lock()
		defer mu.Unlock()
		if _, ok := open[s]; !ok {
			t.Error("a bucket is closed that is not open")
		}
		delete(open, s)
	}
	w.pipe = pipeline.New(w.config)
	first := func(name string) task.Task {
		t.Helper()
		j := w.job
		j.Name, j.Target.Prefix = name, name+"/"
		tasks, err := w.pipe.Start(t.Context(), j, name+"/20260101T000000Z")
		if err != nil {
			t.Fatal(err)
		}
		return tasks[0]
	}
	long := first("long")
	done := make(chan error)
	go func() { _, err := w.pipe.Do(t.Context(), long); done <- err }()
	<-held
	var early task.Task
	for i := range runs {
		one := first(fmt.Sprint("j", i))
		if i == 0 {
			early = one
		}
		next, err := w.pipe.Do(t.Context(), one)
		if err != nil || len(next) == 0 {
			t.Fatalf("%s: %+v, %v", one.Run, next, err)
		}
	}
	if most > bound+1 || len(open) > bound {
		t.Errorf("%d buckets were open at a time, %d are at the end, want at most %d", most, len(open), bound)
	}
	close(hold)
	if err := <-done; err != nil || opened["long"] != 2 {
		t.Errorf("the task that went on: %v, its buckets were opened %d times, want twice, by its start and once more", err, opened["long"])
	}
	if next, err := w.pipe.Do(t.Context(), early); err != nil || len(next) == 0 || opened["j0"] != 3 {
		t.Errorf("a run that comes again: %+v, %v, opened %d times, want it done again and opened once more than two times", next, err, opened["j0"])
	}
}

// holding is a source whose listing waits.
type holding struct {
	store.Source
	hold, held chan struct{}
	once       sync.Once
}

func (h *holding) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	if h.hold != nil {
		h.once.Do(func() { close(h.held) })
		<-h.hold
	}
	return h.Source.List(ctx, r)
}

// TestEachRunHasItsPlacesWhateverRunCameFirst copies by two runs at a time in one
// process, and counts how many objects of each, and of both, are in flight.
func TestEachRunHasItsPlacesWhateverRunCameFirst(t *testing.T) {
	for name, tc := range map[string]struct {
		parallel [2]int // of the runs, in the order in which they come
		slots    int    // of the process
		total    int    // in flight at a time, at most and at some time
	}{
		"a narrow one first":         {[2]int{2, 12}, 0, 12},
		"a wide one first":           {[2]int{12, 2}, 0, 12},
		"equal ones share the total": {[2]int{6, 6}, 0, 6},
		"the process has fewer":      {[2]int{12, 2}, 5, 5},
		"the process has more":       {[2]int{3, 4}, 64, 7},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fill(60, 1)
				in := &inFlight{now: map[string]int{}, most: map[string]int{}}
				inner := w.config.Open
				w.config.Slots = tc.slots
				w.config.Open = func(ctx context.Context, j job.Job) (store.Source, pipeline.Target, error) {
					src, dst, err := inner(ctx, j)
					return aSecondEach{src, in, j.Name}, dst, err
				}
				w.pipe = pipeline.New(w.config)
				var all sync.WaitGroup
				for i, parallel := range tc.parallel {
					j := w.job
					j.Name, j.Target.Prefix, j.Limits.Parallel = fmt.Sprint("j", i), fmt.Sprint(i, "/"), parallel
					tasks, err := w.pipe.Start(t.Context(), j, j.Name+"/20260101T000000Z")
					if err != nil {
						t.Fatal(err)
					}
					next, err := w.pipe.Do(t.Context(), tasks[0])
					if err != nil || next[0].Kind != task.Copy {
						t.Fatalf("%+v, %v, want a Copy", next, err)
					}
					all.Go(func() {
						if _, err := w.pipe.Do(t.Context(), next[0]); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				for i, parallel := range tc.parallel {
					if got := in.most[fmt.Sprint("j", i)]; got > parallel || got > tc.total || got < 1 {
						t.Errorf("run %d had %d objects in flight, want at most its own %d", i, got, parallel)
					}
				}
				if got := in.most[""]; got != tc.total {
					t.Errorf("%d objects were in flight at a time in the process, want %d", got, tc.total)
				}
			})
		})
	}
}

// inFlight counts bodies that are open, by the name of their job, and all ("").
type inFlight struct {
	mu        sync.Mutex
	now, most map[string]int
}

func (f *inFlight) add(job string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, of := range []string{job, ""} {
		f.now[of] += n
		f.most[of] = max(f.most[of], f.now[of])
	}
}

// aSecondEach is a source that takes a second for each body.
type aSecondEach struct {
	store.Source
	in  *inFlight
	job string
}

func (s aSecondEach) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	s.in.add(s.job, 1)
	defer s.in.add(s.job, -1)
	time.Sleep(time.Second)
	return s.Source.Open(ctx, o, off, n)
}
