package reproof

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
)

// Begin creates the first record of a verification v of a run that is over, or finds it
// created; deployed says that its tasks go into queues that processes share. The error is
// Temporary where another verification has the name, and Invalid where the run is one of
// events.
func Begin(ctx context.Context, l *ledger.Ledger, name string, v ledger.Verification, now time.Time, deployed bool) error {
	of, err := l.Run(v.Run).ReadStarted(ctx)
	if err != nil {
		return err
	}
	if of.Events {
		return fault.New(fault.Invalid, "pipeline.StartVerification", v.Run, fmt.Errorf("run %s is one of events: what they copied is verified with the job's next run; name that", v.Run))
	}
	began := ledger.Started{
		Job: of.Job, At: now.UTC(), Root: of.Root, Keys: of.Keys, Chain: of.Chain, Versioned: of.Versioned,
		Deployed: deployed, Kept: new(bool), Verifies: &v,
	}
	stands, err := l.Run(name).CreateStarted(ctx, began)
	if err != nil {
		return err
	}
	if stands.Verifies == nil || *stands.Verifies != v || stands.Deployed != began.Deployed {
		return fault.New(fault.Temporary, "pipeline.StartVerification", name, errors.New("another verification began in this second: try again"))
	}
	return nil
}
