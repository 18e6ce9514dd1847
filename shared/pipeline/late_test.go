package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// late is a target whose first writing of an object is under way while the process that
// asked for it dies. It comes to pass when land is called, as a request does that a network
// held up.
type late struct {
	w  *world
	mu sync.Mutex

	kill  func()       // of the process; nil: it does not die, and is not answered
	armed bool         // the next writing is held up
	held  func() error // the writing that is under way
	since time.Time    // when it was held up
	deaf  atomic.Bool  // the target does not describe the object
	id    string       // of the upload that it completes
	gone  bool         // the next completion is told that its upload is gone
}

var errHeldUp = fault.New(fault.Temporary, "late", rewritten, errors.New("it was not answered"))

// hold reports whether a writing is held up, and has it happen when land is called.
func (l *late) hold(happen func() error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.armed {
		return false
	}
	l.armed, l.held, l.since = false, happen, l.w.clock.Now()
	if l.kill != nil {
		l.kill()
	}
	return true
}

// land has the writing come to pass, a while after the other.
func (l *late) land() {
	l.w.t.Helper()
	l.w.clock.Advance(time.Minute)
	if l.held == nil {
		l.w.t.Fatal("no writing was held up: the test proves too little")
	}
	if err := l.held(); err != nil {
		l.w.t.Fatal(err)
	}
}

// twin has the process die that does the first task that writes, and its writing held up;
// the task is then delivered once more.
func (l *late) twin() {
	w := l.w
	w.target = func(d pipeline.Target) pipeline.Target {
		return lateTarget{undescribed{d, rewritten, fault.Denied, &l.deaf}, l}
	}
	first := true
	w.before = func(at task.Task) {
		if !first || at.Kind != task.Copy && at.Kind != task.Finish {
			return
		}
		ctx, kill := context.WithCancel(w.t.Context())
		defer kill()
		l.armed, l.kill = true, kill
		if _, err := w.pipe.Do(ctx, at); l.held == nil {
			l.armed = false // it is the task of another object
		} else if err == nil {
			w.t.Fatal("the process did not die as it wrote")
		}
		first, l.gone = l.held == nil, l.id != ""
		w.clock.Advance(time.Minute)
	}
	w.fresh()
}

type lateTarget struct {
	pipeline.Target
	late *late
}

func (t lateTarget) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	data, err := io.ReadAll(io.LimitReader(body, o.Size))
	if err != nil {
		return store.Stored{}, err
	}
	put := func(ctx context.Context) (store.Stored, error) {
		return t.Target.Put(ctx, o, bytes.NewReader(data), how)
	}
	if o.Key == rewritten && t.late.hold(func() error { _, err := put(context.Background()); return err }) {
		return store.Stored{}, errHeldUp
	}
	return put(ctx)
}

func (t lateTarget) SetAttributes(ctx context.Context, o store.Object) (store.Stored, error) {
	if t.late.hold(func() error { _, err := t.Target.SetAttributes(context.Background(), o); return err }) {
		return store.Stored{}, errHeldUp
	}
	return t.Target.SetAttributes(ctx, o)
}

func (t lateTarget) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	if t.late.hold(func() error {
		_, err := t.Target.Finish(context.Background(), key, upload, parts, how)
		return err
	}) {
		t.late.id = upload
		return store.Stored{}, errHeldUp
	}
	if t.late.gone {
		t.late.gone = false
		return store.Stored{}, fault.New(fault.Invalid, "late", key, errors.New("the upload is being completed"))
	}
	return t.Target.Finish(ctx, key, upload, parts, how)
}

func (t lateTarget) Abort(ctx context.Context, key, upload string) error {
	if upload == t.late.id {
		return nil
	}
	return t.Target.Abort(ctx, key, upload)
}

// another has the source write another version.
func (w *world) another(size int, of string) {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	put(w.t, w.src, rewritten, bytes.Repeat([]byte(of), size))
	w.src.Alter(rewritten, func(o *store.Object) { o.Type = "text/plain" })
}

// restyled has the source give the object another type.
func (w *world) restyled(kind string) {
	w.clock.Advance(time.Minute)
	now := w.clock.Now()
	w.src.Alter(rewritten, func(o *store.Object) { o.Type, o.Modified = kind, now })
}

// writings are what has the job write over its copy.
var writings = map[string]func(w *world, size int){
	"another version": func(w *world, size int) { w.another(size, "b") },
	"its attributes":  func(w *world, _ int) { w.restyled("text/b") },
}

// lateCase is what is written over a copy, of which kind of source and size, and when the
// writing that was begun first comes to pass.
type lateCase struct {
	what, kind string
	early      bool // before the run verifies it, else when the run is over
	size       int
}

// latesOfEach has each pair of what is written, when and the kind of source, and latesOfKodo
// what else a Kodo bucket may meet, in parts, too: parts are joined in one way.
var (
	latesOfEach = []lateCase{
		{"another version", "kodo", false, 9}, {"its attributes", "kodo", true, 9},
		{"another version", "s3", true, 9}, {"its attributes", "s3", false, 9},
		{"another version", "bare", false, 9}, {"its attributes", "bare", true, 9},
	}
	latesOfKodo = []lateCase{
		{"another version", "kodo", true, 9}, {"its attributes", "kodo", false, 9},
		{"another version", "kodo", true, 4<<20 + 1}, {"another version", "kodo", false, 4<<20 + 1}, {"its attributes", "kodo", true, 4<<20 + 1},
	}
)

// lateEach has a second run write over the copy of the first, twice, and the writing that
// was begun first come to pass last.
func lateEach(t *testing.T, name string, lates []lateCase, do func(t *testing.T, w *world, size int)) {
	t.Helper()
	for _, l := range lates {
		when := "when the run is over"
		if l.early {
			when = "before it is verified"
		}
		t.Run(fmt.Sprintf("%s, %s, %s, %s, %d bytes", name, l.what, when, l.kind, l.size), func(t *testing.T) {
			w := copiedWorld(t, l.kind, l.size, mirrored, following)
			w.lateTwin(writings[l.what], l.early, l.size)
			do(t, w, l.size)
		})
	}
}

// lateTwin has a run write over the copy of the one before, twice, what write has changed.
func (w *world) lateTwin(write func(w *world, size int), early bool, size int) {
	t, l, landed := w.t, &late{w: w}, false
	t.Helper()
	put(t, w.src, "other", []byte("stays"))
	write(w, size)
	l.twin()
	twin := w.before
	w.before = func(at task.Task) {
		twin(at)
		if o, err := w.dst.Stat(t.Context(), rewritten); early && !landed && err == nil && l.held != nil && at.Kind == task.Verify && o.Modified.After(l.since) {
			landed = true
			l.land()
		}
	}
	if _, rep := w.again(); rep.Result != report.Verified {
		t.Fatalf("%s, %+v, %+v", rep.Result, rep.Objects, rep.Failures)
	}
	if o, err := w.dst.Stat(t.Context(), rewritten); err != nil || !o.Modified.After(l.since) {
		t.Fatalf("%+v, %v, want it written by the other delivery", o, err)
	}
	if !early {
		l.land()
	} else if !landed {
		t.Fatal("nothing was verified behind the other delivery")
	}
	w.before, w.target = nil, nil
	w.fresh()
}

// TestWhatARunWroteTwiceIsItsOwn has a later run, an event or a mirror come upon the writing
// that came to pass last.
func TestWhatARunWroteTwiceIsItsOwn(t *testing.T) {
	style := func(t *testing.T, w *world) string {
		o, err := w.dst.Stat(t.Context(), rewritten)
		if err != nil {
			t.Fatal(err)
		}
		return o.Type
	}
	for name, do := range map[string]func(t *testing.T, w *world, size int){
		"a delta": func(t *testing.T, w *world, size int) {
			if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Unchanged != 2 {
				t.Errorf("%s, %+v, want it unchanged", rep.Result, rep.Objects)
			}
			w.another(size, "c")
			if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Copied != 1 {
				t.Errorf("%s, %+v, want the next version copied", rep.Result, rep.Objects)
			}
			w.same()
		},
		"another version": func(t *testing.T, w *world, size int) {
			w.another(size, "c")
			if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Copied != 1 {
				t.Errorf("%s, %+v, want the next version copied", rep.Result, rep.Objects)
			}
			w.same()
		},
		"a list of keys": func(t *testing.T, w *world, size int) {
			w.another(size, "c")
			w.job.Delete = false // a list does not tell what the source has lost
			if _, rep := w.again(rewritten); rep.Result != report.Verified || rep.Objects.Copied != 1 {
				t.Errorf("%s, %+v, want the next version copied", rep.Result, rep.Objects)
			}
			w.same()
		},
		"other attributes": func(t *testing.T, w *world, _ int) {
			w.restyled("text/c")
			if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Copied+rep.Objects.Updated != 1 || style(t, w) != "text/c" {
				t.Errorf("%s, %+v, the type is %s, want it set", rep.Result, rep.Objects, style(t, w))
			}
		},
		"a mirror": func(t *testing.T, w *world, _ int) {
			remove(t, w, rewritten)
			if _, rep := w.again(); rep.Mirror == nil || rep.Mirror.Deleted.Objects != 1 {
				t.Errorf("%+v, want it deleted", rep.Mirror)
			}
		},
		"an event of another version": func(t *testing.T, w *world, size int) {
			w.keep()
			w.another(size, "c")
			w.drive(t.Context(), 0, w.notified(rewritten)...)
			w.same()
		},
		"an event of other attributes": func(t *testing.T, w *world, _ int) {
			w.keep()
			w.restyled("text/c")
			w.drive(t.Context(), 0, w.notified(rewritten)...)
			if style(t, w) != "text/c" {
				t.Errorf("the type is %s, want it set", style(t, w))
			}
		},
		"an event of its deletion": func(t *testing.T, w *world, _ int) {
			w.keep()
			remove(t, w, rewritten)
			w.drive(t.Context(), 0, w.notified(rewritten)...)
			if _, err := w.dst.Stat(t.Context(), rewritten); fault.KindOf(err) != fault.NotFound {
				t.Errorf("the target has the copy: %v", err)
			}
		},
	} {
		lateEach(t, name, latesOfEach, do)
		if name == "another version" {
			lateEach(t, name, latesOfKodo, do)
		}
	}
}

// TestWhatIsCopiedOntoItselfIsAnothersThoughItWasWrittenTwice has an application copy onto
// itself, with other attributes, what came to pass last, once a run has seen that: before
// the next version is copied, or before it is removed.
func TestWhatIsCopiedOntoItselfIsAnothersThoughItWasWrittenTwice(t *testing.T) {
	for name, change := range map[string]func(w *world, size int){
		"another version": func(w *world, size int) { w.another(size, "c") },
		"a mirror":        func(w *world, _ int) { remove(w.t, w, rewritten) },
	} {
		lateEach(t, name, latesOfEach, func(t *testing.T, w *world, size int) {
			w.again()
			w.clock.Advance(time.Minute)
			o, err := w.dst.Stat(t.Context(), rewritten)
			if err != nil {
				t.Fatal(err)
			}
			if o.Type = "the application's"; o.Origin.Mark == "" {
				t.Fatal("the copy has no mark: the test proves too little")
			}
			if _, err := w.dst.SetAttributes(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			change(w, size)
			_, rep := w.again()
			if now, err := w.dst.Stat(t.Context(), rewritten); err != nil || now.Type != o.Type || now.Hash != o.Hash {
				t.Errorf("the target has %+v, %v, after %s, %+v, want what the application left", now, err, rep.Result, rep.Objects)
			}
		})
	}
}

// TestWhoWroteIsAskedOnceMoreWhereTheTargetDoesNotTell has the target refuse to describe what
// came to pass last, as the run verifies it or the next one lists it.
func TestWhoWroteIsAskedOnceMoreWhereTheTargetDoesNotTell(t *testing.T) {
	for _, when := range []task.Kind{task.Verify, task.List} {
		t.Run(string(when), func(t *testing.T) {
			w := newWorld(t, small)
			put(t, w.src, rewritten, []byte("a"))
			w.run()
			l := &late{w: w}
			w.another(9, "b")
			l.twin()
			twin, landed := w.before, false
			w.before = func(at task.Task) {
				twin(at)
				if at.Kind == when && l.held != nil && !landed && (when == task.List || w.stands('b')) {
					landed = true
					l.land()
					l.deaf.Store(true)
				}
			}
			_, rep := w.again()
			if when == task.List {
				_, rep = w.again()
			}
			if l.deaf.Swap(false); !landed || rep.Result != report.Verified {
				t.Fatalf("%s, %+v, %+v, after it was written twice: %v", rep.Result, rep.Objects, rep.Failures, landed)
			}
			w.another(9, "c")
			if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Copied != 1 {
				t.Errorf("%s, %+v, want the next version copied", rep.Result, rep.Objects)
			}
		})
	}
}

// stands reports whether the target has content that begins so.
func (w *world) stands(with byte) bool { return read(w.t, w.dst, rewritten)[0] == with }
