package world

import (
	"context"
	"errors"
	"slices"
	"strings"

	"kodoferry/shared/fault"
)

// Call is a call of a port that a process has made and that the driver has not
// yet let go on.
type Call struct {
	P       *Process
	Op, Key string
	since   int // the step before which it was made
	serial  int
	Effect  bool // the request changes something: its answer may be lost
	Body    bool // the request has a body, which may be damaged on the way
	Part    bool // the request ends a part
	Sends   int  // messages that it sends
	ctx     context.Context
	answer  chan Verdict
}

// Verdict is what becomes of a call.
type Verdict struct {
	Refused error // the answer, of a call that has no effect
	Lost    error // the answer in place of the true one, of a call that had its effect
	Damage  damage
	Message messageFault
	Stray   bool // a part that is refused comes later
}

// damage is what becomes of a body on its way.
type damage string

const (
	intact    damage = ""
	Flipped   damage = "flipped"   // one bit is another
	Truncated damage = "truncated" // the connection ends within it
)

// messageFault is what a queue does with a message that it took.
type messageFault string

const (
	undamaged messageFault = ""
	Dropped   messageFault = "dropped"
	Doubled   messageFault = "doubled"
)

var ErrDead = fault.New(fault.Temporary, "storm", "", errors.New("the process is dead"))

// ask waits until the driver lets a call go on and returns what becomes of it.
// A call whose context ends, or whose process dies, has no effect.
func (p *Process) ask(ctx context.Context, c Call) Verdict {
	if p.Dead.Load() {
		return Verdict{Refused: ErrDead}
	}
	c.P, c.ctx, c.answer = p, ctx, make(chan Verdict, 1)
	p.world.Desk.arrive(&c)
	select {
	case v := <-c.answer:
		return v
	case <-ctx.Done():
		if !p.world.Desk.withdraw(&c) {
			return <-c.answer
		}
		return Verdict{Refused: fault.New(fault.Temporary, "storm."+c.Op, c.Key, ctx.Err())}
	}
}

// Desk holds the calls that processes make, until the driver lets each go on.
type Desk struct {
	w       *World
	calls   []*Call       // made and not let go on, guarded by world.mu
	Arrived chan struct{} // has something once a call was made, or what a process does has ended
	serial  int
}

func newDesk(w *World) Desk { return Desk{w: w, Arrived: make(chan struct{}, 1)} }

// arrive takes in a call that a process has made.
func (desk *Desk) arrive(c *Call) {
	desk.w.Mu.Lock()
	c.since = desk.w.Step
	desk.serial++
	c.serial = desk.serial
	desk.calls = append(desk.calls, c)
	desk.w.Mu.Unlock()
	desk.wake()
}

// withdraw takes back a call whose context has ended; false where it was let go
// on already.
func (desk *Desk) withdraw(c *Call) bool {
	desk.w.Mu.Lock()
	defer desk.w.Mu.Unlock()
	i := slices.Index(desk.calls, c)
	if i >= 0 {
		desk.calls = slices.Delete(desk.calls, i, i+1)
	}
	return i >= 0
}

func (desk *Desk) wake() {
	select {
	case desk.Arrived <- struct{}{}:
	default:
	}
}

// Waiting lists the calls that were not let go on, the oldest first, in an order
// that does not depend on how goroutines were scheduled.
func (desk *Desk) Waiting() []*Call {
	desk.w.Mu.Lock()
	defer desk.w.Mu.Unlock()
	slices.SortFunc(desk.calls, func(a, b *Call) int {
		switch {
		case a.since != b.since:
			return a.since - b.since
		case a.P != b.P:
			return strings.Compare(a.P.Name, b.P.Name)
		case a.Op != b.Op:
			return strings.Compare(a.Op, b.Op)
		case a.Key != b.Key:
			return strings.Compare(a.Key, b.Key)
		}
		return a.serial - b.serial
	})
	return slices.Clone(desk.calls)
}

// Release lets a call go on.
func (desk *Desk) Release(c *Call, v Verdict) {
	if desk.withdraw(c) {
		c.answer <- v
	}
}
