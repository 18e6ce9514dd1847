package progress

import (
	"context"

	"kodoferry/shared/ledger"
)

// Verifications are the verifications of a run, without their failures, by shard.
type Verifications struct {
	Proved   map[string]*ledger.Proved
	Failures []ledger.Failure // the first MaxFailures of all
	Profile  ledger.Profile   // of all
}

// ReadVerifications reads the verifications of a run. One that cannot be read has
// failed, and says why.
func ReadVerifications(ctx context.Context, r *ledger.Run) (Verifications, error) {
	w := newWalk(r, false)
	v := Verifications{Proved: map[string]*ledger.Proved{}}
	err := w.list(ctx)
	if err == nil {
		err = w.readProved(ctx)
	}
	for name, s := range w.shards {
		v.Proved[name] = s.Proved
	}
	v.Failures, v.Profile = w.Failures, w.Profile
	return v, err
}

// Add takes in one more.
func (v *Verifications) Add(p ledger.Proved) {
	v.Failures = append(v.Failures, p.Failures[:min(len(p.Failures), ledger.MaxFailures-len(v.Failures))]...)
	v.Profile.Add(p.Profile)
	p.Failures, p.Profile = nil, nil
	v.Proved[p.Shard] = &p
}
