package storm

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
)

// op is an operation from and until a moment.
func op(from, until int64, in asked, out answered) porcupine.Operation {
	return porcupine.Operation{Input: in, Call: from, Output: out, Return: until}
}

func TestHistoriesThatNoOrderExplainsAreFound(t *testing.T) {
	for name, tc := range map[string]struct {
		model   porcupine.Model
		history []porcupine.Operation
		ok      bool
	}{
		"a record is read as it was created": {record, []porcupine.Operation{
			op(1, 2, asked{creates, "a"}, answered{}), op(3, 4, asked{creates, "b"}, answered{there: true}), op(5, 6, asked{kind: reads}, answered{value: "a"})}, true},
		"two create one record": {record, []porcupine.Operation{
			op(1, 2, asked{creates, "a"}, answered{}), op(1, 3, asked{creates, "b"}, answered{})}, false},
		"a reader sees what the loser wrote": {record, []porcupine.Operation{
			op(1, 2, asked{creates, "a"}, answered{}), op(3, 4, asked{creates, "b"}, answered{there: true}), op(5, 6, asked{kind: reads}, answered{value: "b"})}, false},
		"a record is written over": {record, []porcupine.Operation{
			op(1, 2, asked{creates, "a"}, answered{}), op(3, 4, asked{writes, "b"}, answered{})}, false},
		"a create whose answer was lost decides": {record, []porcupine.Operation{
			op(1, math.MaxInt64, asked{creates, "a"}, answered{nobody: true}), op(3, 4, asked{creates, "b"}, answered{there: true}), op(5, 6, asked{kind: reads}, answered{value: "a"})}, true},
		"an object is read before it is written": {register, []porcupine.Operation{
			op(1, 2, asked{kind: reads}, answered{value: "a"}), op(3, 4, asked{writes, "a"}, answered{})}, false},
		"an object is read that was deleted": {register, []porcupine.Operation{
			op(1, 2, asked{writes, "a"}, answered{}), op(3, 4, asked{kind: removes}, answered{}), op(5, 6, asked{kind: reads}, answered{value: "a"})}, false},
		"a write and a read at the same time": {register, []porcupine.Operation{
			op(1, 4, asked{writes, "a"}, answered{}), op(2, 3, asked{kind: reads}, answered{value: "a"})}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if ok := porcupine.CheckOperations(tc.model, tc.history); ok != tc.ok {
				t.Errorf("the history is explained: %v, want %v", ok, tc.ok)
			}
		})
	}
}

func TestADrawDependsOnItsNameAlone(t *testing.T) {
	d := dice{7}
	before := d.draw(1000, "b", 3)
	d.draw(1000, "a", 3)
	if after := d.draw(1000, "b", 3); after != before {
		t.Errorf("a draw was %d, and is %d once another was drawn", before, after)
	}
	seen := map[int]int{}
	for i := range 6000 {
		seen[d.draw(6, "face", i)]++
	}
	for face := range 6 {
		if seen[face] < 800 || seen[face] > 1200 {
			t.Errorf("%d was drawn %d times of 6000, want about 1000", face, seen[face])
		}
	}
}

func TestFailuresOfAKindAreTakenForOne(t *testing.T) {
	one := `worker 1.1: end of put of "k/070" ends what the application wrote at step 53; it looked at step 381`
	two := `worker 2.937: end of put of "k/000" ends what the application wrote at step 6; it looked at step 12`
	if kindOf(one) != kindOf(two) {
		t.Errorf("%q and %q are of two kinds", kindOf(one), kindOf(two))
	}
	if other := `the row of "k/000" is verified as version Ft`; kindOf(one) == kindOf(other) {
		t.Errorf("%q and %q are of one kind", one, other)
	}
}
