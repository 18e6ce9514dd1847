package verify

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/reproof"
)

const (
	// lookEvery is how often the ledger is asked for the report of a verification: one GET.
	lookEvery = 2 * time.Second
	// walkShare bounds the share of the time that walks over its records take, which read
	// each of them: one in walkShare.
	walkShare = 20
)

// await waits for the report of a verification that functions make, and calls saw with
// what was looked at since it was last called.
func await(ctx context.Context, verification *ledger.Run, saw func(objects, bytes int64)) (reproof.Report, error) {
	var seen ledger.Tally
	for walkAt := time.Now(); ; {
		rep, err := reproof.ReadReport(ctx, verification)
		if !ledger.Missing(err) {
			return rep, err
		}
		if began := time.Now(); !began.Before(walkAt) {
			w, err := progress.WalkReproof(ctx, verification)
			if err != nil {
				return rep, err
			}
			now := w.Counts.Sampled
			saw(now.Objects-seen.Objects, now.Bytes-seen.Bytes)
			seen, walkAt = now, time.Now().Add(walkShare*time.Since(began))
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return rep, ctx.Err()
		}
	}
}
