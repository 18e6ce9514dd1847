package control_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/ledger/ledgertest"
	"kodoferry/shared/store/mem"
)

// to returns a job that writes below a prefix.
func to(t *testing.T, name, prefix string) job.Job {
	t.Helper()
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/"+prefix+"?region=cn-hangzhou", "")
	j.Name = name
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestJobsAreHeldApartWithinFewRoundTrips has a ledger of so many jobs, each with a run a day
// for ten days, and counts how many requests wait for another until a job is told from them all.
func TestJobsAreHeldApartWithinFewRoundTrips(t *testing.T) {
	for name, tc := range map[string]struct {
		jobs     int
		own      bool // the job that is asked about is one of them
		open     int  // jobs of which the newest run is not over
		kept     bool // the ledger keeps the jobs
		ago      time.Duration
		inRow    int
		requests int
	}{
		"no other":                          {inRow: 1, requests: 2},
		"its own runs alone":                {jobs: 1, own: true, inRow: 1, requests: 2},
		"one other, over":                   {jobs: 1, inRow: 3, requests: 5},
		"one other, over for months":        {jobs: 1, ago: 100 * 24 * time.Hour, inRow: 3, requests: 6},
		"one other, under way":              {jobs: 1, open: 1, inRow: 4, requests: 9},
		"ten others, over":                  {jobs: 10, inRow: 3, requests: 32},
		"ten others, under way":             {jobs: 10, open: 10, inRow: 4, requests: 72},
		"a hundred others, over":            {jobs: 100, inRow: 5, requests: 302},
		"a hundred others, over for months": {jobs: 100, ago: 100 * 24 * time.Hour, inRow: 5, requests: 402},
		"a hundred others, one under way":   {jobs: 100, open: 1, inRow: 6, requests: 306},
		"a hundred others, under way":       {jobs: 100, open: 100, inRow: 7, requests: 702},
		"a hundred others, kept and over":   {jobs: 100, kept: true, inRow: 5, requests: 502},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &ledgertest.Distant{Bucket: mem.New(mem.OSS)}
				l := ledger.Open(d, ".ferry/")
				time.Sleep(300 * 24 * time.Hour)
				for i := range tc.jobs {
					j := to(t, fmt.Sprintf("other-%03d", i), fmt.Sprintf("%03d/", i))
					if tc.own {
						j = to(t, "j", "")
					}
					raw, err := job.Encode(j)
					if err != nil {
						t.Fatal(err)
					}
					for day := range 10 {
						run := l.Run(j.Name + "/" + time.Now().Add(-tc.ago-time.Duration(day)*24*time.Hour-time.Minute).UTC().Format(ledger.RunTime))
						if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: raw}); err != nil {
							t.Fatal(err)
						}
						if day == 0 && i < tc.open {
							continue
						}
						if _, err := run.Results().CreateReport(t.Context(), []byte("{}")); err != nil {
							t.Fatal(err)
						}
					}
					if tc.kept {
						if err := kept.WriteJob(t.Context(), l.Folder(), kept.Job{Name: j.Name, Job: raw}, nil); err != nil {
							t.Fatal(err)
						}
					}
				}
				d.Trip = time.Second
				d.Requests.Store(0)
				begun := time.Now()
				err := control.RefuseClash(t.Context(), l, to(t, "j", "j/"), time.Now(), slog.New(slog.DiscardHandler))
				if err != nil {
					t.Errorf("a job that meets no other is refused: %v", err)
				}
				row := int(time.Since(begun) / time.Second)
				t.Logf("%d requests, %d in a row", d.Requests.Load(), row)
				if row > tc.inRow || int(d.Requests.Load()) > tc.requests {
					t.Errorf("%d requests, %d of them in a row; want at most %d and %d", d.Requests.Load(), row, tc.requests, tc.inRow)
				}
				if tc.open > 0 {
					err := control.RefuseClash(t.Context(), l, to(t, "j", "000/"), time.Now(), slog.New(slog.DiscardHandler))
					if err == nil || !strings.Contains(err.Error(), "other-000") {
						t.Errorf("a job that writes where a run under way does is told %v, want it refused", err)
					}
				}
			})
		})
	}
}
