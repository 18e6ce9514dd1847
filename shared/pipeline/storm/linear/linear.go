// Package linear checks the histories of two kinds of keys for linearizability: an order
// of all that was asked and answered of a key must exist in which each answer is
// right. A record of the ledger is created once: whoever creates it decides, and
// readers see that. A key of the target is a register that Ferry and the application
// write and read. An operation whose answer was lost may have been at any time
// since, or never.
package linear

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/anishathalye/porcupine"
)

// Asked is an operation on a key.
type Asked struct {
	Kind  Kind
	Value string // of what is written
}

// Kind is what an operation does.
type Kind string

const (
	Reads   Kind = "read"
	Creates Kind = "create" // unless something is there
	Writes  Kind = "write"
	Removes Kind = "delete"
)

// Answered is how it was answered.
type Answered struct {
	Value  string // that was read; "" where nothing was there
	There  bool   // of a create: something was there
	Nobody bool   // the answer was lost
}

// History is what was asked of each key, and what came back. It is safe for concurrent use.
type History struct {
	mu         sync.Mutex
	moments    int64
	operations map[string][]porcupine.Operation // by key
	once       map[string]bool                  // keys that are created once
}

// New returns an empty history.
func New() *History {
	return &History{operations: map[string][]porcupine.Operation{}, once: map[string]bool{}}
}

// Moment is one more than the last: operations are between two of them.
func (h *History) Moment() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.moments++
	return h.moments
}

// Add takes an operation of a client on a key, begun at the moment since and ended now,
// into its history. once says that the key is one that is created once.
func (h *History) Add(client int, key string, once bool, since int64, in Asked, out Answered) {
	until := h.Moment()
	if out.Nobody {
		if in.Kind == Reads {
			return
		}
		until = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.once[key] = once
	h.operations[key] = append(h.operations[key], porcupine.Operation{ClientId: client, Input: in, Call: since, Output: out, Return: until})
}

// register is a key that anybody may write.
var register = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		is, in, out := state.(string), input.(Asked), output.(Answered)
		switch in.Kind {
		case Reads:
			return is == out.Value, is
		case Creates:
			switch {
			case is == "" && (out.Nobody || !out.There):
				return true, in.Value
			case is != "" && (out.Nobody || out.There):
				return true, is
			}
			return false, is
		case Writes:
			return true, in.Value
		}
		return true, ""
	},
}

// record is a key that is created once: what writes it otherwise is wrong.
var record = porcupine.Model{
	Init: register.Init,
	Step: func(state, input, output any) (bool, any) {
		if in := input.(Asked); in.Kind == Writes {
			return false, state
		}
		return register.Step(state, input, output)
	},
}

// Unexplained tells of each key of which no order makes every answer right.
func (h *History) Unexplained() (wrong []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(h.operations)) {
		model := register
		if h.once[key] {
			model = record
		}
		if all := h.operations[key]; !porcupine.CheckOperations(model, all) {
			wrong = append(wrong, fmt.Sprintf("no order of what was asked of %s makes every answer right: %s", key, told(all)))
		}
	}
	return wrong
}

func told(all []porcupine.Operation) (s string) {
	for _, o := range all[max(0, len(all)-20):] {
		s += fmt.Sprintf("\n  %d: %v %v", o.ClientId, o.Input, o.Output)
	}
	return s
}
