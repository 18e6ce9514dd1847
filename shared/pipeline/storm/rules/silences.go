package rules

import (
	"context"
	"time"

	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/pipeline/storm/world"
)

// Silence says since when nothing may be written or removed any more, and why.
type Silence struct {
	Since time.Time
	Why   string
}

// silent holds against what may be that a run changed a key of the target.
func (rules *ChangeRules) silent(t *world.Tenant, p *world.Process, op, key string) {
	run := p.Run()
	asked := []string{run, t.Job.Name}
	if eventnames.IsRun(run) || op == "delete" && rules.ofKept(run) {
		asked = append(asked, Removed+t.Job.Name)
	}
	for _, name := range asked {
		if s, ok := rules.Silences[name]; ok && time.Now().After(s.Since) {
			rules.w.Log.Fail("%s: %s of %q, and %s %s %s ago", p.Name, op, key, name, s.Why, time.Since(s.Since))
		}
	}
}

// ofKept reports whether a run is of a job that was kept when it began.
func (rules *ChangeRules) ofKept(run string) bool {
	s, err := rules.w.Books().Run(run).ReadStarted(context.Background())
	return err == nil && s.OfKept()
}

// Removed begins the names of silences that are of a job that is not kept any more:
// its events, and its deletions.
const Removed = "what is kept of "
