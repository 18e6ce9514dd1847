package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
)

// mostLooked is how many of a run's verifications are looked at for one to go on with:
// the newest.
const mostLooked = 20

// NextVerification returns the name of the verification of a run that v asks for: one
// that was begun and is not over, which open reports, or a new one. Where v has no seed, one of
// any seed is gone on with, and a new one gets its time for a seed. A run that is not over is Invalid.
func NextVerification(ctx context.Context, run *ledger.Run, v *ledger.Verification, deployed bool, now time.Time) (name string, open bool, err error) {
	over, err := run.Over(ctx)
	if err != nil {
		return "", false, err
	}
	if !over {
		return "", false, fault.New(fault.Invalid, "control.NextVerification", run.Name, fmt.Errorf("run %s is not over: it verifies what it copied itself, and ferry status %s tells how far it is", run.Name, run.Name))
	}
	names, err := index.Verifications(ctx, run)
	if err != nil {
		return "", false, err
	}
	for i, name := range slices.Backward(names) {
		if i < len(names)-mostLooked {
			break
		}
		s, err := run.Verification(name).ReadStarted(ctx)
		if ledger.Missing(err) { // the run left something, but never started
			continue
		}
		if err != nil {
			return "", false, err
		}
		same := *v
		if same.Seed == "" && s.Verifies != nil {
			same.Seed = s.Verifies.Seed
		}
		if s.Deployed != deployed || s.Verifies == nil || *s.Verifies != same {
			continue
		}
		standing, _, err := run.Verification(name).Steering().ReadStanding(ctx)
		if err != nil {
			return "", false, err
		}
		if !standing.Final() {
			*v = same
			return name, true, nil
		}
	}
	name = ledger.VerificationName(run.Name, now)
	for slices.Contains(names, name) { // two within a second
		now = now.Add(time.Second)
		name = ledger.VerificationName(run.Name, now)
	}
	if v.Seed == "" {
		v.Seed = now.UTC().Format(ledger.RunTime)
	}
	return name, false, nil
}

// Verify begins a verification of a run that is over, and sends its tasks, or finds one
// that was asked for in the same words and is not over. It returns its name.
func (c *Control) Verify(ctx context.Context, run *ledger.Run, v ledger.Verification, now time.Time) (string, error) {
	name, open, err := NextVerification(ctx, run, &v, true, now)
	if err != nil || open {
		return name, err
	}
	tasks, err := c.Pipeline.StartVerification(ctx, name, v)
	if err != nil {
		return name, err
	}
	return name, c.Submit(ctx, tasks...)
}
