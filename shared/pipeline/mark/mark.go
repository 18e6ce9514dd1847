// Package mark makes the marks of writings, which the metadata of an object have, and
// reads them. No two writings of an object have one mark. A mark tells by when its writing has
// come to pass, if it ever does: metadata travel with what is copied, so that what was
// written later, and has the mark, somebody else made of the object, unless a record of the
// writing tells: an upload may rest for longer.
package mark

import (
	"strconv"
	"strings"
	"time"
)

// skew is by how much what a Clock tells may differ from the target's clock, which tells
// whole seconds, and is of many machines.
const skew = 2 * time.Minute

// slowest is the rate, in bytes a second, at which a writing is still waited for.
const slowest = 16 << 10

const (
	// Request is how long one request may take besides its bytes: the longest delivery
	// of a task, with all that it has sent, is over by then.
	Request = time.Hour
	// Upload is how long an upload may take besides its bytes.
	Upload = 7 * 24 * time.Hour
)

// A mark is what names the batch of its writing, what its delivery drew, the minute by which
// it has come to pass, and how often the delivery had begun to write the object before. Marks
// of earlier versions have no batch and no minute.
const (
	behindBatch = "/"
	beforeTime  = "~"
	beforeCount = "."
)

// Delivery returns what the marks of all writings of a delivery have in common: what names its
// batch, and what it drew.
func Delivery(batch, drawn string) string { return batch + behindBatch + drawn }

// Make returns the mark of the n-th writing of an object, from 1, by a delivery, of size bytes,
// that is begun at now, by the target's clock, and takes as long as within and its bytes.
// Where now is zero the mark does not tell.
func Make(delivery string, n int, now time.Time, within time.Duration, size int64) string {
	m := delivery
	if !now.IsZero() {
		by := now.Add(within + time.Duration(size/slowest)*time.Second)
		m += beforeTime + strconv.FormatInt(by.Unix()/60+1, 36)
	}
	if n > 1 {
		m += beforeCount + strconv.Itoa(n)
	}
	return m
}

// Batch returns what names the batch of the writing of a mark; "" where the mark does not tell.
func Batch(m string) string {
	batch, _, ok := strings.Cut(m, behindBatch)
	if !ok {
		return ""
	}
	return batch
}

// Dated reports whether a mark tells by when its writing came to pass.
func Dated(m string) bool {
	_, ok := by(m)
	return ok
}

// Past reports whether an object that the target says was written at that time cannot be
// what the writing of the mark m made.
func Past(m string, at time.Time) bool {
	until, ok := by(m)
	return ok && at.After(until.Add(skew))
}

// by returns the time by which the writing of a mark has come to pass, by the target's
// clock. ok is false where the mark does not tell.
func by(m string) (t time.Time, ok bool) {
	_, rest, found := strings.Cut(m[strings.LastIndex(m, behindBatch)+1:], beforeTime) // a batch may have one in its name
	if !found {
		return time.Time{}, false
	}
	minute, _, _ := strings.Cut(rest, beforeCount)
	n, err := strconv.ParseInt(minute, 36, 64)
	if err != nil || n <= 0 || n > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(n*60, 0), true
}
