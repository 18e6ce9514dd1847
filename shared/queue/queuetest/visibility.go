package queuetest

import (
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

func comesAgain(b *bench) {
	b.sendText("a")
	first := b.one()
	b.none("the message is in flight")
	b.k.Sleep(b.k.Visibility - 2*b.k.Tick)
	b.none("the message is still in flight")
	b.k.Sleep(3 * b.k.Tick)
	again := b.one()
	b.same(first, again)
	b.delete(again)
}

func deletedIsGone(b *bench) {
	b.sendText("a")
	m := b.one()
	b.delete(m)
	b.wantKind("a second Delete", b.q.Delete(b.Context(), m), fault.NotFound)
	b.k.Sleep(b.k.Visibility + b.k.Tick)
	b.none("the message was deleted")
}

func expiredReceipt(b *bench) {
	b.sendText("a")
	first := b.one()
	b.k.Sleep(b.k.Visibility + b.k.Tick)
	_, err := b.q.Extend(b.Context(), first, b.k.Visibility)
	b.wantKind("Extend with an expired receipt", err, fault.NotFound)
	b.wantKind("Delete with an expired receipt", b.q.Delete(b.Context(), first), fault.NotFound)
	again := b.one()
	b.wantKind("Delete with the receipt of an earlier delivery", b.q.Delete(b.Context(), first), fault.NotFound)
	b.delete(again)
}

func unknownReceipt(b *bench) {
	b.sendText("a")
	m := b.one()
	b.delete(m) // its receipt has the service's own form, yet is good for nothing
	_, err := b.q.Extend(b.Context(), m, b.k.Visibility)
	b.wantKind("Extend of a deleted message", err, fault.NotFound)
}

func extendHides(b *bench) {
	b.sendText("a")
	first := b.one()
	longer := b.extend(first, 3*b.k.Visibility)
	if longer.Receipt == "" || longer.Receipt == first.Receipt {
		b.Errorf("Extend gave the receipt %q after %q, want a new one", longer.Receipt, first.Receipt)
	}
	if longer.ID != first.ID || string(longer.Body) != "a" || longer.Deliveries != 1 {
		b.Errorf("Extend = %q %q, delivery %d, want the same message %q %q, delivery 1", longer.ID, longer.Body, longer.Deliveries, first.ID, first.Body)
	}
	b.wantKind("Delete with the receipt before Extend", b.q.Delete(b.Context(), first), fault.NotFound)
	b.k.Sleep(b.k.Visibility + b.k.Tick)
	b.none("the message was extended")
	b.delete(longer)
	b.k.Sleep(2*b.k.Visibility + b.k.Tick)
	b.none("the message was deleted")
}

func extendByZero(b *bench) {
	b.sendText("a")
	first := b.one()
	given := b.extend(first, 0)
	again := b.one()
	b.same(first, again)
	b.wantKind("Delete with the receipt of Extend by 0", b.q.Delete(b.Context(), given), fault.NotFound)
	b.delete(again)
}

func delayed(b *bench) {
	b.send(queue.Outgoing{Body: []byte("later"), Delay: b.k.Visibility})
	b.none("the message is delayed")
	b.k.Sleep(b.k.Visibility - 2*b.k.Tick)
	b.none("the message is still delayed")
	b.k.Sleep(3 * b.k.Tick)
	if m := b.one(); string(m.Body) != "later" || m.Deliveries != 1 {
		b.Errorf("received %q, delivery %d, want %q, delivery 1", m.Body, m.Deliveries, "later")
	}
}

// waiting starts a Receive that waits for patience ticks. What it got is there
// once done is closed.
func (b *bench) waiting(ctx context.Context) (got *[]queue.Message, err *error, done chan struct{}) {
	got, err, done = new([]queue.Message), new(error), make(chan struct{})
	go func() {
		defer close(done)
		*got, *err = b.q.Receive(ctx, 16, patience*b.k.Tick)
	}()
	b.k.Sleep(b.k.Tick)
	return got, err, done
}

// until lets time pass until done is closed, which must not take more ticks than given.
func (b *bench) until(done <-chan struct{}, ticks int, what string) {
	b.Helper()
	for range ticks {
		select {
		case <-done:
			return
		case <-time.After(200 * time.Millisecond): // a fake clock's Sleep gives the other side no time to run
		}
		b.k.Sleep(b.k.Tick)
	}
	select {
	case <-done:
	case <-time.After(200 * time.Millisecond):
		b.Fatalf("not within %v: %s", time.Duration(ticks)*b.k.Tick, what)
	}
}

// soon is the ticks a waiting Receive may take to notice something. It is well
// below patience, so that a wait that ends by itself is told from one that is ended.
const soon = 4

func waitsForSend(b *bench) {
	got, err, done := b.waiting(b.Context())
	b.sendText("a")
	b.until(done, soon, "the Receive has got the message")
	if *err != nil || len(*got) != 1 || string((*got)[0].Body) != "a" {
		b.Errorf("a waiting Receive = %d messages, %v, want the one sent", len(*got), *err)
	}
}

func waitsForExpiry(b *bench) {
	b.sendText("a")
	first := b.one()
	got, err, done := b.waiting(b.Context())
	b.until(done, int(b.k.Visibility/b.k.Tick)+soon, "the Receive has got the message")
	if *err != nil || len(*got) != 1 {
		b.Fatalf("a waiting Receive = %d messages, %v, want the one that became visible", len(*got), *err)
	}
	b.same(first, (*got)[0])
}

func cancelled(b *bench) {
	ctx, cancel := context.WithCancel(b.Context())
	_, err, done := b.waiting(ctx)
	cancel()
	b.until(done, soon, "the Receive has ended")
	b.wantKind("a cancelled Receive", *err, fault.Temporary)
	b.sendText("a")
	b.one()
}

func cancelledBefore(b *bench) {
	b.sendText("a")
	m := b.one()
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	b.wantKind("a cancelled Send", b.q.Send(ctx, queue.Outgoing{Body: []byte("b")}), fault.Temporary)
	_, err := b.q.Receive(ctx, 1, 0)
	b.wantKind("a cancelled Receive", err, fault.Temporary)
	_, err = b.q.Extend(ctx, m, b.k.Visibility)
	b.wantKind("a cancelled Extend", err, fault.Temporary)
	b.wantKind("a cancelled Delete", b.q.Delete(ctx, m), fault.Temporary)
	_, err = b.q.Depth(ctx)
	b.wantKind("a cancelled Depth", err, fault.Temporary)
	b.delete(m)
}
