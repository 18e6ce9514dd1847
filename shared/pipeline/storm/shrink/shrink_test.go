package shrink

import "testing"

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
