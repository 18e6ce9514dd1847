package sqs

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// receipts is the book of the messages that this process holds. SQS keeps none
// that serves the contract: it says yes to the deletion of a message by any
// receipt of its form, expired and used ones too, says yes and does nothing
// where the visibility of a message that is visible again is to change, and
// gives no new receipt when it changes. So a receipt here is a number and SQS's
// own, and counts while the book has it with that number.
//
// A receipt is good in the process that got it, which nothing in Ferry passes on.
type receipts struct {
	mu   sync.Mutex
	last int64
	open map[string]holding // by SQS's receipt
}

// holding is one message that is hidden for this process.
type holding struct {
	number   int64
	received time.Time
	until    time.Time // when it gets visible
}

// enter takes a message into the book and returns its receipt.
func (r *receipts) enter(handle string, now time.Time, visibility time.Duration) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[string]holding{}
	}
	for handle, h := range r.open { // few: those of the tasks at work here
		if !h.until.After(now) {
			delete(r.open, handle)
		}
	}
	return r.write(handle, holding{received: now, until: now.Add(visibility)})
}

// write enters h under a new number. The lock is held.
func (r *receipts) write(handle string, h holding) string {
	r.last++
	h.number = r.last
	r.open[handle] = h
	return strconv.FormatInt(h.number, 10) + " " + handle
}

// find returns SQS's receipt and the holding that a receipt stands for.
func (r *receipts) find(receipt string, now time.Time) (string, holding, bool) {
	number, handle, _ := strings.Cut(receipt, " ")
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.open[handle]
	return handle, h, ok && strconv.FormatInt(h.number, 10) == number && h.until.After(now)
}

// extend writes that a message is hidden until then, and returns its new receipt.
func (r *receipts) extend(handle string, h holding, until time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	h.until = until
	return r.write(handle, h)
}

// strike takes a message out.
func (r *receipts) strike(handle string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, handle)
}

var errReceipt = errors.New("the receipt is unknown or has expired: the message is deleted, or visible again and perhaps delivered to another")

// holding finds m in the book; a receipt that is void is NotFound.
func (q *Queue) holding(op string, m queue.Message) (string, holding, error) {
	handle, h, ok := q.held.find(m.Receipt, q.now())
	if !ok {
		return "", h, fault.New(fault.NotFound, op, q.link.Name, errReceipt)
	}
	return handle, h, nil
}
