package storm

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/digest"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// world is everything of one storm: buckets, queues, processes, and what is
// known of all that happened. Only the driver acts on it, and whoever it has
// let go on last.
type world struct {
	t       *testing.T
	plan    Plan
	dice    dice
	weather map[Weather]bool

	tenants       []*tenant
	src, dst, led *mem.Bucket
	piles         map[task.Stage]*pile
	dead          *pile

	workers  []*process
	actors   []actor
	notifier *notifier // nil: nobody follows events
	strays   *strays
	usage    usage

	step          int
	begun         time.Time
	calls         []*call    // made and not let go on
	mu            sync.Mutex // over calls, which processes make at the same time
	arrived       chan struct{}
	serial        int
	processesMade int

	history
	deaths, operatorsDied int
	failure               string
	journal               []string // if traced
	traced                bool
	wild                  []int          // the steps at which the storm was not calm
	injected              map[string]int // how often each thing happened
	excepted              map[string]int
	met                   map[string]int // what the engine came to
}

// process is one process of the deployment. A dead one is never used again.
type process struct {
	world  *world
	slot   string // where it runs: "worker 1"
	name   string // slot and which one there
	id     int    // 1, 2, …
	dead   atomic.Bool
	ctx    context.Context
	kill   context.CancelFunc
	deploy *app.Deployment
	work   *work  // what it does now
	sweep  *sweep // nil: it does none
}

// work is what a process does: a message, or what a person or a timer asks for.
type work struct {
	what     string
	pile     *pile    // nil: no message
	m        *message // that it does
	delivery int      // which delivery of m it does
	name     string   // of its task
	begun    time.Time
	sent     bool // something that follows from it is in a queue
	ctx      context.Context
	ended    atomic.Bool
	err      error
	then     func(error) // told once it has ended, unless the process died
}

// epoch is when every storm begins: a bubble's time.
func newWorld(t *testing.T, plan Plan, traced bool) *world {
	w := &world{
		t: t, plan: plan, dice: dice{plan.Seed}, weather: weatherOf(plan), traced: traced, begun: time.Now(),
		src: mem.New(mem.Kodo), dst: mem.New(mem.OSS), led: mem.New(mem.OSS),
		piles: map[task.Stage]*pile{}, dead: &pile{name: "dead"}, arrived: make(chan struct{}, 1),
		injected: map[string]int{}, excepted: map[string]int{}, met: map[string]int{},
	}
	seconds := func() time.Time { return time.Now().Truncate(time.Second) } // OSS tells no more
	w.dst.Now, w.led.Now = seconds, seconds
	for _, s := range task.Stages {
		w.piles[s] = &pile{name: string(s)}
	}
	w.history, w.usage = newHistory(), newUsage()
	page := 1 + w.dice.draw(8, "page", 0)*w.dice.draw(4, "page", 1)
	w.src.PageSize, w.dst.PageSize, w.led.PageSize = page, page, 4*page
	w.makeJobs()
	w.fill()
	w.strays = &strays{w: w}
	for i := range 1 + w.dice.draw(3, "workers", 0) {
		w.workers = append(w.workers, w.process(fmt.Sprintf("worker %d", i+1), 1))
	}
	for _, t := range w.tenants {
		o := newOperator(w, t)
		w.actors = append(w.actors, o, newManager(w, o), newCleaner(w, o), newWarden(w, o))
	}
	if w.weather[Events] {
		w.notifier = newNotifier(w)
		w.actors = append(w.actors, w.notifier)
	}
	w.actors = append(w.actors, newSweeper(w), &upgrade{w: w, left: 3}, w.strays, &owner{w: w}, &application{w: w})
	if plan.Long.Days > 0 {
		w.settle()
	}
	return w
}

// process makes the n-th process of a slot.
func (w *world) process(slot string, n int) *process {
	w.processesMade++
	p := &process{world: w, id: w.processesMade, slot: slot, name: fmt.Sprintf("%s.%d", slot, n)}
	p.ctx, p.kill = context.WithCancel(context.Background())
	ports := app.Ports{
		Ledger: ledger.Open(port{p, book, w.led}, books),
		Queues: map[task.Stage]queue.Queue{}, Dead: queuePort{p, w.dead},
		Open: func(context.Context, job.Job) (pipeline.Source, pipeline.Target, error) {
			return port{p, source, w.src}, port{p, target, w.dst}, nil
		},
	}
	for s, pile := range w.piles {
		ports.Queues[s] = queuePort{p, pile}
	}
	p.deploy = app.DeployOn(ports, slog.New(slog.DiscardHandler))
	return p
}

// begin has p do f.
func (p *process) begin(what string, f func(ctx context.Context) error) *work {
	w := &work{what: what, begun: time.Now()}
	p.work = w
	ctx, cancel := p.ctx, context.CancelFunc(func() {})
	if most := p.deadline(); most > 0 {
		ctx, cancel = context.WithTimeout(p.ctx, most)
	}
	w.ctx = ctx
	go func() {
		defer cancel()
		err := f(ctx)
		w.err = err
		w.ended.Store(true)
		p.world.wake()
	}()
	return w
}

// invocation is how long a function may take (s.yaml), and hidden how long a
// message that was handed out is invisible (infra).
const (
	invocation = 290 * time.Second
	hidden     = 30 * time.Minute
	// buried is how often a message is delivered before its queue lays it aside.
	buried = 60
)

// arrive takes in a call that a process has made.
func (w *world) arrive(c *call) {
	w.mu.Lock()
	c.since = w.step
	w.serial++
	c.serial = w.serial
	w.calls = append(w.calls, c)
	w.mu.Unlock()
	w.wake()
}

// withdraw takes back a call whose context has ended; false where it was let go
// on already.
func (w *world) withdraw(c *call) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.calls, c)
	if i >= 0 {
		w.calls = slices.Delete(w.calls, i, i+1)
	}
	return i >= 0
}

func (w *world) wake() {
	select {
	case w.arrived <- struct{}{}:
	default:
	}
}

// waiting lists the calls that were not let go on, the oldest first, in an order
// that does not depend on how goroutines were scheduled.
func (w *world) waiting() []*call {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortFunc(w.calls, func(a, b *call) int {
		switch {
		case a.since != b.since:
			return a.since - b.since
		case a.p != b.p:
			return strings.Compare(a.p.name, b.p.name)
		case a.op != b.op:
			return strings.Compare(a.op, b.op)
		case a.key != b.key:
			return strings.Compare(a.key, b.key)
		}
		return a.serial - b.serial
	})
	return slices.Clone(w.calls)
}

// release lets a call go on.
func (w *world) release(c *call, v verdict) {
	if w.withdraw(c) {
		c.answer <- v
	}
}

// note writes a line of the journal.
func (w *world) note(format string, args ...any) {
	if w.traced {
		w.journal = append(w.journal, fmt.Sprintf("#%d %s ", w.step, time.Since(w.begun))+fmt.Sprintf(format, args...))
	}
}

// fail ends the storm: something is not as it must be.
func (w *world) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
		w.note("FAILED: %s", w.failure)
	}
}

// happened counts something that was done to the engine.
func (w *world) happened(what string) { w.injected[what]++ }

// put writes an object for a person or a program, at once.
func (w *world) put(b *mem.Bucket, key string, body []byte) {
	if _, err := b.Put(context.Background(), store.Object{Key: key, Size: int64(len(body)), Type: "text/plain"}, bytes.NewReader(body), store.Put{}); err != nil {
		w.fail("a write of %q failed: %v", key, err)
	}
}

// body is content that no other number has; kind says how long it is.
func body(number, kind int) []byte {
	if kind == 0 {
		return []byte{}
	}
	b := fmt.Appendf(nil, "%08d ", number)
	for len(b) < kind {
		b = append(b, b[:min(len(b), kind-len(b))]...)
	}
	return b[:max(kind, 9)]
}

// mostObjects is how many objects there are at the beginning at most.
const mostObjects = 16

// fill draws what the source, and the target, have at the beginning.
func (w *world) fill() {
	n := 3 + w.dice.draw(mostObjects-2, "objects", 0)
	for i := range n {
		if w.plan.Without[fmt.Sprintf("object %d", i)] {
			continue
		}
		key := fmt.Sprintf("k/%03d", 10*i)
		if w.weather[Present] && w.dice.chance(20, "present", i) {
			w.appPut(w.tenants[0].job.TargetKey(key), w.dice.draw(3, "present size", i)*20)
		}
		if w.dice.chance(90, "at the source", i) {
			size := w.dice.draw(4, "size", i) * 20
			if w.weather[Large] && i == 1 {
				size += digest.BlockSize
			}
			w.ownerPut(key, size)
		}
	}
}

// over reports whether everything has come to its end: the operator wants no
// more, no process does anything, and no message is left.
func (w *world) over() bool {
	for _, p := range w.processes() {
		if p.work != nil {
			return false
		}
	}
	for _, p := range w.allPiles() {
		if len(p.messages) > 0 {
			return false
		}
	}
	for _, a := range w.actors {
		if !a.content() {
			return false
		}
	}
	return true
}

// processes lists every process that lives.
func (w *world) processes() []*process {
	all := slices.Clone(w.workers)
	for _, a := range w.actors {
		if p := a.process(); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// allPiles lists every queue.
func (w *world) allPiles() []*pile {
	var all []*pile
	for _, s := range task.Stages {
		all = append(all, w.piles[s])
	}
	return append(all, w.dead)
}
