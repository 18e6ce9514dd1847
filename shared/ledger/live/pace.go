package live

import (
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
)

// Pace is how fast one stream of those who copy is.
type Pace struct {
	V     int           `json:"v"`
	Each  time.Duration `json:"each"`  // what an object costs whatever its size, nanoseconds
	Bytes int64         `json:"bytes"` // bytes a second beyond that

	// InFlight is how many objects at a time were found to be best in one process; 0: not
	// found, or fixed. Processes that begin later begin with as many.
	InFlight int `json:"inFlight,omitempty"`
}

// paceTime is how the record of a minute's pace is named, so that names sort by time.
const paceTime = "20060102T1504Z"

// CreatePace leaves a pace for those who size batches: `pace/<minute>`. The first
// of a minute stands, so many processes leave few records.
func CreatePace(ctx context.Context, dir files.Folder, p Pace, at time.Time) error {
	p.V = files.Version
	_, err := files.CreateRecord(ctx, dir, "pace/"+at.UTC().Format(paceTime), p)
	return err
}

// ReadPace returns the newest pace that a process left. NotFound if none did.
func ReadPace(ctx context.Context, dir files.Folder) (Pace, error) {
	last := ""
	if err := dir.Names(ctx, "pace/", func(name string) { last = name }); err != nil {
		return Pace{}, err
	}
	if last == "" {
		return Pace{}, fault.New(fault.NotFound, "ledger.ReadPace", dir.Path("pace/"), nil)
	}
	return files.ReadRecord[Pace](ctx, dir, last)
}
