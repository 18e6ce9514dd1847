package pipeline

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
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
	if due, _ := Due(r.Name); r.Now().Before(due) {
		return nil, nil
	}
	p, err := r.Walk(ctx)
	if err != nil || p.Reported {
		return nil, err
	}
	open := false
	for i := range p.Shards {
		s := &p.Shards[i]
		switch {
		case s.Proved != nil:
		case len(s.Open) > 0:
			open = true
		case late(ctx, 0):
			return r.wait(t), nil
		default:
			pr, err := r.foldEvents(ctx, *s)
			if err != nil {
				return nil, err
			}
			s.Proved = &pr
		}
	}
	if open {
		return nil, nil
	}
	rep, manifest := r.fold(p)
	if r.job.Delete {
		rep.mirrorDay()
	}
	return nil, r.publish(ctx, rep, manifest)
}

// mirrorDay takes in what events have deleted.
func (rep *Report) mirrorDay() {
	rep.Mirror = &Mirror{Deleted: ledger.Tally{Objects: rep.Objects.Deleted, Bytes: rep.Bytes.Deleted}}
	rep.Mirror.Candidates = rep.Mirror.Deleted
}

// eventsAtOnce is how many events' records are read at a time, and held in memory.
const eventsAtOnce = 1000

// foldEvents adds up ten minutes of events and writes their rows away. What was
// listed is counted by the names of the records, what became of it by their rows.
func (r *run) foldEvents(ctx context.Context, s ledger.Shard) (ledger.Proved, error) {
	p := ledger.Proved{Shard: s.Ref.Shard}
	table := newTable(r.job)
	p.Counts.Listed.Objects = int64(len(s.Closed.Batches))
	for left := s.Closed.Batches; len(left) > 0; {
		n := min(eventsAtOnce, len(left))
		ended, err := r.settled(ctx, left[:n])
		if err != nil {
			return p, err
		}
		left = left[n:]
		for _, rows := range ended {
			if len(rows) == 0 {
				p.Counts.Listed.Objects--
				p.Counts.Excluded.Objects++
			}
			for _, row := range rows {
				countEvent(&p, row)
				if err := table.add(row); err != nil {
					return p, err
				}
			}
		}
	}
	data, err := table.finish()
	if err != nil {
		return p, err
	}
	p.Objects = ledger.File{Rows: table.rows, SHA256: table.sum(data)}
	if p.Objects.Name, err = r.WriteObjects(ctx, s.Ref.Shard, data); err != nil {
		return p, err
	}
	p.At = r.Now().UTC()
	return r.Prove(ctx, p)
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
		if len(p.Failures) < maxFailures {
			p.Failures = append(p.Failures, ledger.Failure{Key: row.Key(), State: row.State, Verdict: row.Verdict, Reason: row.Reason})
		}
	}
}

// settled reads what batches ended as, side by side.
func (r *run) settled(ctx context.Context, batches []ledger.BatchRef) ([][]ledger.Row, error) {
	ended := make([][]ledger.Row, len(batches))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * lookups)
	for i, b := range batches {
		g.Go(func() (err error) {
			ended[i], err = r.Outcome(ctx, b)
			return err
		})
	}
	return ended, g.Wait()
}

// openEvents are the tasks of a day's events that were handed on and have not
// ended. An event without a record is not among them: the ledger does not know it.
func (r *run) openEvents(p ledger.Progress) (open []task.Task) {
	for _, s := range p.Shards {
		for _, b := range s.Open {
			open = append(open, r.copyTask(s.Ref.Shard, b))
		}
	}
	return open
}

// whyEvents tells the story of a key in a run of events.
func (s *Story) whyEvents(ctx context.Context, run *ledger.Run, walk ledger.Progress) error {
	for _, b := range walk.EventsOf(s.Key) {
		s.step(time.Time{}, "event", fmt.Sprintf("an event, looked at after %s:%s:%s UTC, batch %s", b.ID[1:3], b.ID[3:5], b.ID[5:7], b.ID), run.Path("copied/"+b.ID), nil)
		b.First, b.Last = s.Key, s.Key
		before := len(s.Steps)
		if err := s.copies(ctx, run, b); err != nil {
			return err
		}
		if len(s.Steps) == before {
			s.step(time.Time{}, "copied", "the job's filter does not choose it", "", nil)
		}
	}
	return nil
}
