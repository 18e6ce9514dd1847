package bench

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
)

// listFloor lists the source with its driver, with spec.Both also the target at the
// same time, and returns how many objects the source lists. It lists spec.Parallel
// ranges side by side, whose borders it knows beforehand, where the services are far;
// else one.
func listFloor(ctx context.Context, spec Spec) (int64, error) {
	j, err := job.New(spec.Source, spec.Target, spec.Ledger)
	if err != nil {
		return 0, err
	}
	sites, err := app.Load(os.Getenv).Connect(j)
	if err != nil {
		return 0, err
	}
	var listed, beside atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range ranges(spec.Objects, spec.Ranges) {
		g.Go(func() error { return drain(ctx, sites.Source, r, &listed) })
	}
	if spec.Both {
		g.Go(func() error { return drain(ctx, sites.Target, store.Range{Prefix: j.Target.Prefix}, &beside) })
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	if spec.Both && beside.Load() != listed.Load() {
		return 0, fmt.Errorf("the source lists %d objects, the target %d", listed.Load(), beside.Load())
	}
	return listed.Load(), nil
}

// ranges cuts the stand-in's generated keys into n of equal length, one of all for 0. The
// i-th of them begins with i in nine digits, with a slash behind the second and the fourth.
func ranges(keys int64, n int) []store.Range {
	all := []store.Range{{}}
	for i := range int64(max(n, 1)) {
		if i == 0 {
			continue
		}
		d := fmt.Sprintf("%09d", keys*i/int64(n))
		border := d[:2] + "/" + d[2:4] + "/" + d[4:]
		all[i-1].UpTo = border
		all = append(all, store.Range{After: border})
	}
	return all
}

// drain lists a range and adds the number of objects to n.
func drain(ctx context.Context, from store.Source, r store.Range, n *atomic.Int64) error {
	for _, err := range from.List(ctx, r) {
		if err != nil {
			return err
		}
		n.Add(1)
	}
	return nil
}
