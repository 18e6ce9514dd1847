package memory

import (
	"context"
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/store"
)

const (
	// mostLayers is how many runs are remembered besides the one that has all rows.
	// What others left is found by the target's metadata.
	mostLayers = 7
	// mostLooked is how many runs are looked at to find them.
	mostLooked = 64
)

// Choose returns the runs that a run of j is to remember, newest first: those of the
// same pair of places that have rows of its keys, down to one that has a row for each.
// An index that is damaged goes to warn, and is passed over.
func Choose(ctx context.Context, l *ledger.Ledger, j job.Job, run string, warn func(file string, err error)) ([]ledger.Last, error) {
	filter, err := j.Filter.Digest(j.Source.Prefix)
	if err != nil {
		return nil, err
	}
	var lasts []ledger.Last
	looked := 0
	err = index.ReadPairRuns(ctx, l, j.Pair(), func(r index.PairRun) bool {
		looked++
		switch {
		case r.Run == run || !r.Meets(j.Source.Prefix):
		case r.Holds(j.Source.Prefix, filter):
			lasts = append(lasts, r.Last)
			return false
		case len(lasts) < mostLayers:
			lasts = append(lasts, r.Last)
		}
		return looked < mostLooked
	}, warn)
	return lasts, err
}

// Disbelieved says of a file of an earlier run why it is not believed, and what that means.
func Disbelieved(file string, err error) string {
	why := "it is missing"
	if !ledger.Missing(err) {
		why = fault.Sentence(err)
	}
	return fmt.Sprintf("not believed: %s, which an earlier run left: %s; what it is of is judged by another form of it, or as without", file, why)
}

// Latest returns what the runs that are over by now, but for run, of the job j, left of one
// key, as Cursor.Find does; nil where they left nothing. Of each run that it asks it reads
// the manifest and, of a file that the key may lie in, two ranges.
// What cannot be believed goes to warn, and is passed over.
func Latest(ctx context.Context, l *ledger.Ledger, j job.Job, run, key string, warn func(file string, err error)) (*Row, error) {
	runs, err := Choose(ctx, l, j, run, warn)
	if err != nil {
		return nil, err
	}
	for _, last := range runs {
		y, err := layerOf(ctx, l, last, store.Range{Prefix: key})
		if lost(err) {
			warn(y.run.Path(ledger.ManifestFile), err)
			continue
		}
		if err != nil {
			return nil, err
		}
		row, err := y.rowOf(ctx, key, warn)
		if row != nil || err != nil {
			return row, err
		}
	}
	return nil, nil
}

// rowOf returns the row of key of a run, as Cursor.Find does.
func (y layer) rowOf(ctx context.Context, key string, warn func(file string, err error)) (last *Row, err error) {
	for _, f := range y.files {
		if f.First > key || f.Last < key {
			continue
		}
		row, err := y.find(ctx, f, key, warn)
		if err != nil {
			return nil, err
		}
		if row != nil && (last == nil || row.State == ledger.Deleted) {
			last = row
		}
	}
	return last, nil
}

// HeldBy returns the name of a run that began after run, of the job j, and has all its
// rows, so that no later one reads those of run; "" where there is none.
func HeldBy(ctx context.Context, l *ledger.Ledger, j job.Job, run string) (string, error) {
	filter, err := j.Filter.Digest(j.Source.Prefix)
	if err != nil {
		return "", err
	}
	later := ""
	err = index.ReadPairRuns(ctx, l, j.Pair(), func(r index.PairRun) bool {
		if r.Run != run && r.Holds(j.Source.Prefix, filter) {
			later = r.Run
		}
		return r.Run != run && later == ""
	}, func(string, error) {})
	return later, err
}
