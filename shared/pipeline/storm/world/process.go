package world

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/task"
)

// Process is one process of the deployment. A dead one is never used again.
type Process struct {
	world  *World
	Slot   string // where it runs: "worker 1"
	Name   string // slot and which one there
	id     int    // 1, 2, …
	Dead   atomic.Bool
	ctx    context.Context
	Kill   context.CancelFunc
	Deploy *app.Deployment
	Work   *Work  // what it does now
	Sweep  *Sweep // nil: it does none
	Cleans string // the run whose records it removes; "": none
}

// Work is what a process does: a message, or what a person or a timer asks for.
type Work struct {
	What     string
	Pile     *Pile    // nil: no message
	M        *Message // that it does
	Delivery int      // which delivery of m it does
	Name     string   // of its task
	Begun    time.Time
	Sent     bool // something that follows from it is in a queue
	Ctx      context.Context
	Ended    atomic.Bool
	Err      error
	Then     func(error) // told once it has ended, unless the process died
}

// Begin has p do f.
func (p *Process) Begin(what string, f func(ctx context.Context) error) *Work {
	w := &Work{What: what, Begun: time.Now()}
	p.Work = w
	ctx, cancel := p.ctx, context.CancelFunc(func() {})
	if most := p.deadline(); most > 0 {
		ctx, cancel = context.WithTimeout(p.ctx, most)
	}
	w.Ctx = ctx
	go func() {
		defer cancel()
		err := f(ctx)
		w.Err = err
		w.Ended.Store(true)
		p.world.Desk.wake()
	}()
	return w
}

// Run is the run of the task that p does; "" if it does none.
func (p *Process) Run() string {
	if p.Work == nil || p.Work.M == nil {
		return ""
	}
	t, err := task.Decode(p.Work.M.Body)
	if err != nil {
		return ""
	}
	return t.Run
}

// agent reports whether a process is an agent, which no platform gives a deadline,
// but which may be told to end.
func (p *Process) agent() bool {
	return p.world.Weather[weather.Agents] && slices.Contains(p.world.Workers, p) && p.world.Dice.Chance(50, "agent "+p.Slot, 0)
}

// deadline is how long what p begins now may take; 0: as long as it wants.
func (p *Process) deadline() time.Duration {
	switch w := p.world; {
	case p.agent() && w.Draws(weather.Agents, 10):
		return time.Duration(1+w.Dice.Draw(300, "told to end", w.Step)) * time.Second
	case p.agent() || !w.Weather[weather.Deadlines]:
		return 0
	}
	return invocation
}

// Sweep is what the world knows of a sweep that a process does.
type Sweep struct {
	Begun  time.Time
	Newest map[string]time.Time   // when a run's newest record was written, as it began
	Queues map[task.Stage]Backlog // as it last asked
}

// Backlog is what a queue holds.
type Backlog struct {
	Messages int
	Chains   map[string]bool // the runs and the chains of its messages
}
