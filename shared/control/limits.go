package control

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
)

// Limits is what bounds a run, and the processes that its limits are shared among.
type Limits struct {
	Run     string          `json:"run"`
	Limits  limit.Bounds    `json:"limits"`
	Changed bool            `json:"changed"` // since the run began
	Living  []ledger.Living `json:"living"`  // not nil; known only where a limit is set
}

// LimitsOf reads what bounds a run now.
func LimitsOf(ctx context.Context, run *ledger.Run) (Limits, error) {
	l := Limits{Run: run.Name, Living: []ledger.Living{}}
	var err error
	if l.Limits, l.Changed, err = limit.Read(ctx, run); err != nil {
		return l, err
	}
	living, err := run.Living(ctx, time.Now())
	l.Living = append(l.Living, living...)
	return l, err
}
