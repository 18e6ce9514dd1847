// Package eventnames names what a ledger has of events. A run of events collects what a
// job's events of one UTC day came to: `runs/<job>/<day>-events`. It has no shards to
// list. Each event is a batch of one object, whose write-off is its record; the ten minutes
// in which its time bucket ended stand for its shard, so that a day's report is folded in
// pieces.
package eventnames

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Run names the n-th run, from 1, of a job's events of the day that at
// lies in. There is more than one where the job was changed that day.
func Run(job string, at time.Time, n int) string {
	name := job + "/" + at.UTC().Format(DayTime) + eventMark
	if n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	return name
}

// DayTime is how the name of a run of events writes its day.
const DayTime = "20060102"

const eventMark = "-events"

// IsRun reports whether a run of that name is one of events.
func IsRun(run string) bool {
	_, ok := Day(run)
	return ok
}

// Day returns the beginning of a run of events' day. ok is false for any other run.
func Day(run string) (day time.Time, ok bool) {
	name := run[strings.LastIndexByte(run, '/')+1:]
	if len(name) < len(DayTime) || !strings.HasPrefix(name[len(DayTime):], eventMark) {
		return time.Time{}, false
	}
	day, err := time.Parse(DayTime, name[:len(DayTime)])
	return day, err == nil
}

// Batch names the batch, and the shard, of the events of key whose time
// bucket ends at until.
func Batch(key string, until time.Time) (shard, batch string) {
	at := "e" + until.UTC().Format("150405")
	return at[:eventShard], at + Suffix(key)
}

// eventShard is the length of a shard's name: "e142" is 14:20:00 to 14:29:59.
const eventShard = 4

// Suffix ends the names of the batches of a key's events.
func Suffix(key string) string {
	h := sha256.Sum256([]byte(key))
	return "-" + hex.EncodeToString(h[:12])
}

// Shard returns the shard of an event's batch, or of what took its rest.
func Shard(batch string) string { return batch[:min(len(batch), eventShard)] }

// Short returns what names, with the key of its one row, an event's batch, or what took its
// rest; of any other batch, its name.
func Short(batch string) string {
	if i := strings.IndexByte(batch, '-'); i == len(eventBatch) && batch[0] == eventBatch[0] && len(batch) >= i+suffixLen {
		return batch[:i] + batch[i+suffixLen:]
	}
	return batch
}

// Long returns the name of a batch that Short names, with a row of key.
func Long(short, key string) string {
	if len(short) >= len(eventBatch) && short[0] == eventBatch[0] && (len(short) == len(eventBatch) || short[len(eventBatch)] == '.') {
		return short[:len(eventBatch)] + Suffix(key) + short[len(eventBatch):]
	}
	return short
}

const (
	eventBatch = "e150405" // the form of what an event's batch begins with
	suffixLen  = 1 + 2*12  // of a Suffix
)

// IsBatch reports whether a batch is that of an event, and took no other's rest.
func IsBatch(batch string) bool { return len(batch) >= eventShard && !strings.Contains(batch, ".") }
