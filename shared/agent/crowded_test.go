package agent_test

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/store/mem"
)

// TestOtherJobsHardlyDelayARunsBeginning: with the runs of a hundred others in its ledger a run has
// its first object in the target two round trips later than with none.
func TestOtherJobsHardlyDelayARunsBeginning(t *testing.T) {
	alone := firstBeside(t, 0)
	for _, tc := range []struct{ others, trips int }{{1, 0}, {10, 0}, {100, 2}} {
		if took := firstBeside(t, tc.others); took > alone+time.Duration(tc.trips)*atTarget {
			t.Errorf("the first object is in the target after %v beside %d other jobs, and after %v beside none; want %d round trips more at most", took, tc.others, alone, tc.trips)
		}
	}
}

// firstBeside is when a run's first object is in the target, beside so many other jobs in the
// ledger, each of which has a run that is over.
func firstBeside(t *testing.T, others int) (first time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		to := func(bucket string) job.Job {
			j, err := job.New("kodo://photos/?region=z0", "oss://"+bucket+"/?region=cn-hangzhou", "")
			if err != nil {
				t.Fatal(err)
			}
			return j
		}
		j, b := to("photos-new"), apart{mem.New(mem.OSS), 0}
		l := ledger.Open(b, j.Ledger.Prefix)
		for i := range others {
			raw, err := job.Encode(to(fmt.Sprintf("other-%d", i)))
			if err != nil {
				t.Fatal(err)
			}
			run := l.Run(fmt.Sprintf("other-%d/%s", i, time.Now().Add(-time.Hour).UTC().Format(ledger.RunTime)))
			if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: raw}); err != nil {
				t.Fatal(err)
			}
			if _, err := run.Results().CreateReport(t.Context(), []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
		b.answers = atTarget
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var mu sync.Mutex
		begun := time.Now()
		o := agent.CopyOptions{Watch: func(e watch.Progress) {
			if e.Kind == watch.Settled {
				mu.Lock()
				defer mu.Unlock()
				first = cmp.Or(first, time.Since(begun))
				stop()
			}
		}}
		_, _ = agent.Copy(ctx, agent.Sites{Source: &numbered{1000, []byte("some bytes")}, Target: b, Ledger: ledger.Open(b, j.Ledger.Prefix)}, j, o)
	})
	if first == 0 {
		t.Fatalf("no object is in the target beside %d other jobs", others)
	}
	return first
}
