package fc

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"
)

// instance is one process of a function. Its fields below the first are
// guarded by Cloud.mu.
type instance struct {
	f     *function
	id    string
	begun time.Time
	inbox chan *invocation // taken, and not yet fetched

	proc     *process               // nil until it runs
	flights  map[string]*invocation // taken, and not yet answered
	ready    bool                   // it has asked for an invocation
	frozen   bool
	gone     bool // takes nothing any more, its process is killed
	answered bool
	idle     *time.Timer
	ages     *time.Timer // until it is old; nil: it never is
	old      bool        // it takes nothing any more, and goes when it has no work
}

// launch starts an instance. Cloud.mu must be held.
func (f *function) launch() *instance {
	i := &instance{
		f: f, id: newID(), begun: time.Now(), inbox: make(chan *invocation, f.Concurrency), flights: map[string]*invocation{},
	}
	f.instances = append(f.instances, i)
	f.c.instances++
	f.stats.ColdStarts++
	f.stats.MaxInstances = max(f.stats.MaxInstances, len(f.instances))
	if f.Lifetime > 0 {
		i.ages = time.AfterFunc(f.Lifetime, i.age)
	}
	f.c.work.Go(i.run)
	return i
}

// run is an instance's life.
func (i *instance) run() {
	how := i.live()
	i.f.c.mu.Lock()
	defer i.f.c.mu.Unlock()
	i.leave()
	for _, inv := range i.flights {
		if inv.answer == nil {
			inv.answer = &outcome{failure: i.f.exited(inv.id, how)}
		}
		i.settle(inv, *inv.answer)
	}
}

// live runs the process to its end, and says how that came.
func (i *instance) live() string {
	c, f := i.f.c, i.f
	dir, err := os.MkdirTemp(c.dir, "instance-")
	if err != nil {
		return "it could not be started: " + err.Error()
	}
	defer func() { _ = os.RemoveAll(dir) }() // Close tries again
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "it could not be started: " + err.Error()
	}
	addr := listener.Addr().String()
	var args []string
	if f.Platform == Custom { // the process listens there itself
		_ = listener.Close()
		args = []string{"--listen", addr}
		over := make(chan struct{})
		defer close(over)
		go i.forward(addr, over)
	} else {
		server := &http.Server{Handler: i.api()}
		go func() { _ = server.Serve(listener) }() // ends with Close
		defer func() { _ = server.Close() }()
	}
	p, err := c.spawn(f.Binary, args, dir, f.environ(i.id, dir, addr), &f.log)
	if err != nil {
		return "it could not be started: " + err.Error()
	}
	c.mu.Lock()
	i.proc = p
	if i.gone {
		p.kill()
	}
	c.mu.Unlock()
	return p.wait()
}

// The methods below need Cloud.mu to be held.

func (i *instance) room() bool {
	return !i.gone && !i.old && len(i.flights) < i.f.Concurrency
}

// working reports whether the process is in the middle of an invocation.
func (i *instance) working() bool {
	for _, inv := range i.flights {
		if inv.fetched && inv.answer == nil {
			return !i.gone
		}
	}
	return false
}

// take gives the instance an invocation, which it has to fetch in time.
func (i *instance) take(inv *invocation) {
	i.flights[inv.id] = inv
	f := i.f
	f.stats.Invocations++
	f.busy++
	f.stats.MaxAtOnce = max(f.stats.MaxAtOnce, f.busy)
	if i.idle != nil {
		i.idle.Stop()
	}
	if i.frozen {
		i.frozen = false
		i.proc.thaw()
	}
	inv.timer = time.AfterFunc(f.Start, func() {
		i.overdue(inv, fmt.Sprintf("no runtime asked for the invocation within %v: does the function's main start the platform's SDK?", f.Start))
	})
	i.inbox <- inv // has room for all that an instance takes
}

// settle ends an invocation.
func (i *instance) settle(inv *invocation, o outcome) {
	delete(i.flights, inv.id)
	inv.timer.Stop()
	i.f.busy--
	if o.failure != nil {
		i.f.stats.Failures++
	}
	inv.done <- o
	if i.room() {
		i.f.c.wake()
	}
}

// rest freezes an instance without work, which is let go of after a time.
func (i *instance) rest() {
	if len(i.flights) > 0 || i.gone || i.proc == nil {
		return
	}
	if i.old {
		i.leave()
		return
	}
	if !i.frozen && !i.f.KeepRunning {
		i.frozen = true
		i.proc.freeze()
	}
	if i.idle == nil {
		i.idle = time.AfterFunc(i.f.Idle, i.retire)
		return
	}
	i.idle.Reset(i.f.Idle)
}

// leave takes the instance out of service and kills its process. What it was
// doing ends with the process.
func (i *instance) leave() {
	if i.gone {
		return
	}
	i.gone = true
	f := i.f
	f.instances = slices.DeleteFunc(f.instances, func(o *instance) bool { return o == i })
	f.c.instances--
	if i.idle != nil {
		i.idle.Stop()
	}
	if i.ages != nil {
		i.ages.Stop()
	}
	if i.proc != nil {
		i.proc.kill()
	}
	f.c.wake()
}

// Those below take Cloud.mu themselves.

// retire lets go of an instance that had nothing to do for long enough.
func (i *instance) retire() {
	i.f.c.mu.Lock()
	defer i.f.c.mu.Unlock()
	if len(i.flights) == 0 {
		i.leave()
	}
}

// age has the instance go once it has no work.
func (i *instance) age() {
	i.f.c.mu.Lock()
	defer i.f.c.mu.Unlock()
	i.old = true
	if len(i.flights) == 0 {
		i.leave()
	}
}

// overdue fails an invocation that took too long, and with its instance all
// others that are on it. why is "" where it passed its timeout.
func (i *instance) overdue(inv *invocation, why string) {
	c, f := i.f.c, i.f
	c.mu.Lock()
	defer c.mu.Unlock()
	if i.flights[inv.id] != inv {
		return // answered at the last moment
	}
	o := outcome{failure: f.exited(inv.id, why)}
	if why == "" {
		f.stats.Timeouts++
		o.failure = f.late(inv.id, inv.timeout)
	}
	if inv.answer != nil { // a runtime that answered and does not go on
		o = *inv.answer
	}
	i.settle(inv, o)
	i.leave()
}
