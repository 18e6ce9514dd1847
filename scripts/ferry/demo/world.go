package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// world is the stand-ins, the bucket in them, and what happens to it.
type world struct {
	options Options
	tell    *show.Teller
	caught  *show.Caught
	clouds  *standins.World
	objects []*object
	byKey   map[string]*object
	cast    []*object
	bytes   int64
	faulty  map[string]int // faults that wait for an object at the source

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

// kill is the end of one worker.
type kill struct {
	first, last string // its batch
	stored      int    // objects of it that were stored
	after       int    // so many of them end it
	end         func()
	keys        map[string]bool
}

// newWorld starts the stand-ins and fills the source.
func newWorld(o Options, tell *show.Teller) (*world, error) {
	w := &world{
		options: o, tell: tell, caught: show.NewCaught(tell), byKey: map[string]*object{},
		faulty: map[string]int{}, gets: map[string]int{}, puts: map[string]int{}, done: map[*object]bool{},
	}
	var err error
	if w.clouds, err = standins.Start(o.StandIns, standins.Clocks{}); err != nil {
		return nil, err
	}
	if err := w.fill(); err != nil {
		w.clouds.Close()
		return nil, err
	}
	w.clouds.Kodo.OnRequest(w.atSource)
	w.clouds.OSS.OnRequest(w.atTarget)
	w.clouds.OSS.OnStored(w.stored)
	return w, nil
}

// fill creates the buckets, and the objects of the source.
func (w *world) fill() error {
	if err := errors.Join(w.clouds.Kodo.CreateBucket(standins.Source), w.clouds.OSS.CreateBucket(standins.Target), w.clouds.MakeQueues(visibility)); err != nil {
		return err
	}
	for it := range life.Bucket(w.options.Objects, w.options.StandIns.Seed) {
		o := &object{Item: it}
		o.want, o.story = outcome.Expect(it)
		w.objects = append(w.objects, o)
		w.byKey[o.Key] = o
		w.bytes += o.Size
	}
	var err error
	if w.cast, err = casting(w.objects); err != nil {
		return err
	}
	for _, o := range w.objects {
		body := make([]byte, o.Size)
		if _, err := io.ReadFull(o.Content(), body); err != nil {
			return fmt.Errorf("demo: content of %q: %w", o.Key, err)
		}
		o.sum = digest.CRC64(0, body)
		if _, err := w.clouds.Kodo.Put(standins.Source, o.at(body)); err != nil {
			return err
		}
	}
	return nil
}

// at is the object as Kodo holds it, with that content.
func (o *object) at(body []byte) kodo.Object {
	k := standins.AtKodo(o.Item, body)
	k.Hash = o.listed
	return k
}

// calm ends the faults, before what is there is checked.
func (w *world) calm() {
	w.clouds.Kodo.Desk().Inject()
	w.clouds.OSS.Desk().Inject()
	w.clouds.OSS.OnStored(nil)
}

// atSource counts a request to the source, and does what is to happen at it.
func (w *world) atSource(e kodo.Event) {
	if e.Op != "get" || e.Done {
		return
	}
	w.mu.Lock()
	w.gets[e.Key]++
	w.mu.Unlock()
	switch o := w.byKey[e.Key]; o {
	case w.cast[removed]:
		w.once(o, func() {
			w.clouds.Kodo.Remove(standins.Source, o.Key)
			w.happened("the owner deletes %s at the source, just before it is read", words.Key(o.Key))
		})
	case w.cast[claimed]:
		w.once(o, func() {
			if err := w.clouds.OSS.Put(standins.Target, oss.Object{Key: o.Key, Body: o.ours}); err == nil {
				w.happened("the application writes its own %s in the target, while Ferry reads the old one", words.Key(o.Key))
			}
		})
	}
}

// atTarget counts a request to the target, before it is verified.
func (w *world) atTarget(r oss.Request) {
	if r.Op != "put" || w.byKey[r.Key] == nil {
		return
	}
	w.mu.Lock()
	w.puts[r.Key]++
	w.mu.Unlock()
}

// kills reports whether a worker is to die. The messages of one that pulls come again
// only after minutes.
func (w *world) kills() bool { return !w.options.StandIns.Pull }

// stored counts an object that has become visible in the target, and notes its key if a
// byte of it is wrong.
func (w *world) stored(bucket string, found oss.Object) {
	key, body := found.Key, found.Body
	o := w.byKey[key]
	if o == nil || bucket != standins.Target {
		return
	}
	right := slices.Contains(o.sums(), digest.CRC64(0, body))
	w.mu.Lock()
	w.stores++
	if !right {
		w.wrong = append(w.wrong, key)
	}
	if w.clouds.Cloud != nil && w.kills() && w.stores > len(w.objects)/3 {
		w.killInstance()
	}
	if k := w.kill; k != nil && k.first <= key && key <= k.last && !k.keys[key] {
		k.keys[key] = true
		if k.stored++; k.stored == k.after {
			w.kill = nil
			k.end()
		}
	}
	w.mu.Unlock()
	if o == w.cast[overwritten] {
		w.once(o, func() {
			newer := *o
			newer.Parts, newer.NoHash = nil, false
			at := newer.at(o.newer)
			at.PutTime = o.Modified.AddDate(5, 0, 0)
			if _, err := w.clouds.Kodo.Put(standins.Source, at); err == nil {
				w.happened("the owner overwrites %s at the source, just after it was copied", words.Key(o.Key))
			}
		})
	}
}

// once calls f the first time that it is called for o.
func (w *world) once(o *object, f func()) {
	w.mu.Lock()
	again := w.done[o]
	w.done[o] = true
	w.mu.Unlock()
	if !again {
		f()
	}
}

// dying wraps the pipeline: the worker of the first big copy task dies in mid-batch, and its
// message is delivered again.
func (w *world) dying(d worker.Doer) worker.Doer { return &mortal{Doer: d, world: w} }

type mortal struct {
	worker.Doer
	world *world
}

var errKilled = errors.New("the worker was killed")

// Do does t. Once it is cancelled in mid-batch and done again at once, as the message's next
// delivery.
func (m *mortal) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	w := m.world
	if t.Kind != task.Copy || t.Count < 30 || !w.killed.CompareAndSwap(false, true) {
		return m.Doer.Do(ctx, t)
	}
	mortal, end := context.WithCancelCause(ctx)
	defer end(nil)
	k := &kill{first: t.First, last: t.Last, after: t.Count / 3, end: func() { end(errKilled) }, keys: map[string]bool{}}
	w.mu.Lock()
	w.kill = k
	w.mu.Unlock()
	next, err := m.Doer.Do(mortal, t)
	if context.Cause(mortal) != errKilled {
		return next, err // it ended before it could be killed
	}
	w.mu.Lock()
	w.died = *k
	w.mu.Unlock()
	w.happened("a worker dies with %d of its %d objects stored; its message is delivered again", k.stored, t.Count)
	t.Deliveries++
	return m.Doer.Do(ctx, t)
}

// watch shows an event of the pipeline.
func (w *world) watch(e pipeline.Progress) {
	w.tell.Watch(e)
	if e.Kind != pipeline.Caught {
		return
	}
	w.met(e.Key, e.Err)
}

// met shows a fault that was caught.
func (w *world) met(key string, err error) {
	kind := show.KindOf(err)
	if kind == show.FlippedByte && key == w.cast[mislabelled].Key {
		kind = show.WrongHash
	}
	if kind != "" {
		w.caught.Add(kind, key)
	}
}

// happened prints what the demo itself did.
func (w *world) happened(format string, args ...any) {
	w.tell.Line("! " + fmt.Sprintf(format, args...))
}
