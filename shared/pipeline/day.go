package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

const (
	// dayTail is how long after the end of its UTC day an event is still done in
	// that day's run; one that comes later is done in the run of the day it comes in.
	dayTail = 10 * time.Minute
	// dayClosed is how long after the end of its day a run of events is reported:
	// by then whatever was begun within dayTail is over, for no invocation is longer.
	dayClosed = 30 * time.Minute
)

// Due returns when a run of events is to be reported. ok is false for any other run.
func Due(run string) (at time.Time, ok bool) {
	day, ok := ledger.EventDay(run)
	return day.Add(24*time.Hour + dayClosed), ok
}

// reportDay folds a day of events, ten minutes of it at a time, each of which
// leaves a record, and then writes the report. While something of the day goes
// on it yields nothing: whoever sweeps asks again.
func (r *run) reportDay(ctx context.Context, t task.Task) ([]task.Task, error) {
	if due, _ := Due(r.ledger.Name); r.config.Now().Before(due) {
		return nil, nil
	}
	if open, over, err := r.openEvents(ctx); err != nil || over || len(open) > 0 {
		return nil, err
	}
	d := dayFold{run: r}
	done, err := d.fold(ctx)
	if err != nil {
		return nil, err
	}
	if !done {
		next := r.wait(t)
		if d.made > 0 { // something was done: the rest may follow at once
			next[0].Delay = 0
		}
		return next, nil
	}
	rep, manifest := d.report()
	return nil, r.publish(ctx, rep, manifest)
}

const (
	// eventsAtOnce is how many events' records are read at a time, and held in memory.
	eventsAtOnce = 1000
	// eventsTogether is how many events are folded into one record: what of ten
	// minutes is more is folded minute by minute, or in smaller pieces yet.
	eventsTogether = 20_000
	// foldTime is what one of them may take.
	foldTime = time.Minute
)

// dayFold adds up a day of events in pieces: each is the events whose batches'
// names begin alike, and leaves a record of that name.
type dayFold struct {
	run   *run
	sum   ledger.Verifications
	open  bool     // of a run that was cancelled: what has not ended is counted as open
	names []string // of the records, in order
	made  int      // those made here
}

// fold makes the records that are not there yet, in order. done is false where
// time is up before the last.
func (d *dayFold) fold(ctx context.Context) (done bool, err error) {
	if d.sum, err = d.run.ledger.Verified(ctx); err != nil {
		return false, err
	}
	d.names = slices.Sorted(maps.Keys(d.sum.Proved))
	gaps, err := d.gaps(ctx)
	if err != nil {
		return false, err
	}
	for _, g := range gaps {
		for g.first != "" {
			if d.made > 0 && deadline.Near(ctx, foldTime) || deadline.Near(ctx, 0) {
				return false, nil
			}
			piece, err := d.piece(ctx, g.first)
			if err != nil {
				return false, err
			}
			if g.first, err = d.firstEvent(ctx, pieceEnd(piece), g.end); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// report adds up the records.
func (d *dayFold) report() (report.Report, report.Manifest) {
	p := ledger.Progress{Started: d.run.start, Failures: d.sum.Failures}
	for _, name := range d.names {
		p.Shards = append(p.Shards, ledger.Shard{Ref: ledger.ShardRef{Shard: name}, Closed: &ledger.Closed{}, Proved: d.sum.Proved[name]})
	}
	return report.Fold(d.run.ledger.Name, d.run.job, p, d.run.config.Now().UTC())
}

// unfolded is a stretch of events between two records.
type unfolded struct{ first, end string }

// pieceEnd is behind every name that begins with piece.
func pieceEnd(piece string) string { return piece + "\U0010ffff" }

// gaps finds what no record covers, before, between and behind the records. One
// request each, side by side: a process of the version before may have left any.
func (d *dayFold) gaps(ctx context.Context) ([]unfolded, error) {
	gaps := make([]unfolded, len(d.names)+1)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * lookups)
	for i := range gaps {
		after := ""
		if i > 0 {
			after = pieceEnd(d.names[i-1])
		}
		if i < len(d.names) {
			gaps[i].end = d.names[i]
		}
		g.Go(func() (err error) {
			gaps[i].first, err = d.firstEvent(ctx, after, gaps[i].end)
			return err
		})
	}
	return gaps, g.Wait()
}

func (d *dayFold) firstEvent(ctx context.Context, after, upTo string) (string, error) {
	found, err := d.run.ledger.Events(ctx, store.Range{After: after, UpTo: upTo}, 1)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].ID, nil
}

// piece folds what begins like first, the first event that no record covers:
// as much as no record has a part of, and not more than are folded together.
func (d *dayFold) piece(ctx context.Context, first string) (name string, err error) {
	for n := len(ledger.EventShard(first)); n <= len(first); n++ {
		name = first[:n]
		if i, _ := slices.BinarySearch(d.names, name); i < len(d.names) && strings.HasPrefix(d.names[i], name) {
			continue
		}
		events, err := d.run.ledger.Events(ctx, store.Range{Prefix: name}, eventsTogether+1)
		if err != nil {
			return name, err
		}
		if len(events) <= eventsTogether {
			return name, d.foldEvents(ctx, name, events)
		}
	}
	return name, fault.New(fault.Invalid, "pipeline.report", first, errors.New("an event's record is there twice"))
}

// foldEvents adds up some events and writes their rows away. What was listed
// is counted by the names of the records, what became of it by their rows.
func (d *dayFold) foldEvents(ctx context.Context, piece string, events []ledger.BatchRef) error {
	p := ledger.Proved{Shard: piece}
	written := table.NewWriter(d.run.job)
	p.Counts.Listed.Objects = int64(len(events))
	for left := events; len(left) > 0; {
		n := min(eventsAtOnce, len(left))
		ended, err := d.run.settled(ctx, left[:n], d.open)
		if err != nil {
			return err
		}
		left = left[n:]
		for _, rows := range ended {
			if len(rows) == 0 {
				p.Counts.Listed.Objects--
				p.Counts.Excluded.Objects++
			}
			for _, row := range rows {
				countEvent(&p, row)
				if err := written.Add(row); err != nil {
					return err
				}
			}
		}
	}
	data, file, err := written.Finish()
	if err != nil {
		return err
	}
	p.Objects = file
	if p.Objects.Name, err = d.run.ledger.WriteObjects(ctx, piece, data); err != nil {
		return err
	}
	p.At = d.run.config.Now().UTC()
	if p, err = d.run.ledger.Prove(ctx, p); err != nil {
		return err
	}
	d.made++
	d.take(p)
	return nil
}

// take takes in a record that was not there.
func (d *dayFold) take(p ledger.Proved) {
	i, _ := slices.BinarySearch(d.names, p.Shard)
	d.names = slices.Insert(d.names, i, p.Shard)
	d.sum.Add(p)
}

// countEvent takes the row of an event into the books. A deleted object is no
// longer listed anywhere: it is counted apart.
func countEvent(p *ledger.Proved, row ledger.Row) {
	p.Counts.Count(row)
	if row.State == ledger.Deleted {
		p.Counts.Listed.Objects--
		return
	}
	p.Counts.Listed.Bytes += row.Src.Size
	if row.State == ledger.Failed || row.State == ledger.Conflict || row.Verdict == ledger.Mismatch {
		if len(p.Failures) < ledger.MaxFailures {
			p.Failures = append(p.Failures, row.Failure())
		}
	}
}

// settled reads what batches ended as, side by side; with open, of those that
// have not ended, how they stand.
func (r *run) settled(ctx context.Context, batches []ledger.BatchRef, open bool) ([][]ledger.Row, error) {
	ended := make([][]ledger.Row, len(batches))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * lookups)
	for i, b := range batches {
		g.Go(func() (err error) {
			if open {
				ended[i], _, err = r.ledger.Settled(ctx, b)
			} else {
				ended[i], err = r.ledger.Outcome(ctx, b)
			}
			if fault.KindOf(err) == fault.Corrupt { // something happened, and nobody knows what
				ended[i], err = []ledger.Row{{Src: store.Object{Key: b.ID}, State: ledger.Failed, Reason: "what became of this batch cannot be read, nor which keys it has: " + err.Error(), Cause: "what became of a batch cannot be read: " + ledger.CauseOf(err)}}, nil
			}
			return err
		})
	}
	return ended, g.Wait()
}

// openEvents are the tasks of a day's events that were handed on and have not
// ended, none where the day's run is over. An event without a record is not
// among them: the ledger does not know it.
func (r *run) openEvents(ctx context.Context) (open []task.Task, over bool, err error) {
	if over, err = r.ledger.Over(ctx); err != nil || over {
		return nil, over, err
	}
	batches, err := r.ledger.OpenEvents(ctx)
	for _, b := range batches {
		open = append(open, r.copyTask(ledger.EventShard(b.ID), b))
	}
	return open, false, err
}
