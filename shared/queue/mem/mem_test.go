package mem_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mem"
	"kodoferry/shared/queue/queuetest"
)

func TestContract(t *testing.T) {
	queuetest.RunVirtual(t, func(*testing.T) (queue.Queue, queuetest.Knobs) {
		return mem.New(mem.Options{Visibility: 3 * time.Second}), queuetest.Knobs{}
	})
}

func TestContractOnAClockOfItsOwn(t *testing.T) {
	queuetest.Run(t, func(*testing.T) (queue.Queue, queuetest.Knobs) {
		clock := mem.NewManual(time.Now())
		return mem.New(mem.Options{Visibility: 3 * time.Second, Clock: clock}), queuetest.Knobs{Sleep: clock.Advance}
	})
}

var start = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

func send(t *testing.T, q queue.Queue, n int) {
	t.Helper()
	for i := range n {
		if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(strconv.Itoa(i))}); err != nil {
			t.Fatalf("Send = %v, want no error", err)
		}
	}
}

// drain receives and deletes until nothing is ready.
func drain(t *testing.T, q queue.Queue) []string {
	t.Helper()
	var bodies []string
	for {
		got, err := q.Receive(t.Context(), 16, 0)
		if err != nil {
			t.Fatalf("Receive = %v, want no error", err)
		}
		if len(got) == 0 {
			return bodies
		}
		for _, m := range got {
			bodies = append(bodies, string(m.Body))
			if err := q.Delete(t.Context(), m); err != nil {
				t.Fatalf("Delete = %v, want no error", err)
			}
		}
	}
}

func TestAGoodQueueKeepsOrder(t *testing.T) {
	q := mem.New(mem.Options{})
	send(t, q, 500)
	for i, body := range drain(t, q) {
		if body != strconv.Itoa(i) {
			t.Fatalf("message %d is %q, want %d", i, body, i)
		}
	}
}

func TestItMisbehavesOnRequest(t *testing.T) {
	const n, seed = 1000, 5
	for name, tc := range map[string]struct {
		opts                mem.Options
		leastSeen, mostSeen int // different bodies
		least, most         int // deliveries
		ordered             bool
	}{
		"a tenth comes twice":    {mem.Options{Duplicate: 0.1}, n, n, n + 50, n + 150, false},
		"everything comes twice": {mem.Options{Duplicate: 1}, n, n, 2 * n, 2 * n, false},
		"a tenth is lost":        {mem.Options{Drop: 0.1}, n - 150, n - 50, n - 150, n - 50, true},
		"everything is lost":     {mem.Options{Drop: 1}, 0, 0, 0, 0, true},
		"order is not kept":      {mem.Options{Reorder: 0.1}, n, n, n, n, false},
	} {
		t.Run(name, func(t *testing.T) {
			tc.opts.Seed = seed
			q := mem.New(tc.opts)
			send(t, q, n)
			bodies := drain(t, q)
			seen, ordered, last := map[string]bool{}, true, -1
			for _, b := range bodies {
				i, _ := strconv.Atoi(b)
				ordered = ordered && i > last
				seen[b], last = true, i
			}
			if len(seen) < tc.leastSeen || len(seen) > tc.mostSeen {
				t.Errorf("seed %d: %d of %d messages arrived, want %d to %d", seed, len(seen), n, tc.leastSeen, tc.mostSeen)
			}
			if len(bodies) < tc.least || len(bodies) > tc.most {
				t.Errorf("seed %d: %d deliveries, want %d to %d", seed, len(bodies), tc.least, tc.most)
			}
			if ordered != tc.ordered {
				t.Errorf("seed %d: ordered = %v, want %v", seed, ordered, tc.ordered)
			}
			again := mem.New(tc.opts)
			send(t, again, n)
			if got := fmt.Sprint(drain(t, again)); got != fmt.Sprint(bodies) {
				t.Errorf("seed %d: the second time it behaves differently, want the same", seed)
			}
		})
	}
}

func TestADuplicateLivesByItself(t *testing.T) {
	q := mem.New(mem.Options{Duplicate: 1})
	send(t, q, 1)
	first, _ := q.Receive(t.Context(), 1, 0)
	second, _ := q.Receive(t.Context(), 1, 0)
	if len(first) != 1 || len(second) != 1 || first[0].ID != second[0].ID || first[0].Receipt == second[0].Receipt || second[0].Deliveries != 2 {
		t.Fatalf("received %+v and %+v, want one message twice, under two receipts", first, second)
	}
	for _, m := range []queue.Message{first[0], second[0]} {
		if err := q.Delete(t.Context(), m); err != nil {
			t.Errorf("Delete = %v, want no error", err)
		}
	}
}

func TestNextSaysWhenSomethingGetsReady(t *testing.T) {
	clock := mem.NewManual(start)
	q := mem.New(mem.Options{Clock: clock})
	if _, ok := q.Next(); ok {
		t.Error("Next of an empty queue = true, want false")
	}
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("a"), Delay: 90 * time.Minute}, queue.Outgoing{Body: []byte("b"), Delay: time.Hour}); err != nil {
		t.Fatal(err)
	}
	at, ok := q.Next()
	if want := start.Add(time.Hour); !ok || !at.Equal(want) {
		t.Fatalf("Next = %v %v, want %v", at, ok, want)
	}
	clock.Advance(at.Sub(clock.Now()))
	if got := drain(t, q); len(got) != 1 || got[0] != "b" {
		t.Errorf("then received %q, want b", got)
	}
}

func TestDelaysAreClamped(t *testing.T) {
	clock := mem.NewManual(start)
	q := mem.New(mem.Options{Clock: clock})
	if err := q.Send(t.Context(), queue.Outgoing{Delay: 365 * 24 * time.Hour}, queue.Outgoing{Delay: -time.Hour}); err != nil {
		t.Fatal(err)
	}
	if got, _ := q.Depth(t.Context()); got != (queue.Depth{Ready: 1, Delayed: 1}) {
		t.Errorf("Depth = %+v, want one ready and one delayed", got)
	}
	if at, _ := q.Next(); !at.Equal(start.AddDate(0, 0, 7)) {
		t.Errorf("the long delay ends at %v, want after 7 days", at)
	}
}

func TestAskingForTooManyIsInvalid(t *testing.T) {
	q := mem.New(mem.Options{})
	for _, n := range []int{-1, 0, 17} {
		if _, err := q.Receive(t.Context(), n, 0); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Receive(%d) = %v, want kind %s", n, err, fault.Invalid)
		}
	}
	if _, err := q.Extend(t.Context(), queue.Message{}, -1); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Extend by -1 = %v, want kind %s", err, fault.Invalid)
	}
}

// naive is the contract written down with no thought of speed.
type naive struct{ due, expires map[string]time.Time }

func TestItAgreesWithANaiveQueue(t *testing.T) {
	const seed, steps = 3, 20000
	r := rand.New(rand.NewPCG(seed, seed))
	clock := mem.NewManual(start)
	q := mem.New(mem.Options{Visibility: time.Minute, Clock: clock})
	model := naive{due: map[string]time.Time{}, expires: map[string]time.Time{}}
	var held []queue.Message
	ctx := context.Background()
	for step := range steps {
		body := strconv.Itoa(step)
		now := clock.Now()
		var m queue.Message
		i := 0
		if len(held) > 0 {
			i = r.IntN(len(held))
			m = held[i]
		}
		good := m.Receipt != "" && model.expires[m.Receipt].After(now)
		switch op := r.IntN(6); {
		case op == 0:
			delay := time.Duration(r.IntN(3)) * time.Minute
			if err := q.Send(ctx, queue.Outgoing{Body: []byte(body), Delay: delay}); err != nil {
				t.Fatal(err)
			}
			model.due[body] = now.Add(delay)
		case op == 1:
			clock.Advance(time.Duration(r.IntN(30)) * time.Second)
		case op == 2 && m.Receipt != "":
			d := time.Duration(r.IntN(90)) * time.Second
			longer, err := q.Extend(ctx, m, d)
			if (err == nil) != good {
				t.Fatalf("seed %d, step %d: Extend = %v, want the receipt to be good: %v", seed, step, err, good)
			}
			delete(model.expires, m.Receipt)
			if good {
				model.due[string(m.Body)], model.expires[longer.Receipt] = now.Add(d), now.Add(d)
				held[i] = longer
			}
		case op == 3 && m.Receipt != "":
			if err := q.Delete(ctx, m); (err == nil) != good {
				t.Fatalf("seed %d, step %d: Delete = %v, want the receipt to be good: %v", seed, step, err, good)
			}
			delete(model.expires, m.Receipt)
			if good {
				delete(model.due, string(m.Body))
			}
			held = append(held[:i], held[i+1:]...)
		default:
			model.receive(t, q, step, now, &held)
		}
	}
}

// receive checks that q gives what the model says is visible.
func (n naive) receive(t *testing.T, q queue.Queue, step int, now time.Time, held *[]queue.Message) {
	t.Helper()
	visible := 0
	for _, due := range n.due {
		if !due.After(now) {
			visible++
		}
	}
	if d, _ := q.Depth(t.Context()); d.Ready != visible || d.Ready+d.InFlight+d.Delayed != len(n.due) {
		t.Fatalf("step %d: Depth = %+v, want %d ready of %d", step, d, visible, len(n.due))
	}
	got, err := q.Receive(t.Context(), 3, 0)
	if err != nil || len(got) != min(3, visible) {
		t.Fatalf("step %d: Receive(3) = %d messages, %v, want %d", step, len(got), err, min(3, visible))
	}
	for _, m := range got {
		if due, ok := n.due[string(m.Body)]; !ok || due.After(now) {
			t.Fatalf("step %d: received %q, which is hidden or gone", step, m.Body)
		}
		n.due[string(m.Body)], n.expires[m.Receipt] = now.Add(time.Minute), now.Add(time.Minute)
		*held = append(*held, m)
	}
}

// BenchmarkMillion sends, receives and deletes in a queue that holds a million messages.
func BenchmarkMillion(b *testing.B) {
	q := mem.New(mem.Options{})
	ctx := context.Background()
	for i := range 1_000_000 {
		if err := q.Send(ctx, queue.Outgoing{Body: []byte("x"), Delay: time.Duration(i%2) * time.Hour}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := q.Send(ctx, queue.Outgoing{Body: []byte("x")}); err != nil {
			b.Fatal(err)
		}
		got, err := q.Receive(ctx, 1, 0)
		if err != nil {
			b.Fatal(err)
		}
		if err := q.Delete(ctx, got[0]); err != nil {
			b.Fatal(err)
		}
	}
}
