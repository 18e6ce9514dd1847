package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/emulator/sqs"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

const (
	demoSource = "photos"
	demoTarget = "photos-new"
	demoLedger = ".ferry/"
	demoQueues = "ferry-"
	// The stand-ins take no other pair; it opens nothing else.
	demoKey, demoSecret = "demo-access-key", "demo-secret-key"
)

// demoWorld is two clouds in this process, and what happens in them.
type demoWorld struct {
	options demoOptions
	tell    *show.Teller
	caught  *show.Caught
	kodo    *kodo.Server
	oss     *oss.Server
	mns     *mns.Server // the queues; nil on Lambda
	sqs     *sqs.Server // the queues on Lambda; nil elsewhere
	clocks  clocks
	cloud   *fc.Cloud // the platform of the functions; nil where this process does the work
	objects []*demoObject
	byKey   map[string]*demoObject
	cast    []*demoObject
	bytes   int64
	faulty  map[string]int // faults that wait for an object at the source

	mu     sync.Mutex
	gets   map[string]int       // GETs the source has answered, by key
	puts   map[string]int       // PUTs of objects the target has seen, by key
	stores int                  // objects that became visible in the target
	wrong  []string             // keys under which a wrong byte was ever visible
	kill   *kill                // the worker that is to die; nil before and after
	died   kill                 // the one that did
	done   map[*demoObject]bool // what was done to a cast object
	killed atomic.Bool
	issued int // temporary keys

	keysLast func() time.Duration        // of the temporary keys that are issued next
	sweep    time.Duration               // how often lost tasks are looked for
	hidden   time.Duration               // a message at work; Lambda waits as long before it delivers again
	lifetime time.Duration               // how old instances get; 0: any age
	heard    func(name string) io.Writer // gets the log of the function of that name
}

// clocks are those of the services. The zero clocks are right.
type clocks struct{ source, target, queues time.Duration } // how far each is ahead

// ahead is a clock that is so far ahead.
func ahead(by time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(by) }
}

// kill is the end of one worker.
type kill struct {
	first, last string // its batch
	stored      int    // objects of it that were stored
	after       int    // so many of them end it
	end         func()
	keys        map[string]bool
}

// startDemo starts the stand-ins.
func startDemo(o demoOptions, tell *show.Teller, c clocks) (*demoWorld, error) {
	w := &demoWorld{
		options: o, tell: tell, caught: show.NewCaught(tell), clocks: c, byKey: map[string]*demoObject{},
		faulty: map[string]int{}, gets: map[string]int{}, puts: map[string]int{}, done: map[*demoObject]bool{},
		keysLast: func() time.Duration { return keysLast }, sweep: sweepAfter, hidden: visibility,
	}
	w.heard = func(string) io.Writer { return &functionLog{world: w} }
	// Both buckets live in this process: let the heap grow by a quarter, not
	// by half a gigabyte, before it is collected.
	debug.SetGCPercent(25)
	var err error
	if w.kodo, err = kodo.Start(kodo.Config{AccessKey: demoKey, SecretKey: demoSecret, Seed: o.seed, Now: ahead(c.source), Skew: maxSkew}); err != nil {
		return nil, err
	}
	if w.oss, err = oss.Start(oss.Config{AccessKeyID: demoKey, AccessKeySecret: demoSecret, Region: "cn-hangzhou", Seed: o.seed + 1, Now: ahead(c.target)}); err != nil {
		return nil, errors.Join(err, w.kodo.Close())
	}
	if err := w.startQueues(); err != nil {
		return nil, errors.Join(err, w.kodo.Close(), w.oss.Close())
	}
	return w, nil
}

// maxSkew is how far apart the clocks of a client and of Kodo, OSS or MNS may be.
const maxSkew = 15 * time.Minute

// newDemoWorld starts the stand-ins and fills the source.
func newDemoWorld(o demoOptions, tell *show.Teller) (*demoWorld, error) {
	w, err := startDemo(o, tell, clocks{})
	if err != nil {
		return nil, err
	}
	if err := w.fill(); err != nil {
		w.close()
		return nil, err
	}
	w.kodo.OnRequest(w.atSource)
	w.oss.OnRequest(w.atTarget)
	w.oss.OnStored(w.stored)
	return w, nil
}

func (w *demoWorld) close() {
	_, _, _ = w.kodo.Close(), w.oss.Close(), w.closeQueues() // nothing depends on how a stand-in ends
}

// fill makes the buckets, and the source's objects from what life holds.
func (w *demoWorld) fill() error {
	if err := errors.Join(w.kodo.CreateBucket(demoSource), w.oss.CreateBucket(demoTarget), w.makeQueues()); err != nil {
		return err
	}
	for it := range life.Bucket(w.options.objects, w.options.seed) {
		o := &demoObject{Item: it}
		o.want, o.story = expect(it)
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
		if _, err := w.kodo.Put(demoSource, o.at(body)); err != nil {
			return err
		}
	}
	return nil
}

// at is the object as Kodo holds it, with that content.
func (o *demoObject) at(body []byte) kodo.Object {
	k := atKodo(o.Item, body)
	k.Hash = o.listed
	return k
}

// atKodo is what life holds as Kodo holds it, with that content.
func atKodo(it life.Item, body []byte) kodo.Object {
	k := kodo.Object{
		Key: it.Key, Body: body, Parts: it.Parts, MimeType: it.Type, Meta: it.Meta, Type: it.Class,
		PutTime: it.Modified, NoHash: it.NoHash, MD5: it.MD5,
	}
	if it.Disabled {
		k.Status = 1
	}
	if !it.Frozen {
		k.RestoreStatus = 2
	}
	return k
}

func (w *demoWorld) sourceLocation(bucket string) string {
	return "kodo://" + bucket + "/?" + url.Values{
		"region": {"z0"}, "endpoint": {w.kodo.Endpoint()}, "domain": {w.kodo.Domain(bucket)}, "insecure": {"true"},
	}.Encode()
}

func (w *demoWorld) targetLocation(bucket, prefix string) string {
	return "oss://" + bucket + "/" + prefix + "?" + url.Values{
		"region": {w.oss.Region()}, "endpoint": {w.oss.Endpoint()}, "insecure": {"true"},
	}.Encode()
}

// calm ends the faults, so that the demo can look at what is there.
func (w *demoWorld) calm() {
	w.kodo.Desk().Inject()
	w.oss.Desk().Inject()
	w.oss.OnStored(nil)
}

// atSource is told of the source's requests; things happen to some of them.
func (w *demoWorld) atSource(e kodo.Event) {
	if e.Op != "get" || e.Done {
		return
	}
	w.mu.Lock()
	w.gets[e.Key]++
	w.mu.Unlock()
	switch o := w.byKey[e.Key]; o {
	case w.cast[removed]:
		w.once(o, func() {
			w.kodo.Remove(demoSource, o.Key)
			w.happened("the owner deletes %s at the source, just before it is read", words.Key(o.Key))
		})
	case w.cast[claimed]:
		w.once(o, func() {
			if err := w.oss.Put(demoTarget, oss.Object{Key: o.Key, Body: o.ours}); err == nil {
				w.happened("the application writes its own %s in the target, while Ferry reads the old one", words.Key(o.Key))
			}
		})
	}
}

// atTarget is told of the target's requests, before they are looked at.
func (w *demoWorld) atTarget(r oss.Request) {
	if r.Op != "put" || w.byKey[r.Key] == nil {
		return
	}
	w.mu.Lock()
	w.puts[r.Key]++
	w.mu.Unlock()
}

// kills reports whether a worker is to die. The messages of one that pulls come again
// only after minutes.
func (w *demoWorld) kills() bool { return !w.options.pull }

// stored is told of each object that has become visible in the target. Here
// the promise is held against every single one: never a wrong byte.
func (w *demoWorld) stored(bucket string, found oss.Object) {
	key, body := found.Key, found.Body
	o := w.byKey[key]
	if o == nil || bucket != demoTarget {
		return
	}
	right := slices.Contains(o.sums(), digest.CRC64(0, body))
	w.mu.Lock()
	w.stores++
	if !right {
		w.wrong = append(w.wrong, key)
	}
	if w.cloud != nil && w.kills() && w.stores > len(w.objects)/3 {
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
			if _, err := w.kodo.Put(demoSource, at); err == nil {
				w.happened("the owner overwrites %s at the source, just after it was copied", words.Key(o.Key))
			}
		})
	}
}

// once does something to an object the first time.
func (w *demoWorld) once(o *demoObject, f func()) {
	w.mu.Lock()
	again := w.done[o]
	w.done[o] = true
	w.mu.Unlock()
	if !again {
		f()
	}
}

// dying wraps the pipeline: the worker that does the first big copy task dies
// in mid-batch, and its message is delivered again.
func (w *demoWorld) dying(d worker.Doer) worker.Doer { return &mortal{Doer: d, world: w} }

type mortal struct {
	worker.Doer
	world *demoWorld
}

var errKilled = errors.New("the worker was killed")

// Do does t, and dies of it once. The next delivery comes at once; it differs
// in nothing but how often the message was delivered.
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
func (w *demoWorld) watch(e pipeline.Progress) {
	w.tell.Watch(e)
	if e.Kind != pipeline.Caught {
		return
	}
	w.met(e.Key, e.Err)
}

// met shows a fault that was caught.
func (w *demoWorld) met(key string, err error) {
	kind := show.KindOf(err)
	if kind == show.FlippedByte && key == w.cast[mislabelled].Key {
		kind = show.WrongHash
	}
	if kind != "" {
		w.caught.Add(kind, key)
	}
}

// happened prints what the demo itself did.
func (w *demoWorld) happened(format string, args ...any) {
	w.tell.Line("! " + fmt.Sprintf(format, args...))
}
