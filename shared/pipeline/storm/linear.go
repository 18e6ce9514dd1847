package storm

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"
)

// The histories of two kinds of keys are checked for linearizability: an order of
// all that was asked and answered of a key must exist in which each answer is
// right. A record of the ledger is created once: whoever creates it decides, and
// readers see that. A key of the target is a register that Ferry and the application
// write and read. An operation whose answer was lost may have been at any time
// since, or never.

// asked is an operation on a key.
type asked struct {
	kind  askedKind
	value string // of what is written
}

type askedKind string

const (
	reads   askedKind = "read"
	creates askedKind = "create" // unless something is there
	writes  askedKind = "write"
	removes askedKind = "delete"
)

// answered is how it was answered.
type answered struct {
	value  string // that was read; "" where nothing was there
	there  bool   // of a create: something was there
	nobody bool   // the answer was lost
}

// moment is one more than the last: operations are between two of them.
func (w *world) moment() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moments++
	return w.moments
}

// recorded takes an operation on a key into its history; lost says that its answer was.
func (w *world) recorded(p *process, of side, key string, since int64, in asked, out answered) {
	if of == book && !createOnce(key) {
		return
	}
	until := w.moment()
	if out.nobody {
		if in.kind == reads {
			return
		}
		until = math.MaxInt64
	}
	client := 0
	if p != nil {
		client = p.id
	}
	name := string(of) + " " + key
	w.operations[name] = append(w.operations[name], porcupine.Operation{ClientId: client, Input: in, Call: since, Output: out, Return: until})
}

// register is a key that anybody may write.
var register = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		is, in, out := state.(string), input.(asked), output.(answered)
		switch in.kind {
		case reads:
			return is == out.value, is
		case creates:
			switch {
			case is == "" && (out.nobody || !out.there):
				return true, in.value
			case is != "" && (out.nobody || out.there):
				return true, is
			}
			return false, is
		case writes:
			return true, in.value
		}
		return true, ""
	},
}

// record is a key that is created once: what writes it otherwise is wrong.
var record = porcupine.Model{
	Init: register.Init,
	Step: func(state, input, output any) (bool, any) {
		if in := input.(asked); in.kind == writes {
			return false, state
		}
		return register.Step(state, input, output)
	},
}

// linear checks every history.
func (w *world) linear() {
	for _, name := range slices.Sorted(maps.Keys(w.operations)) {
		model := register
		if name[:len(book)] == string(book) {
			model = record
		}
		if !porcupine.CheckOperations(model, w.operations[name]) {
			w.fail("no order of what was asked of %s makes every answer right: %s", name, told(w.operations[name]))
		}
	}
}

func told(all []porcupine.Operation) (s string) {
	for _, o := range all[max(0, len(all)-20):] {
		s += fmt.Sprintf("\n  %d: %v %v", o.ClientId, o.Input, o.Output)
	}
	return s
}
