package events

import (
	"context"
	"errors"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/store"
)

// notified returns the row that an event of key begins with, whose time bucket ends at
// until. It is Invalid where the batch is not that of both, or the key not one of the job's.
func notified(j job.Job, key, batch string, until time.Time) (ledger.Row, error) {
	if _, own := eventnames.Batch(key, until); own != batch || !strings.HasPrefix(key, j.Source.Prefix) {
		return ledger.Row{}, fault.New(fault.Invalid, "pipeline.event", key, errors.New("the task's batch is not that of its key and time, or its key not one of the job's"))
	}
	return ledger.Row{Src: store.Object{Key: key}, State: ledger.Pending}, nil
}

// handedOn returns the row of an event that was sealed when it was handed on.
func handedOn(ctx context.Context, batches ledger.Batches, batch string) (ledger.Row, error) {
	rows, err := batches.ReadRows(ctx, batch)
	if err == nil && len(rows) != 1 {
		err = fault.New(fault.Invalid, "pipeline.event", batch, fault.Errorf("the batch has %d rows, want one", len(rows)))
	}
	if err != nil {
		return ledger.Row{}, err
	}
	return rows[0], nil
}

// Row returns the row that an event's task is about: of the key that was notified of, or the
// one that was sealed when it was handed on. Where that is too early, early says by how much.
func Row(ctx context.Context, batches ledger.Batches, j job.Job, key, batch string, until, now time.Time) (row ledger.Row, early time.Duration, err error) {
	if key == "" {
		row, err = handedOn(ctx, batches, batch)
		return row, 0, err
	}
	row, err = notified(j, key, batch, until)
	return row, earlier(until, now), err
}

// Park creates the record of an event of a paused day, for no other names its key, and
// returns the one that stands.
func Park(ctx context.Context, batches ledger.Batches, j job.Job, batch string, row ledger.Row) (ledger.WriteOff, error) {
	stands, _, err := batching.WriteOff(ctx, batches, j, batch, []ledger.Row{row}, batching.Pause{})
	return stands, err
}
