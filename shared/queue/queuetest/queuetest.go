// Package queuetest is the contract of package queue as a suite. A driver's
// whole test of it is a call of Run, or of RunVirtual where the queue lives in
// the test's own process. The cases themselves run anywhere: T is all that they need.
package queuetest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// T is what a case needs of a *testing.T, which is one. Fatalf does not return.
type T interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Case is one sentence of the contract, and the test of it on an empty queue.
type Case struct {
	Name string
	Test func(T, queue.Queue, Knobs)
}

// Cases is the contract, in the order of its sentences.
func Cases() []Case {
	var all []Case
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		all = append(all, Case{name, func(t T, q queue.Queue, k Knobs) { cases[name](newBench(t, q, k)) }})
	}
	return all
}

// Knobs says what the suite must know of the queue under test. Zero fields
// have a default.
type Knobs struct {
	Visibility time.Duration       // how long the queue hides a received message: short, but 3 to 10 Ticks; 3 s
	Tick       time.Duration       // the shortest time the queue tells from none; 1 s
	Sleep      func(time.Duration) // lets time pass for the queue, as a fake clock's Advance does; time.Sleep
	TextOnly   bool                // bodies are UTF-8 without control characters but tab and newline
}

// Open returns an empty queue for one test. It may use t to skip, to clean up,
// or to run in parallel.
type Open func(t *testing.T) (queue.Queue, Knobs)

// DepthCase is the sentence about what a queue tells of how much it holds.
const DepthCase = "Depth tells ready, in flight and delayed messages apart"

// cases are the contract, one sentence each.
var cases = map[string]func(*bench){
	"what is sent is received byte for byte":                        sentIsReceived,
	"a message says when it was sent, and an id":                    messageTells,
	"an empty queue gives no message and no error":                  emptyGivesNone,
	"a message that is too big is Invalid and none is sent":         tooBig,
	"a batch of any length is sent, and received 16 at most":        batches,
	"a received message is invisible, then comes again":             comesAgain,
	"a deleted message is gone for good":                            deletedIsGone,
	"an expired receipt is NotFound":                                expiredReceipt,
	"an unknown receipt is NotFound":                                unknownReceipt,
	"Extend hides for longer and gives a new receipt":               extendHides,
	"Extend by 0 makes a message visible at once":                   extendByZero,
	"a delayed message comes after its delay":                       delayed,
	"a waiting Receive gets what is sent meanwhile":                 waitsForSend,
	"a waiting Receive gets what becomes visible meanwhile":         waitsForExpiry,
	"a cancelled context ends a waiting Receive":                    cancelled,
	"a cancelled context fails every call":                          cancelledBefore,
	DepthCase:                                                       depth,
	"many receivers get every message":                              manyReceivers,
	"what a caller does to a body does not reach the next receiver": ownBodies,
}

// Run tests the queue that open opens. Time passes for it through Knobs.Sleep.
func Run(t *testing.T, open Open) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, open) })
	}
}

// RunVirtual tests a queue that starts no request and uses package time: each
// test runs in a synctest bubble, where time passes at once.
func RunVirtual(t *testing.T, open Open) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { c.run(t, open) }) })
	}
}

func (c Case) run(t *testing.T, open Open) {
	q, k := open(t)
	c.Test(t, q, k)
}

// bench is a queue under test with what every test asks of it.
type bench struct {
	T
	q queue.Queue
	k Knobs
}

func newBench(t T, q queue.Queue, k Knobs) *bench {
	if k.Visibility == 0 {
		k.Visibility = 3 * time.Second
	}
	if k.Tick == 0 {
		k.Tick = time.Second
	}
	if k.Sleep == nil {
		k.Sleep = time.Sleep
	}
	return &bench{T: t, q: q, k: k}
}

// patience is how many ticks a test waits for a service to come round.
const patience = 20

func (b *bench) send(messages ...queue.Outgoing) {
	b.Helper()
	if err := b.q.Send(b.Context(), messages...); err != nil {
		b.Fatalf("Send of %d messages = %v, want no error", len(messages), err)
	}
}

func (b *bench) sendText(bodies ...string) {
	b.Helper()
	var out []queue.Outgoing
	for _, s := range bodies {
		out = append(out, queue.Outgoing{Body: []byte(s)})
	}
	b.send(out...)
}

// receive asks once, without waiting.
func (b *bench) receive() []queue.Message {
	b.Helper()
	got, err := b.q.Receive(b.Context(), 16, 0)
	if err != nil {
		b.Fatalf("Receive = %v, want no error", err)
	}
	return got
}

// take receives until it has n messages, and lets time pass where a service
// is not yet ready to give them. Messages are returned as they come, repeated
// ones too.
func (b *bench) take(n int) []queue.Message {
	b.Helper()
	var all []queue.Message
	for tries := 0; len(all) < n; tries++ {
		got := b.receive()
		all = append(all, got...)
		if len(got) == 0 {
			if tries >= patience {
				b.Fatalf("received %d messages in %v, want %d", len(all), patience*b.k.Tick, n)
			}
			b.k.Sleep(b.k.Tick)
		}
	}
	return all
}

// one takes the only message of the queue.
func (b *bench) one() queue.Message {
	b.Helper()
	got := b.take(1)
	if len(got) != 1 {
		b.Fatalf("received %d messages, want 1", len(got))
	}
	return got[0]
}

// none checks that nothing can be received now.
func (b *bench) none(why string) {
	b.Helper()
	if got := b.receive(); len(got) != 0 {
		b.Fatalf("%s: received %d messages, the first %q, want none", why, len(got), got[0].Body)
	}
}

func (b *bench) delete(m queue.Message) {
	b.Helper()
	if err := b.q.Delete(b.Context(), m); err != nil {
		b.Fatalf("Delete = %v, want no error", err)
	}
}

func (b *bench) extend(m queue.Message, d time.Duration) queue.Message {
	b.Helper()
	longer, err := b.q.Extend(b.Context(), m, d)
	if err != nil {
		b.Fatalf("Extend by %v = %v, want no error", d, err)
	}
	return longer
}

func (b *bench) wantKind(what string, err error, want fault.Kind) {
	b.Helper()
	if got := fault.KindOf(err); got != want {
		b.Errorf("%s = %v, want kind %s", what, err, want)
	}
}
