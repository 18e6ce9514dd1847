package ledger

import (
	"bytes"
	"encoding/json"
)

// MaxFailures is how many failures are named, of a shard and of a run; the CSV
// files have all.
const MaxFailures = 1000

// provedIn is a verification whose failures are not decoded yet: 215 KiB of
// them where all of a shard failed.
type provedIn struct {
	Proved
	Failures json.RawMessage `json:"failures"`
}

// firstFailures returns the first MaxFailures, by key, of have and of what
// stands in raw, both of which are in that order.
func firstFailures(have []Failure, raw json.RawMessage) []Failure {
	if len(raw) == 0 {
		return have
	}
	lines := json.NewDecoder(bytes.NewReader(raw))
	if _, err := lines.Token(); err != nil { // "["
		return have
	}
	var more []Failure
	for len(more) < MaxFailures && lines.More() {
		var f Failure
		if lines.Decode(&f) != nil || len(have) == MaxFailures && f.Key >= have[MaxFailures-1].Key {
			break
		}
		more = append(more, f)
	}
	if len(more) == 0 {
		return have
	}
	out := make([]Failure, 0, min(len(have)+len(more), MaxFailures))
	for len(out) < cap(out) {
		if len(more) == 0 || len(have) > 0 && have[0].Key <= more[0].Key {
			out, have = append(out, have[0]), have[1:]
		} else {
			out, more = append(out, more[0]), more[1:]
		}
	}
	return out
}
