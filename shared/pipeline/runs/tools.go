package runs

import (
	"context"
	"iter"
	"slices"
	"sync"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/removals"
	"kodoferry/shared/pipeline/admission"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/giveup"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/opening"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/proof"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/pipeline/shard"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// Admission returns what decides whether a task is done now.
func (r *Run) Admission() admission.Run {
	return admission.Run{
		Ledger: r.Ledger, Job: r.Job, Deployed: r.Started.Deployed, Share: r.Share, Permit: r.Permit, Follow: r.Follow,
		Days: &r.process.Days, Prober: &r.Prober, Down: r.NoteDown, Dropped: func() { r.Rows.Forget(r.Ledger.Name) }, Now: r.Config.Now, Log: r.Log,
	}
}

// Listing returns what the shard of t is listed by.
func (r *Run) Listing(t task.Task) shard.Config {
	c := r.Closing()
	c.Chain, c.Named = r.Started.Chain, len(r.Started.Keys) > 0
	c.Source, c.Memory, c.Asker, c.Batches = r.Source, r.Memory, r.Asker(t), r.Batching()
	var walk *listing.Walk // set by Begin
	c.Begin = func(ctx context.Context) (listed func(), err error) {
		recalled, err := r.Recall(ctx)
		if err != nil {
			return nil, err
		}
		if walk, err = r.process.walks.Begin(ctx); err != nil {
			recalled()
			return nil, err
		}
		learned := learning(ctx, r) // before its copies would wait for that
		return func() { walk.End(); recalled(); learned() }, nil
	}
	c.Short = func() bool { return walk.Short() }
	var ahead *opening.Ahead
	if t.Shard == ledger.RootShard {
		if ahead = r.listedAhead(); ahead != nil {
			c.Cutting = ahead.Cutting
		}
	}
	c.Both = func(ctx context.Context, before string, in store.Range) iter.Seq2[listing.Pair, error] {
		return bothSides(ctx, r, walk, ahead, before, in)
	}
	if r.Config.Send != nil {
		c.Send = func(ctx context.Context, batches []ledger.BatchRef, again bool) error {
			copies := r.Follow.Copies(t.Shard, batches)
			if again {
				copies = r.Follow.Resent(copies)
			}
			return r.Config.Send(ctx, copies...)
		}
	}
	return c
}

// Closing returns what a shard is closed by that is not listed to its end.
func (r *Run) Closing() shard.Config {
	return shard.Config{Ledger: r.Ledger, Job: r.Job, Now: r.Config.Now, Log: r.Log}
}

// Ending returns what ends what is not done of the run.
func (r *Run) Ending() giveup.Ending {
	return giveup.Ending{Ledger: r.Ledger, Target: r.Target, Next: r.Next, Closing: r.Closing(), Books: r.Books, Now: r.Config.Now, Log: r.Log}
}

// bothSides lists both sides of a range of a shard, the source from landmarks where it is a
// chain, and has walk weigh them. What was listed of it before the run began, if ahead is not
// nil, is not listed again.
func bothSides(ctx context.Context, r *Run, walk *listing.Walk, ahead *opening.Ahead, before string, in store.Range) iter.Seq2[listing.Pair, error] {
	src, dst := listing.From(ctx, listing.Landed(r.Source, before), in), listing.From(ctx, r.Target, in)
	if ahead != nil {
		src, dst = ahead.Source.Lister(in, src), ahead.Target.Lister(in, dst)
	}
	src, dst = walk.Both(src, dst)
	return listing.Join(src, dst, r.Job.Delete)
}

// Lists takes in that a shard is listed, until done is called. idle is for its Config.
func (r *Run) Lists() (idle func() int, done func()) {
	l := r.process.listing.begin()
	if most := r.Config.Lists; most > 0 {
		idle = func() int { return l.take(most) }
	}
	return idle, l.done
}

// Recall waits until few enough shards are listed beside rows of earlier runs, where there
// are any. The listing calls done when it is over. The error is the end of ctx.
func (r *Run) Recall(ctx context.Context) (done func(), err error) {
	if len(r.Started.Last) == 0 {
		return func() {}, nil
	}
	select {
	case r.process.recalling <- struct{}{}:
		return func() { <-r.process.recalling }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Asker asks the target about single keys on the way of the walk of t.
func (r *Run) Asker(t task.Task) *verdict.Asker {
	probe := func(ctx context.Context, key string) error { return r.Prober.Probe(ctx, outage.Target, false, key) }
	return &verdict.Asker{Rules: &r.Rules, Probe: probe, Retried: t.Attempt > 0, Log: r.Log}
}

// Batching returns what rows are gathered into batches by.
func (r *Run) Batching() batching.Config {
	rows := r.Rows
	if r.Started.Deployed { // most batches are copied by other processes
		rows = nil
	}
	return batching.Config{
		Rules: &r.Rules, Write: r.Ledger.Batches().WriteRows, Rows: rows, Run: r.Ledger.Name, Beside: &r.process.gathering,
		Pace: func(ctx context.Context) live.Pace {
			p, err := r.Pace.Of(ctx, r.Ledger, r.Started.Deployed)
			if err != nil { // p is assumed, which suffices
				r.Log.DebugContext(ctx, "pace not read", "fault", fault.KindOf(err), "err", err)
			}
			return p
		},
		Written: func(rows []ledger.Row) {
			r.Config.Watch(watch.Progress{Kind: watch.Listed, N: int64(len(rows)), Bytes: batching.Sizes(rows)})
			for _, row := range rows {
				if row.State != ledger.Pending {
					r.Config.Watch(watch.Progress{Kind: watch.Settled, Key: row.Key(), Row: row})
				}
			}
		},
	}
}

// Copier returns what copies the objects that t is for.
func (r *Run) Copier(t task.Task) *transfer.Copier {
	return &transfer.Copier{
		Source: r.Source, Target: r.Target, Rules: &r.Rules, Versioned: r.Started.Versioned, Events: r.Started.Events, Mark: eventnames.Short(t.Batch), Clock: &r.clock,
		Share: r.Share, Slots: r.Slots, Bodies: r.process.bodies, Pace: r.Pace, Sides: r.Tracker(t, outage.InARow), Writable: r.Permit.Writable,
		Watch: func(p transfer.Progress) {
			r.Count(t, p)
			r.Config.Watch(watch.Progress{Kind: p.Kind, Key: p.Key, Row: p.Row, Bytes: p.Bytes, Err: p.Err})
		},
		Quick: r.Config.Quick, Now: r.Config.Now, Log: r.Log,
	}
}

// Count counts what t did for those who look how the run stands.
func (r *Run) Count(t task.Task, p transfer.Progress) {
	switch p.Kind {
	case transfer.Settled:
		copied := int64(0)
		if p.Row.State == ledger.Copied && t.Kind != task.Finish { // else its parts were counted
			copied = p.Row.Src.Size
		}
		r.Worklog.Settled(t.Batch, p.Row, copied)
	case transfer.PartCopied:
		r.Worklog.PartCopied(t.Batch, p.Bytes)
	case transfer.Slowed:
		r.Worklog.Throttled(t.Batch)
	}
}

// ReadCopy takes the rows of a Copy that are kept, or begins to read them, and how many objects at
// a time others found to be best. own says that the rows were written lately, by this process
// alone. rows waits for both; of any other task it is nil. release lets go of them.
func (r *Run) ReadCopy(ctx context.Context, t task.Task) (rows func() ([]ledger.Row, error), own bool, release func()) {
	if t.Kind != task.Copy {
		return nil, false, func() {}
	}
	read, own, forget := r.Rows.Read(ctx, r.Ledger, t.Batch)
	learned := learning(ctx, r)
	rows = func() ([]ledger.Row, error) {
		rows, err := read()
		learned()
		return rows, err
	}
	return rows, own, func() { learned(); forget() }
}

// learning begins to learn. learned waits until that is over.
func learning(ctx context.Context, r *Run) (learned func()) {
	var all sync.WaitGroup
	all.Go(func() { learn(ctx, r) })
	return all.Wait
}

// learn has the slots begin with as many as another process of the run, or an earlier one,
// found to be best. It reads that once.
func learn(ctx context.Context, r *Run) {
	if r.Job.Limits.Parallel != job.AutoParallel {
		return
	}
	r.learns.Do(func() {
		switch p, err := live.ReadPace(ctx, r.Ledger.Folder()); {
		case err == nil:
			r.Slots.Begin(p.InFlight)
		case !ledger.Missing(err): // the slots begin as those of the first process did, which suffices
			r.Log.DebugContext(ctx, "pace not read", "fault", fault.KindOf(err), "err", err)
		}
	})
}

// LeavePace leaves in the ledger how fast a batch was copied, and by how many slots at best,
// for the run's next processes.
func (r *Run) LeavePace(ctx context.Context, batch string) {
	best := r.Slots.Best()
	r.Log.DebugContext(ctx, "batch copied", "batch", batch, "inFlight", r.Slots.Most(), "best", best)
	if !r.Started.Deployed && best == 0 {
		return
	}
	if err := r.Pace.Save(ctx, r.Ledger, best, r.Config.Now()); err != nil {
		r.Log.DebugContext(ctx, "pace not left", "fault", fault.KindOf(err), "err", err)
	}
}

// Proof returns what proves the shard of t, of which c is the listing.
func (r *Run) Proof(t task.Task, c ledger.Closed) *proof.Shard {
	return &proof.Shard{
		Run: r.Ledger.Name, Closed: c, Rules: &r.Rules, Asker: r.Asker(t), Source: listing.Landed(r.Source, c.Before), Target: r.Target, Began: r.Started.At, Named: len(r.Started.Keys) > 0,
		Rows: func(ctx context.Context) iter.Seq2[ledger.Row, error] { // one batch ahead
			return readahead.Flat(ctx, 1, readahead.Slice(c.Batches), r.Ledger.Batches().Outcome)
		},
		Lasts:    func(ctx context.Context) proof.Lasts { return r.Memory.Open(ctx, c.Range) },
		Batching: r.Batching(),
		Proven:   func(n int64) { r.Config.Watch(watch.Progress{Kind: watch.Proven, N: n}) },
	}
}

// Piece returns what verifies the piece of t once more.
func (r *Run) Piece(t task.Task) *reproof.Piece {
	asked := r.Started.Verifies
	return &reproof.Piece{
		Mode: reproof.Mode(asked.Mode), Sample: reproof.Sample{Share: asked.Sample, Seed: asked.Seed}, Job: r.Job, Run: asked.Run, Chain: r.Started.Chain,
		Source: listing.Landed(r.Source, t.Before), Target: r.Target, Rules: &r.Rules, Asker: r.Asker(t), Slots: r.Slots, Pace: r.Pace,
		Saw: func(key string, n, bytes int64) {
			r.Config.Watch(watch.Progress{Kind: watch.Proven, Key: key, N: n, Bytes: bytes})
		},
	}
}

// Remover returns what removes objects for a task; sides may be nil for Remove.
func (r *Run) Remover(sides *outage.Tracker) *mirror.Remover {
	return &mirror.Remover{
		Source: r.Source, Target: r.Target, Rules: &r.Rules, Began: r.Started.At, Share: r.Share, Sides: sides,
		Writable: r.Permit.Writable, Removable: r.Permit.Removable, Last: r.Last(), Reserve: removals.Of(r.Ledger).Reserve, Now: r.Config.Now, Log: r.Log,
	}
}

// Last returns what tells what the runs that are over left of one key: for what is asked
// seldom.
func (r *Run) Last() func(ctx context.Context, key string) (*memory.Row, error) {
	return func(ctx context.Context, key string) (*memory.Row, error) {
		return memory.Latest(ctx, r.Config.Ledger, r.Job, r.Ledger.Name, key, r.Memory.Warn)
	}
}

// Tracker returns what finds out, while t deals with objects, whether a bucket does
// not answer: it is asked once enough objects in a row were not served.
func (r *Run) Tracker(t task.Task, enough int) *outage.Tracker {
	return outage.NewTracker(&r.Prober, t.Since, enough, func(ctx context.Context, o *outage.Outage) { r.NoteDown(ctx, t, o) })
}

// NoteDown puts an outage into the log, shows it to who watches, and leaves a note
// for who asks how far the run is.
func (r *Run) NoteDown(ctx context.Context, t task.Task, o *outage.Outage) {
	if err := r.noted.Write(ctx, r.Ledger, o, r.Config.Now()); err != nil {
		r.Log.DebugContext(ctx, "outage not noted", "side", o.Side.String(), "fault", fault.KindOf(err), "err", err)
	}
	r.Log.WarnContext(ctx, "bucket does not answer, waiting", "side", o.Side.String(), "kind", t.Kind, "since", o.Since, "limit", r.Job.Limits.Outage, "fault", fault.KindOf(o.Last), "err", o.Last)
	r.Config.Watch(watch.Progress{Kind: watch.Down, Task: t, Err: r.Prober.Awaits(o)})
}

// NoteUp puts into the log, and shows to who watches, that buckets answer again that t
// waited for, unless what follows from it waits still.
func (p *Process) NoteUp(ctx context.Context, t task.Task, next []task.Task) {
	if t.Since == 0 || slices.ContainsFunc(next, func(n task.Task) bool { return n.Since > 0 }) {
		return
	}
	p.Config.Log.InfoContext(ctx, "buckets answer again", "run", t.Run, "kind", t.Kind)
	p.Config.Watch(watch.Progress{Kind: watch.Up, Task: t})
}

// LedgerDown asks the ledger whether it answers, after t failed, whose run is r, or nil where
// that could not be read. Where it does not, and is to be waited for, it puts that into the
// log, shows it to who watches, and returns the error of it.
func (p *Process) LedgerDown(ctx context.Context, r *Run, t task.Task) error {
	longest := job.DefaultLimits().Outage
	if r != nil {
		longest = r.Job.Limits.Outage
	}
	since, down := outage.OfLedger(ctx, p.Config.Ledger.Run(t.Run), &p.ledger, p.Config.Now, longest)
	if down != nil {
		p.Config.Log.WarnContext(ctx, "ledger does not answer, waiting", "run", t.Run, "kind", t.Kind, "since", since, "limit", longest, "err", down)
		p.Config.Watch(watch.Progress{Kind: watch.Down, Task: t, Err: down})
	}
	return down
}
