package closing

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
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

// Left is what a day's books still lack.
type Left int

const (
	Nothing Left = iota
	Some         // events were added up, and there was no time for the rest
	All          // there was no time for any
)

// CloseDay adds up a day of events, ten minutes of it at a time, each of which leaves a
// record: the next call goes on behind those. Where Nothing is left it writes the report,
// which ends the day's run.
func (b *Books) CloseDay(ctx context.Context) (Left, error) {
	rep, manifest, left, err := b.day(ctx, false)
	if err != nil || left != Nothing {
		return left, err
	}
	return left, b.Publish(ctx, rep, manifest)
}

// day adds up a day of events; with open, what has not ended is counted as open. What it
// returns is whole where Nothing is left.
func (b *Books) day(ctx context.Context, open bool) (report.Report, report.Manifest, Left, error) {
	d := dayFold{books: b, open: open}
	done, err := d.fold(ctx)
	switch {
	case err == nil && done:
	case d.made > 0:
		return report.Report{}, report.Manifest{}, Some, err
	default:
		return report.Report{}, report.Manifest{}, All, err
	}
	p := progress.Run{Started: b.Started, Failures: d.sum.Failures, Profile: d.sum.Profile}
	for _, name := range d.names {
		p.Shards = append(p.Shards, progress.Shard{Ref: ledger.ShardRef{Shard: name}, Closed: &ledger.Closed{}, Proved: d.sum.Proved[name]})
	}
	rep, manifest := report.Fold(b.Run.Name, b.Job, p, b.Now().UTC())
	return rep, manifest, Nothing, nil
}

const (
	// eventsAtOnce is how many events' records are read at a time.
	eventsAtOnce = 2 * lookups
	// eventsTogether is how many events are folded into one record: what of ten
	// minutes is more is folded minute by minute, or in smaller pieces yet.
	eventsTogether = 20_000
	// foldTime is what one of them may take.
	foldTime = time.Minute
)

// dayFold adds up a day of events in pieces: each is the events whose batches'
// names begin alike, and leaves a record of that name.
type dayFold struct {
	books *Books
	sum   progress.Verifications
	open  bool     // of a run that was cancelled: what has not ended is counted as open
	names []string // of the records, in order
	made  int      // those made here
}

// fold makes the records that are not there yet, in order. done is false where
// time is up before the last.
func (d *dayFold) fold(ctx context.Context) (done bool, err error) {
	if d.sum, err = progress.ReadVerifications(ctx, d.books.Run); err != nil {
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
	found, err := progress.Events(ctx, d.books.Run, store.Range{After: after, UpTo: upTo}, 1)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].ID, nil
}

// piece folds what begins like first, the first event that no record covers:
// as much as no record has a part of, and not more than are folded together.
func (d *dayFold) piece(ctx context.Context, first string) (name string, err error) {
	for n := len(eventnames.Shard(first)); n <= len(first); n++ {
		name = first[:n]
		if i, _ := slices.BinarySearch(d.names, name); i < len(d.names) && strings.HasPrefix(d.names[i], name) {
			continue
		}
		events, err := progress.Events(ctx, d.books.Run, store.Range{Prefix: name}, eventsTogether+1)
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
	written := table.NewEnded(d.books.Job, d.books.Run.Name)
	p.Counts.Listed.Objects = int64(len(events))
	look := func(ctx context.Context, batch ledger.BatchRef) ([]ledger.Row, error) {
		return d.books.settled(ctx, batch, d.open)
	}
	for rows, err := range readahead.Each(ctx, eventsAtOnce, readahead.Slice(events), look) {
		if err != nil {
			return err
		}
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
	err := written.Write(ctx, d.books.Run.Results(), &p)
	if err != nil {
		return err
	}
	p.At = d.books.Now().UTC()
	if p, err = d.books.Run.Shards().CreateVerified(ctx, p); err != nil {
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
	p.Counts.Count(&row)
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
