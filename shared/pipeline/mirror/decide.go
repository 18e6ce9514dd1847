package mirror

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/verdict"
)

// DecideDeletes decides by the progress of a run of j, all of whose shards are verified,
// whether the candidates for deletion are deleted. What looks like a mistake is refused
// as a whole: it is cheaper to run again than to get back what was deleted. The decision
// counts once its record is created; By tells it from those of twins.
func DecideDeletes(j job.Job, p progress.Run, now time.Time) ledger.DeleteDecision {
	decision := ledger.DeleteDecision{At: now.UTC(), By: ledger.Nonce()}
	var e verdict.Extent
	unknown := 0
	for _, s := range p.Shards {
		if s.Closed.Failed != "" || s.Proved.Failed != "" {
			unknown++
		}
		e.Seen += s.Closed.Counts.Listed.Objects + s.Closed.Counts.Excluded.Objects
		e.Held += s.Closed.Held
		decision.Candidates.Add(s.Candidates.Objects, s.Candidates.Bytes)
		decision.Others.Add(s.Closed.Others.Objects, s.Closed.Others.Bytes)
	}
	e.Candidates, e.Others = decision.Candidates.Objects, decision.Others.Objects
	decision.Reason = verdict.RefuseDeletes(j, e)
	if decision.Candidates.Objects > 0 && unknown > 0 {
		decision.Reason = fmt.Sprintf("%d stretches of the source could not be listed or verified, so what it no longer has is not known for sure; run again", unknown)
	}
	decision.Allowed = decision.Reason == ""
	return decision
}

// ReadDeleteDecision reads the run's decision on deletions. A record that cannot be read
// allows none: the run would never end otherwise.
func ReadDeleteDecision(ctx context.Context, run *ledger.Run) (ledger.DeleteDecision, error) {
	decision, err := run.ReadDeleteDecision(ctx)
	if fault.KindOf(err) == fault.Corrupt {
		return ledger.DeleteDecision{Reason: "the decision on deletions cannot be read: " + err.Error()}, nil
	}
	return decision, err
}

// sending is how long the process that created a decision is left to send what follows from
// it: a task that finds the decision sooner would send each deletion a second time.
const sending = time.Second / 2

// IsBeingSent reports whether a decision is so young that the process which created it sends
// what follows from it.
func IsBeingSent(decision ledger.DeleteDecision, now time.Time) bool {
	age := now.Sub(decision.At)
	return age >= 0 && age < sending
}
