package demo

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// sightings are what the stand-ins saw of the run, and what is done when they see it:
// objects change on both sides, and a worker dies.
type sightings struct {
	w      *world
	faulty map[string]int // faults that wait for an object at the source

	mu     sync.Mutex
	gets   map[string]int   // GETs the source has answered, by key
	puts   map[string]int   // PUTs of objects the target has seen, by key
	stores int              // objects that became visible in the target
	wrong  []string         // keys under which a wrong byte was ever visible
	kill   *kill            // the worker that is to die; nil before and after
	died   kill             // the one that did
	done   map[*object]bool // what was done to a cast object
	killed atomic.Bool
}

func newSightings(w *world) sightings {
	return sightings{w: w, faulty: map[string]int{}, gets: map[string]int{}, puts: map[string]int{}, done: map[*object]bool{}}
}

// kill is the end of one worker.
type kill struct {
	first, last string // its batch
	stored      int    // objects of it that were stored
	after       int    // so many of them end it
	end         func()
	keys        map[string]bool
}

// atSource counts a request to the source, and does what is to happen at it.
func (seen *sightings) atSource(e kodo.Event) {
	if e.Op != "get" || e.Done {
		return
	}
	seen.mu.Lock()
	seen.gets[e.Key]++
	seen.mu.Unlock()
	switch o := seen.w.byKey[e.Key]; o {
	case seen.w.cast[removed]:
		seen.once(o, func() {
			seen.w.clouds.Kodo.Remove(standins.Source, o.Key)
			seen.happened("demo.deletes", strconv.Quote(o.Key))
		})
	case seen.w.cast[claimed]:
		seen.once(o, func() {
			if err := seen.w.clouds.OSS.Put(standins.Target, oss.Object{Key: o.Key, Body: o.ours}); err == nil {
				seen.happened("demo.writes", strconv.Quote(o.Key))
			}
		})
	}
}

// atTarget counts a request to the target, before it is verified.
func (seen *sightings) atTarget(r oss.Request) {
	if r.Op != "put" || seen.w.byKey[r.Key] == nil {
		return
	}
	seen.mu.Lock()
	seen.puts[r.Key]++
	seen.mu.Unlock()
}

// kills reports whether a worker is to die. The messages of one that pulls come again
// only after minutes.
func (seen *sightings) kills() bool { return !seen.w.options.StandIns.Pull }

// stored counts an object that has become visible in the target, and notes its key if a
// byte of it is wrong.
func (seen *sightings) stored(bucket string, found oss.Object) {
	key, body := found.Key, found.Body
	o := seen.w.byKey[key]
	if o == nil || bucket != standins.Target {
		return
	}
	right := slices.Contains(o.sums(), digest.CRC64(0, body))
	seen.mu.Lock()
	seen.stores++
	if !right {
		seen.wrong = append(seen.wrong, key)
	}
	if seen.w.clouds.Cloud != nil && seen.kills() && seen.stores > len(seen.w.objects)/3 {
		seen.w.functions.killInstance()
	}
	if k := seen.kill; k != nil && k.first <= key && key <= k.last && !k.keys[key] {
		k.keys[key] = true
		if k.stored++; k.stored == k.after {
			seen.kill = nil
			k.end()
		}
	}
	seen.mu.Unlock()
	if o == seen.w.cast[overwritten] {
		seen.once(o, func() {
			newer := *o
			newer.Parts, newer.NoHash = nil, false
			at := newer.at(o.newer)
			at.PutTime = o.Modified.AddDate(5, 0, 0)
			if _, err := seen.w.clouds.Kodo.Put(standins.Source, at); err == nil {
				seen.happened("demo.overwrites", strconv.Quote(o.Key))
			}
		})
	}
}

// once calls f the first time that it is called for o.
func (seen *sightings) once(o *object, f func()) {
	seen.mu.Lock()
	again := seen.done[o]
	seen.done[o] = true
	seen.mu.Unlock()
	if !again {
		f()
	}
}

// dying wraps the pipeline: the worker of the first big copy task dies in mid-batch, and its
// message is delivered again.
func (seen *sightings) dying(d worker.Doer) worker.Doer { return &mortal{Doer: d, world: seen.w} }

type mortal struct {
	worker.Doer
	world *world
}

var errKilled = errors.New("the worker was killed")

// Do does t. Once it is cancelled in mid-batch and done again at once, as the message's next
// delivery.
func (m *mortal) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	w := m.world
	if t.Kind != task.Copy || t.Count < 30 || !w.seen.killed.CompareAndSwap(false, true) {
		return m.Doer.Do(ctx, t)
	}
	mortal, end := context.WithCancelCause(ctx)
	defer end(nil)
	k := &kill{first: t.First, last: t.Last, after: t.Count / 3, end: func() { end(errKilled) }, keys: map[string]bool{}}
	w.seen.mu.Lock()
	w.seen.kill = k
	w.seen.mu.Unlock()
	next, err := m.Doer.Do(mortal, t)
	if context.Cause(mortal) != errKilled {
		return next, err // it ended before it could be killed
	}
	w.seen.mu.Lock()
	w.seen.died = *k
	w.seen.mu.Unlock()
	w.seen.happened("demo.dies", k.stored, t.Count)
	t.Deliveries++
	return m.Doer.Do(ctx, t)
}

// met shows a fault that was caught.
func (seen *sightings) met(key string, err error) {
	kind := show.KindOf(err)
	if kind == show.FlippedByte && key == seen.w.cast[mislabelled].Key {
		kind = show.WrongHash
	}
	if kind != "" {
		seen.w.caught.Add(kind, key)
	}
}

// happened prints what the demo itself did.
func (seen *sightings) happened(name string, args ...any) {
	seen.w.tell.Line("! " + show.Sentence(name, args...))
}
