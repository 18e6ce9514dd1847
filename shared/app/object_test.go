package app_test

import (
	"strings"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// objectTroubles are what one object may answer to, for ever, while its bucket
// answers all else: at the source, or at the target.
var objectTroubles = map[string]struct {
	source bool
	rule   chaos.Rule
}{
	"its ranges answer 500":              {true, chaos.Rule{Op: "get", Status: 500}},
	"its ranges answer 403":              {true, chaos.Rule{Op: "get", Status: 403}},
	"its ranges end amid their bytes":    {true, chaos.Rule{Op: "get", Kind: chaos.Reset}},
	"the source's stat answers 403":      {true, chaos.Rule{Op: "stat", Status: 403}},
	"the source's stat answers 405":      {true, chaos.Rule{Op: "stat", Status: 405}},
	"no upload can be begun: 500":        {false, chaos.Rule{Op: "begin", Status: 500}},
	"no upload can be begun: 403":        {false, chaos.Rule{Op: "begin", Status: 403}},
	"no part is taken: 500":              {false, chaos.Rule{Op: "put-part", Status: 500}},
	"no part is taken: 403":              {false, chaos.Rule{Op: "put-part", Status: 403}},
	"the upload cannot be completed":     {false, chaos.Rule{Op: "complete", Status: 500}},
	"the upload must not be completed":   {false, chaos.Rule{Op: "complete", Status: 403}},
	"answers to its completion are lost": {false, chaos.Rule{Op: "complete", Kind: chaos.Lost}},
}

func inSmallParts(j *job.Job) {
	j.Limits.PartsAbove, j.Limits.PartSize, j.Limits.Attempts = 4<<20, 4<<20, 1
}

// TestTroubleOfABigObjectStaysWithIt lets one of two objects in parts be in
// trouble beside small ones, in one process.
func TestTroubleOfABigObjectStaysWithIt(t *testing.T) {
	t.Parallel()
	for name, tc := range objectTroubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(t, 5)
			for _, key := range []string{"a/bad", "big"} {
				w.put(t, kodo.Object{Key: key, Body: make([]byte, 5<<20), PutTime: time.Now().Add(-24 * time.Hour)})
			}
			tc.rule.Key, tc.rule.Rate = "a/bad", 1
			if tc.rule.Kind == "" {
				tc.rule.Kind = chaos.Status
			}
			desk := w.oss.Desk()
			if tc.source {
				desk = w.kodo.Desk()
			}
			desk.Inject(tc.rule)
			rep, err := w.copy(t, agent.CopyOptions{}, inSmallParts)
			if err != nil {
				t.Fatalf("the run ended with %v, want its report", err)
			}
			lost := tc.rule.Kind == chaos.Lost
			if bad := rep.Objects.Failed; rep.Objects.Verified < 6 || !lost && (bad != 1 || rep.Result != report.Incomplete) {
				t.Errorf("%s: %+v, want one failed and the six others verified", rep.Result, rep.Objects)
			}
			for _, f := range rep.Failures {
				if f.Key != "a/bad" || f.State != ledger.Failed || strings.TrimSpace(f.Reason) == "" {
					t.Errorf("%+v, want the bad object failed and why", f)
				}
			}
			if n := w.oss.Uploads("photos-new"); n != 0 {
				t.Errorf("%d uploads are left open", n)
			}
		})
	}
}
