package linear

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
)

// op is an operation from and until a moment.
func op(from, until int64, in Asked, out Answered) porcupine.Operation {
	return porcupine.Operation{Input: in, Call: from, Output: out, Return: until}
}

func TestHistoriesThatNoOrderExplainsAreFound(t *testing.T) {
	for name, tc := range map[string]struct {
		model   porcupine.Model
		history []porcupine.Operation
		ok      bool
	}{
		"a record is read as it was created": {record, []porcupine.Operation{
			op(1, 2, Asked{Creates, "a"}, Answered{}), op(3, 4, Asked{Creates, "b"}, Answered{There: true}), op(5, 6, Asked{Kind: Reads}, Answered{Value: "a"})}, true},
		"two create one record": {record, []porcupine.Operation{
			op(1, 2, Asked{Creates, "a"}, Answered{}), op(1, 3, Asked{Creates, "b"}, Answered{})}, false},
		"a reader sees what the loser wrote": {record, []porcupine.Operation{
			op(1, 2, Asked{Creates, "a"}, Answered{}), op(3, 4, Asked{Creates, "b"}, Answered{There: true}), op(5, 6, Asked{Kind: Reads}, Answered{Value: "b"})}, false},
		"a record is written over": {record, []porcupine.Operation{
			op(1, 2, Asked{Creates, "a"}, Answered{}), op(3, 4, Asked{Writes, "b"}, Answered{})}, false},
		"a create whose answer was lost decides": {record, []porcupine.Operation{
			op(1, math.MaxInt64, Asked{Creates, "a"}, Answered{Nobody: true}), op(3, 4, Asked{Creates, "b"}, Answered{There: true}), op(5, 6, Asked{Kind: Reads}, Answered{Value: "a"})}, true},
		"an object is read before it is written": {register, []porcupine.Operation{
			op(1, 2, Asked{Kind: Reads}, Answered{Value: "a"}), op(3, 4, Asked{Writes, "a"}, Answered{})}, false},
		"an object is read that was deleted": {register, []porcupine.Operation{
			op(1, 2, Asked{Writes, "a"}, Answered{}), op(3, 4, Asked{Kind: Removes}, Answered{}), op(5, 6, Asked{Kind: Reads}, Answered{Value: "a"})}, false},
		"a write and a read at the same time": {register, []porcupine.Operation{
			op(1, 4, Asked{Writes, "a"}, Answered{}), op(2, 3, Asked{Kind: Reads}, Answered{Value: "a"})}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if ok := porcupine.CheckOperations(tc.model, tc.history); ok != tc.ok {
				t.Errorf("the history is explained: %v, want %v", ok, tc.ok)
			}
		})
	}
}
