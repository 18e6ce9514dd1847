// Package remotetest tests what the drivers of queues do alike whose services are elsewhere,
// and their contract (queuetest), against stand-ins of the services. Start with Suite.
package remotetest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/queuetest"
)

// Keys sign requests. ID and Secret of those that every stand-in knows are "id" and "secret".
type Keys struct{ ID, Secret, Token string }

// Good are keys that every stand-in knows.
var Good = Keys{ID: "id", Secret: "secret"}

// Way says how a driver is opened.
type Way struct {
	Queue    string      // "": "jobs"
	Endpoint string      // "": the stand-in's
	Keys     func() Keys // nil: Good
	Log      *slog.Logger
}

// Driver is a driver of a queue whose service is elsewhere. Hasten makes it pause for no time
// between tries, but where it is throttled.
type Driver interface {
	queue.Queue
	Check(context.Context) error
	Left() int // requests that cancelled receives left behind
	Close(context.Context)
	CloseIdle()
	Hasten()
}

// Server is a stand-in of the service.
type Server interface {
	Desk() *chaos.Desk
	Misbehave(pile.Misbehaviour)
	Injected() pile.Injected
	CreateQueue(name string, a pile.Attributes) error
	Send(name string, body []byte, delay time.Duration) error
	Take(ctx context.Context, name string) (bodies []string, err error)
	Depth(name string) (pile.Depth, error)
	Tick()
	Close() error
}

// World is a stand-in that was started for one test.
type World struct {
	Server  Server
	Open    func(testing.TB, Way) Driver   // it goes by the stand-in's clock
	AddKeys func(k Keys, expire time.Time) // lets k sign, too
}

// travelled takes a message past the driver, and returns what stands in it.
func (w World) travelled(t *testing.T) string {
	t.Helper()
	bodies, err := w.Server.Take(t.Context(), "jobs")
	if err != nil || len(bodies) != 1 {
		t.Fatalf("%d messages, %v, want 1", len(bodies), err)
	}
	return bodies[0]
}

// Suite is a driver with the stand-in of its service.
type Suite struct {
	Start   func(testing.TB, *pile.Clock) World
	Batch   int               // messages that one request sends at most
	Least   time.Duration     // the service hides a message for so long at least
	Longest time.Duration     // the service waits at most for so long
	Says    map[string]string // what Check says in each of the cases of checks
	Odd     string            // an answer with a code that nobody knows
	Texts   map[string]Text   // bodies, and what travels in their place, besides those of every service
	Status  int               // of an answer that a service in trouble gives
}

// Text is a body and the text that stands for it in a message.
type Text struct{ Body, Text string }

// Run tests what drivers do besides their contract.
func (s Suite) Run(t *testing.T) {
	for name, test := range map[string]func(*testing.T, Suite){
		"what a cancelled receive gets is given back":          givenBack,
		"cancelled receives leave nothing behind for long":     nothingForLong,
		"Close ends what is left behind when its time is over": closeEnds,
		"a receive under a deadline leaves nothing behind":     underDeadline,
		"a wait may be longer than the service waits":          longerWait,
		"a damaged body is not received":                       damaged,
		"asking for the impossible is Invalid":                 impossible,
		"a message is sent again until it is taken":            sentAgain,
		"a throttled send waits and then sends":                throttledSend,
		"what a batch did not take is sent again":              partlyTaken,
		"Send gives up and says how many were not sent":        givesUp,
		"what is refused for good keeps the rest from nothing": refusedForGood,
		"what is refused for good stops no other try":          refusedMeanwhile,
		"a send to no queue is not tried again":                noQueue,
		"what the queue refused for a while is told":           told,
		"an error names the message that was refused":          named,
		"Check names the thing and the cure":                   checks,
		"the newest keys sign":                                 newestKeys,
		"an error is of the kind of its cause":                 kindsOfErrors,
		"what is not the service is said to be so":             notTheService,
		"a body of text travels as it is, others in base64":    bodies,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

// Contract tests the driver by the contract of package queue.
func (s Suite) Contract(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) (queue.Queue, queuetest.Knobs) { return s.contract(t) })
}

// ContractUnderFaults does so while its service has what the contract has the driver hide:
// answers that are slow, and requests refused that it tries again by itself.
func (s Suite) ContractUnderFaults(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) (queue.Queue, queuetest.Knobs) {
		return s.contract(t,
			chaos.Rule{Op: "*", Kind: chaos.Latency, Rate: 0.1, Delay: 5 * time.Millisecond},
			chaos.Rule{Op: "send", Kind: chaos.Status, Rate: 0.1, Status: s.Status},
			chaos.Rule{Op: "attributes", Kind: chaos.Status, Rate: 0.03},
			chaos.Rule{Op: "attributes", Kind: chaos.Lost, Rate: 0.03},
		)
	})
}

// contract opens an empty queue on a clock of its own.
func (s Suite) contract(t *testing.T, rules ...chaos.Rule) (queue.Queue, queuetest.Knobs) {
	t.Parallel()
	w, q := s.open(t, pile.Attributes{Visibility: 5 * time.Second}, Way{})
	if len(rules) > 0 {
		q.Hasten()
		w.Server.Desk().Inject(rules...)
		w.Server.Misbehave(pile.Misbehaviour{Refuse: 0.1, Reorder: 0.2})
	}
	return q, queuetest.Knobs{Visibility: 5 * time.Second, Sleep: w.clock.Advance}
}

// world is a stand-in with its clock.
type world struct {
	World
	clock *pile.Clock
}

// start starts a stand-in without queues.
func (s Suite) start(t testing.TB) world {
	c := &pile.Clock{}
	w := world{s.Start(t, c), c}
	c.Tick = w.Server.Tick
	return w
}

// open starts a stand-in and opens a queue in it with these attributes.
func (s Suite) open(t testing.TB, a pile.Attributes, how Way) (world, Driver) {
	t.Helper()
	w := s.start(t)
	if err := w.Server.CreateQueue("jobs", a); err != nil {
		t.Fatal(err)
	}
	return w, w.Open(t, how)
}

// hasty is open, of a queue that pauses for no time between tries.
func (s Suite) hasty(t testing.TB, a pile.Attributes) (world, Driver) {
	t.Helper()
	w, q := s.open(t, a, Way{})
	q.Hasten()
	return w, q
}

// count is how many requests of an operation came.
func (w world) count(op string) int64 { return w.Server.Desk().Counts()[op] }

// wantRequests checks how many requests to send came.
func (w world) wantRequests(t *testing.T, want int64, why string) {
	t.Helper()
	if n := w.count("send"); n != want {
		t.Errorf("%d requests, want %d: %s", n, want, why)
	}
}

// wantReady checks how many messages are ready.
func (w world) wantReady(t *testing.T, want int) {
	t.Helper()
	if d, err := w.Server.Depth("jobs"); err != nil || d.Ready != want {
		t.Errorf("depth %+v, %v, want %d messages", d, err, want)
	}
}

// send sends bodies, which must be taken.
func send(t testing.TB, q queue.Sender, bodies ...string) {
	t.Helper()
	if err := q.Send(t.Context(), outgoing(bodies...)...); err != nil {
		t.Fatal(err)
	}
}

func outgoing(bodies ...string) []queue.Outgoing {
	out := make([]queue.Outgoing, len(bodies))
	for i, b := range bodies {
		out[i].Body = []byte(b)
	}
	return out
}

// BenchmarkSend sends batches of as many messages as the service takes at once.
func (s Suite) BenchmarkSend(b *testing.B) {
	_, q := s.open(b, pile.Attributes{}, Way{})
	out := make([]queue.Outgoing, s.Batch)
	for i := range out {
		out[i].Body = []byte(`{"v":1,"kind":"copy","run":"photos/20260101T000000Z","shard":"0","batch":"0-abcdefgh","first":"a","last":"b"}`)
	}
	for b.Loop() {
		if err := q.Send(b.Context(), out...); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzBody sends and receives bodies of up to so many bytes; seeds are some of them.
func (s Suite) FuzzBody(f *testing.F, most int, seeds ...string) {
	for _, seed := range append([]string{"", "{}", "e30=", "base64:", "base64:e30=", "a\rb", "\xff\x00"}, seeds...) {
		f.Add([]byte(seed))
	}
	w, _ := s.open(f, pile.Attributes{}, Way{})
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > most {
			t.Skip("long bodies have a test of their own, or no message takes them")
		}
		q := w.Open(t, Way{})
		send(t, q, string(body))
		receiveOne(t, q, string(body))
	})
}

// receiveOne receives a message, which must have that body, and deletes it.
func receiveOne(t testing.TB, q queue.Queue, want string) {
	t.Helper()
	got, err := q.Receive(t.Context(), 1, 0)
	if err != nil || len(got) != 1 || string(got[0].Body) != want {
		t.Fatalf("received %+v, %v, want %q", got, err, want)
	}
	if err := q.Delete(t.Context(), got[0]); err != nil {
		t.Fatal(err)
	}
}
