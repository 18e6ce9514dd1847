package ledger

import (
	"context"
	"time"

	"kodoferry/shared/fault"
)

// Pace is how fast one stream of those who copy is.
type Pace struct {
	V     int           `json:"v"`
	Each  time.Duration `json:"each"`  // what an object costs whatever its size, nanoseconds
	Bytes int64         `json:"bytes"` // bytes a second beyond that
}

// paceTime is how the record of a minute's pace is named, so that names sort by time.
const paceTime = "20060102T1504Z"

// NotePace leaves a pace for those who size batches: `pace/<minute>`. The first
// of a minute stands, so many processes leave few records.
func (r *Run) NotePace(ctx context.Context, p Pace, at time.Time) error {
	p.V = Version
	_, err := createRecord(ctx, r, "pace/"+at.UTC().Format(paceTime), p)
	return err
}

// LastPace returns the newest pace that somebody left. NotFound if nobody did.
func (r *Run) LastPace(ctx context.Context) (Pace, error) {
	last := ""
	if err := r.names(ctx, "pace/", func(name string) { last = name }); err != nil {
		return Pace{}, err
	}
	if last == "" {
		return Pace{}, fault.New(fault.NotFound, "ledger.LastPace", r.Name, nil)
	}
	return readRecord[Pace](ctx, r, last)
}
