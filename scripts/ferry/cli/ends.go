package cli

import (
	"context"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
)

// Ends opens the source and the target of j, and asks both for at most patience whether
// they can be read.
func Ends(ctx context.Context, cfg app.Config, j job.Job, patience time.Duration) (app.Sites, error) {
	sites, err := cfg.Connect(j)
	if err != nil {
		return sites, Usage(err)
	}
	checked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return sites, Misconfigured(sites.CheckEnds(checked))
}
