package app_test

import (
	"testing"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/fault"
)

func TestACheckOutlastsWhatMayPass(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rule chaos.Rule
		hits int64 // answers that were injected
		kind fault.Kind
	}{
		"a throttle":            {chaos.Rule{Op: "*", Kind: chaos.Throttle, Rate: 1, Limit: 2}, 2, ""},
		"a 503":                 {chaos.Rule{Op: "*", Kind: chaos.Status, Status: 503, Rate: 1, Limit: 2}, 2, ""},
		"a refusal stands":      {chaos.Rule{Op: "*", Kind: chaos.Status, Status: 403, Rate: 1}, 1, fault.Denied},
		"trouble that passes":   {chaos.Rule{Op: "*", Kind: chaos.Status, Status: 500, Rate: 1, Limit: 2}, 2, ""},
		"a reset":               {chaos.Rule{Op: "*", Kind: chaos.Reset, Rate: 1, Limit: 1}, 1, ""},
		"trouble that does not": {chaos.Rule{Op: "*", Kind: chaos.Status, Status: 500, Rate: 1}, 5, fault.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			w := newWorld(t)
			w.kodo.Desk().Inject(tc.rule)
			sites, err := w.config.Connect(w.job(t))
			if err != nil {
				t.Fatal(err)
			}
			if got := fault.KindOf(sites.Check(t.Context())); got != tc.kind {
				t.Errorf("Check fails as %q, want %q", got, tc.kind)
			}
			hits := int64(0)
			for _, n := range w.kodo.Desk().Injected() {
				hits += n
			}
			if hits != tc.hits {
				t.Errorf("%d answers were injected, want %d", hits, tc.hits)
			}
		})
	}
}
