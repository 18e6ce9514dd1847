package queuetest

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

func sentIsReceived(b *bench) {
	bodies := map[string]string{
		"JSON with markup":     `{"v":1,"key":"a<b>&amp;\"]]> \\"}`,
		"many scripts":         "图片/été/🚢/\u202eabc",
		"tabs and newlines":    "\ta\n\nb ",
		"the longest body":     strings.Repeat("x", queue.MaxBody),
		"a base64 look-alike":  "eyJ2IjoxfQ==",
		"one byte":             "0",
		"a percent and a plus": "100%+%2B",
	}
	if !b.k.TextOnly {
		var all []byte
		for c := range 256 {
			all = append(all, byte(c))
		}
		bodies["every byte"] = string(all)
	}
	for name, want := range bodies {
		b.sendText(want)
		m := b.one()
		if string(m.Body) != want {
			b.Errorf("%s: received %.80q of %d bytes, want %.80q of %d", name, m.Body, len(m.Body), want, len(want))
		}
		b.delete(m)
	}
}

func messageTells(b *bench) {
	// An hour covers any clock that a test may meet; it does not cover a
	// number read in the wrong unit.
	const slack = time.Hour
	before := time.Now()
	b.sendText("a", "b")
	got := b.take(2)
	if got[0].ID == "" || got[0].ID == got[1].ID {
		b.Errorf("ids %q and %q, want two that differ", got[0].ID, got[1].ID)
	}
	for _, m := range got {
		if m.Deliveries != 1 {
			b.Errorf("the first delivery has Deliveries = %d, want 1", m.Deliveries)
		}
		if m.Receipt == "" {
			b.Errorf("Receipt is empty, want one")
		}
		if d := m.Sent.Sub(before); d < -slack || d > slack {
			b.Errorf("Sent = %v, want about %v", m.Sent, before)
		}
	}
}

func emptyGivesNone(b *bench) {
	b.none("the queue is new")
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err := b.q.Receive(b.Context(), 1, b.k.Tick)
		if err != nil || len(got) != 0 {
			b.Errorf("a waiting Receive = %d messages, %v, want none and no error", len(got), err)
		}
	}()
	b.until(done, patience, "the Receive has waited its time")
}

func tooBig(b *bench) {
	err := b.q.Send(b.Context(), queue.Outgoing{Body: []byte("small")}, queue.Outgoing{Body: make([]byte, queue.MaxBody+1)})
	b.wantKind("Send of MaxBody+1 bytes", err, fault.Invalid)
	b.k.Sleep(b.k.Tick)
	b.none("a Send that is Invalid sends none")
}

func batches(b *bench) {
	b.send()
	const n = 100
	var bodies []string
	for i := range n {
		// Long enough that a service's limit on a whole batch counts, too.
		bodies = append(bodies, strconv.Itoa(i)+strings.Repeat(".", 8000))
	}
	b.sendText(bodies...)
	seen := map[string]bool{}
	for len(seen) < n {
		got := b.take(1)
		if len(got) > 16 {
			b.Fatalf("Receive(16) gave %d messages, want at most 16", len(got))
		}
		for _, m := range got {
			seen[string(m.Body)] = true
			b.delete(m)
		}
	}
	for _, want := range bodies {
		if !seen[want] {
			b.Errorf("message %.3s did not arrive, want all %d", want, n)
		}
	}
	b.sendText("a", "b", "c")
	b.k.Sleep(b.k.Tick)
	if got, err := b.q.Receive(b.Context(), 2, b.k.Tick); err != nil || len(got) > 2 {
		b.Errorf("Receive(2) = %d messages, %v, want at most 2", len(got), err)
	}
}

func ownBodies(b *bench) {
	const want = "untouched"
	sent := []byte(want)
	b.send(queue.Outgoing{Body: sent})
	copy(sent, "XXX")
	m := b.one()
	if string(m.Body) != want {
		b.Errorf("after the sender wrote to its slice, the body is %q, want %q", m.Body, want)
	}
	copy(m.Body, "YYY")
	b.extend(m, 0)
	if again := b.one(); string(again.Body) != want {
		b.Errorf("after a receiver wrote to its slice, the body is %q, want %q", again.Body, want)
	}
}

func manyReceivers(b *bench) {
	const n, receivers = 200, 8
	for i := range n {
		b.sendText(strconv.Itoa(i))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var group sync.WaitGroup
	for range receivers {
		group.Go(func() {
			for idle := 0; idle < 3; {
				got, err := b.q.Receive(b.Context(), 7, 0)
				if err != nil {
					b.Errorf("Receive = %v, want no error", err)
					return
				}
				if len(got) == 0 {
					idle++
				}
				for _, m := range got {
					mu.Lock()
					seen[string(m.Body)]++
					mu.Unlock()
					if err := b.q.Delete(b.Context(), m); err != nil {
						b.Errorf("Delete = %v, want no error", err)
					}
				}
			}
		})
	}
	group.Wait()
	for len(seen) < n { // what a distributed queue held back
		for _, m := range b.take(1) {
			seen[string(m.Body)]++
			b.delete(m)
		}
	}
}

func depth(b *bench) {
	b.sendText("a", "b", "c")
	b.send(queue.Outgoing{Body: []byte("later"), Delay: patience * 3 * b.k.Visibility})
	b.wantDepth(queue.Depth{Ready: 3, Delayed: 1})
	got, err := b.q.Receive(b.Context(), 1, b.k.Tick)
	if err != nil || len(got) != 1 {
		b.Fatalf("Receive(1) = %d messages, %v, want 1", len(got), err)
	}
	m := b.extend(got[0], patience*2*b.k.Visibility)
	b.wantDepth(queue.Depth{Ready: 2, InFlight: 1, Delayed: 1})
	b.delete(m)
	b.wantDepth(queue.Depth{Ready: 2, Delayed: 1})
}

// wantDepth gives an estimate time to come true. A service that tells no numbers
// cannot be held to them.
func (b *bench) wantDepth(want queue.Depth) {
	b.Helper()
	var got queue.Depth
	for range patience {
		var err error
		if got, err = b.q.Depth(b.Context()); err != nil {
			b.Fatalf("Depth = %v, want no error", err)
		}
		if got == want {
			return
		}
		b.k.Sleep(b.k.Tick)
	}
	if t, ok := b.T.(interface{ Skipf(string, ...any) }); ok && got.Unknown {
		t.Skipf("the service tells no numbers: nobody can make it so")
	}
	b.Fatalf("Depth = %+v, want %+v", got, want)
}

// same reports what differs between two deliveries of one message.
func (b *bench) same(first, again queue.Message) {
	b.Helper()
	if again.ID != first.ID || !bytes.Equal(again.Body, first.Body) {
		b.Errorf("delivered again as %q %q, want %q %q", again.ID, again.Body, first.ID, first.Body)
	}
	if slices.Contains([]string{"", first.Receipt}, again.Receipt) {
		b.Errorf("delivered again with the receipt %q, want a new one", again.Receipt)
	}
	if again.Deliveries != first.Deliveries+1 {
		b.Errorf("delivered again with Deliveries = %d, want %d", again.Deliveries, first.Deliveries+1)
	}
}
