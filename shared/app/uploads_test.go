package app_test

import (
	"fmt"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
)

// faults are those that hit a share of the requests for objects in parts.
func faults(rate float64) (target, source []chaos.Rule) {
	for _, op := range []string{"begin", "put-part", "complete", "abort", "head", "list-uploads"} {
		target = append(target, chaos.Rule{Op: op, Kind: chaos.Status, Rate: rate / 2}, chaos.Rule{Op: op, Kind: chaos.Lost, Rate: rate / 2})
	}
	return target, []chaos.Rule{{Op: "get", Kind: chaos.Reset, Rate: rate / 2}, {Op: "get", Kind: chaos.Status, Rate: rate / 2}, {Op: "stat", Kind: chaos.Status, Rate: rate}}
}

func (w *world) bigOnes(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		w.put(t, kodo.Object{Key: fmt.Sprintf("big/%d", i), Body: make([]byte, 5<<20+i), PutTime: time.Now().Add(-24 * time.Hour)})
	}
}

// TestNoUploadIsLeftOpenByARunThatHasEnded counts the open uploads of the target
// after runs of which a share of all requests failed, or was not answered.
func TestNoUploadIsLeftOpenByARunThatHasEnded(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0.2, 0.3} {
		t.Run(fmt.Sprintf("%v, here", rate), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.bigOnes(t, 6)
			target, source := faults(rate)
			w.oss.Desk().Inject(target...)
			w.kodo.Desk().Inject(source...)
			rep, err := w.copy(t, agent.CopyOptions{}, inSmallParts)
			if err != nil {
				t.Fatal(err)
			}
			if n := w.oss.Uploads("photos-new"); n != 0 {
				t.Errorf("%d uploads are left open after %+v", n, rep.Objects)
			}
		})
		t.Run(fmt.Sprintf("%v, in functions", rate), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.bigOnes(t, 6)
			target, source := faults(rate)
			run := o.start(t, o.job(t, inSmallParts, func(j *job.Job) { j.Limits.Attempts = 3 }))
			o.oss.Desk().Inject(target...)
			o.kodo.Desk().Inject(source...)
			rep := o.end(t, run)
			if n := o.oss.Uploads("photos-new"); n != 0 {
				t.Errorf("%d uploads are left open after %+v", n, rep.Objects)
			}
		})
	}
	for name, rule := range map[string]chaos.Rule{
		"no beginning is answered": {Op: "begin", Kind: chaos.Lost, Rate: 1},
		"no part is answered":      {Op: "put-part", Kind: chaos.Lost, Rate: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.bigOnes(t, 2)
			w.oss.Desk().Inject(rule)
			if rep, err := w.copy(t, agent.CopyOptions{}, inSmallParts); err != nil || rep.Objects.Failed != 2 {
				t.Errorf("%+v, %v, want both failed", rep.Objects, err)
			}
			if n := w.oss.Uploads("photos-new"); n != 0 {
				t.Errorf("%d uploads are left open", n)
			}
		})
	}
}
