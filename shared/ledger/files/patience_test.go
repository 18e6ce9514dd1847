package files_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// failing fails every Stat and counts them.
type failing struct {
	*mem.Bucket
	err   error
	stats int
}

func (f *failing) Stat(context.Context, string) (store.Object, error) {
	f.stats++
	return store.Object{}, f.err
}

// TestARequestOfTheLedgerIsTriedForAWhile in a bubble, where time passes at once. The pauses
// grow from 50 ms to 5 s, give or take half.
func TestARequestOfTheLedgerIsTriedForAWhile(t *testing.T) {
	for name, tc := range map[string]struct {
		err         error
		tries       int
		least, most time.Duration // that it takes
	}{
		"what may pass, 8 times":                   {fault.New(fault.Temporary, "x", "", errors.New("reset")), 8, 800 * time.Millisecond, 2500 * time.Millisecond},
		"so is what nobody knows":                  {errors.New("odd"), 8, 800 * time.Millisecond, 2500 * time.Millisecond},
		"a throttle, 40 times, asked and a pause":  {fault.Throttle("x", "", 10*time.Second, errors.New("slow down")), store.MaxThrottles, 460 * time.Second, 640 * time.Second},
		"what no try cures, once":                  {fault.New(fault.Denied, "x", "", errors.New("no")), 1, 0, 0},
		"a record that is not there is no trouble": {fault.New(fault.NotFound, "x", "", errors.New("none")), 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &failing{Bucket: mem.New(mem.OSS), err: tc.err}
				begun := time.Now()
				_, err := files.Open(b, ".ferry/").Has(t.Context(), "jobs/photos.json")
				took := time.Since(begun)
				if b.stats != tc.tries || took < tc.least || took > tc.most {
					t.Errorf("%d tries in %v, want %d in %v to %v", b.stats, took, tc.tries, tc.least, tc.most)
				}
				if missing := fault.KindOf(tc.err) == fault.NotFound; (err == nil) != missing || !missing && !errors.Is(err, tc.err) {
					t.Errorf("Has = %v, want the last try's error", err)
				}
			})
		})
	}
}
