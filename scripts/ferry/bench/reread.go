package bench

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/pipeline/reproof"
)

// rereadFerry verifies the newest run of the spec's job as `ferry verify --mode read`
// does, until its report.
func rereadFerry(ctx context.Context, spec Spec) error {
	sites, j, err := connect(spec)
	if err != nil {
		return err
	}
	newest, err := index.Newest(ctx, sites.Ledger, j.Name, time.Now())
	if err != nil {
		return err
	}
	run := sites.Ledger.Run(newest)
	asked := ledger.Verification{Run: newest, Mode: string(reproof.Read), Prefix: j.Source.Prefix, Sample: reproof.Whole.Share}
	rep, err := app.Verify(ctx, sites, j, run, asked, func(string, bool) {}, agent.CopyOptions{})
	if err == nil && (!rep.Verified || rep.Findings[ledger.Holds].Objects != spec.Objects) {
		err = fmt.Errorf("%d of %d objects were verified: %s", rep.Findings[ledger.Holds].Objects, spec.Objects, rep.Reason)
	}
	return err
}
