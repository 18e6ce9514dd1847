package progress

import (
	"bytes"
	"encoding/json"

	"kodoferry/shared/ledger"
)

// provedIn is a verification whose failures are not decoded yet: 215 KiB of
// them where all of a shard failed.
type provedIn struct {
	ledger.Proved
	Failures json.RawMessage `json:"failures"`
}

// firstFailures returns the first MaxFailures, by key, of have and of what
// stands in raw, both of which are in that order.
func firstFailures(have []ledger.Failure, raw json.RawMessage) []ledger.Failure {
	if len(raw) == 0 {
		return have
	}
	lines := json.NewDecoder(bytes.NewReader(raw))
	if _, err := lines.Token(); err != nil { // "["
		return have
	}
	var more []ledger.Failure
	for len(more) < ledger.MaxFailures && lines.More() {
		var f ledger.Failure
		if lines.Decode(&f) != nil || len(have) == ledger.MaxFailures && f.Key >= have[ledger.MaxFailures-1].Key {
			break
		}
		more = append(more, f)
	}
	if len(more) == 0 {
		return have
	}
	out := make([]ledger.Failure, 0, min(len(have)+len(more), ledger.MaxFailures))
	for len(out) < cap(out) {
		if len(more) == 0 || len(have) > 0 && have[0].Key <= more[0].Key {
			out, have = append(out, have[0]), have[1:]
		} else {
			out, more = append(out, more[0]), more[1:]
		}
	}
	return out
}
