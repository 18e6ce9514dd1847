// Package pipeline moves a bucket. It is the only package that knows how a migration
// works: a step reads the ledger, calls one subpackage, its room, creates one record, and
// returns the tasks that follow from it. Read start, list, copy, verify, end in this order,
// which is also the order of the data, big.go where objects go in parts, and each room,
// indented here, when a step calls it:
//
//	start.go   Start  -> one List of everything, and one Report
//	  opening/           asks what is to be known before, and creates the first record
//	list.go    List   -> walks source and target, seals what differs: one Copy a
//	                     batch, sent when it is sealed, then one Verify, and Lists for
//	                     what is left
//	  shard/             the walk over a shard, and what is sealed of it meanwhile
//	  listing/           lists both sides as one, and cuts what is left
//	  verdict/           decides what a listed object needs
//	  memory/            what earlier runs left of each key
//	  batching/          gathers rows into batches, divides one that did not end, and holds
//	                     the rows of those that are copied
//	copy.go    Copy   -> copies a batch; what did not end goes into another
//	           Event  -> one key that the source notified of
//	  thaw/              restores what is archived, before it is copied
//	  transfer/          copies objects and parts, as many at a time as both sides bear
//	  permit/            asks whether something is still to be written, or removed
//	  events/            follows one key until source and target agree; finds its day's run
//	big.go     Begin  -> an object in parts: one Part each for some of its parts
//	           Part   -> what did not fit; the last one yields the Finish
//	           Finish -> checks the whole, then completes the upload
//	  uploads/           opens one; which parts have a record, and which uploads are of no use
//	verify.go  Verify -> waits for the shard's batches, and writes what it came to
//	  proof/             holds every row against both sides, listed again; reads no bytes
//	           Reprove -> a piece of the rows of a run that is over, at any time after
//	                     it; a Report of its own ends such a verification
//	  reproof/           holds a row against both sides, listed, asked or read once more
//	end.go     Decide -> once all are verified: one Delete a batch, or none at all
//	           Delete -> removes what the source no longer has
//	           Remove -> what copying has no right to remove
//	           Report -> waits for all shards, then writes the report
//	  mirror/            adds up what a run would delete, and removes objects: both.go has
//	                     the last look at both sides, and the one DELETE
//	  closing/           adds up what a run came to, and writes its report
//
// Around the steps:
//
//	pipeline.go  Do      one task: whether it is done, and what becomes of it while a
//	                     whole side, or the ledger, does not answer
//	  runs/              what all tasks of a run share: which room is made of which
//	  admission/         whether a task is done now
//	  cache/             the runs that a process keeps
//	  outage/            finds out whether a side answers
//	  deadline/          what is left of an invocation
//	  follow/            the tasks that follow from records, and those that are done later;
//	                     what waits is woken by the last thing that it waits for
//	  waits/             how long which one waits
//	  readahead/         reads records while the ones before are worked on
//	  worklog/           tells in the ledger, now and then, what a process does of a run
//	  watch/             tells those who look on what a process did or met
//	resume.go  Resume    what is open, by the ledger alone; Lost
//	           GiveUp    the end of a task that cannot be done
//	           End       closes the books of a run that was cancelled
//	  giveup/            both of these
//	           Clean     removes what a run that is over has left behind
//	  remains/           finds that
//	storm/               tests all of it, in every order of deliveries, deaths and clocks
//
// The order of records and messages, of which nothing waits for the end of a stage. Each
// record is created before the messages that follow from it; where a process dies in
// between, its message is delivered again, finds the record, and sends them:
//
//	rows ─► sealed/S/0 ─► copies of it        a stretch of the shard S, while S is listed
//	rows ─► sealed/S/1 ─► copies of it        behind the copies of the one before
//	  …
//	rows ─► sealed/S/n ─► closed/S ─► the last copies, the verification of S, S's children
//	copied/B ─► the rest of B, or, where it is the last of a shard, its verification once
//	              more: the first waits in a queue, and looks ever more rarely
//	verified/S ─► what changed, or, where it is the last of the run, gate.json, which
//	              decides about deletions, or report.json
//
// What closed/S names is what was sealed, in the same order: who lists S again goes on
// behind the newest stretch, and whoever does not get its record created lets go of S.
//
// A wrong byte is caught at the first of these. As it is read, digest.Reader holds the last
// byte back until size and hash are those that the source lists, or says where it lists none;
// a job may accept bytes that two reads gave alike. Then the last byte waits once more, until
// the object is still wanted (transfer/guard.go). The target refuses a body that is not of
// the MD5 that package store/oss sends with it, of up to 1 MiB. Package transfer holds the
// CRC64 that was sent against the one that the target says it stored, as OSS always does
// (object.go): where they differ the object is written again, or a Remove removes it. Verify
// reads no bytes: it holds the target's listed ETag and size against the row
// (proof/compare.go), and the version that the source lists (proof/proof.go).
//
// Who removes objects from the target: package mirror alone, at one place (both.go), for two
// kinds of task. A Delete takes what the source no longer has, of a job that mirrors
// deletions, once every shard is verified and gate.json allows it. A Remove takes bytes of the
// job's own that are damaged, of any job, and, of a job that mirrors deletions, the copy of a
// key that an event found gone. Right before, both sides and the ledger are asked once more;
// both.go says what may happen within that time. Unfinished uploads of the job are aborted
// (uploads, remains); Clean removes files of the ledger. The source is only read, and asked
// to restore.
//
// Package app opens the drivers of both sides; how a source is added stands in
// shared/job/schemes.go.
// Every step may run twice, also at the same time: whoever creates the record decides.
// What bounds all processes of a run together, and whether it goes on, is in package
// limit; what a run came to, in package report; what one would do, in package plan.
package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/runs"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/uploads"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/task"
)

// Config puts a Pipeline together, and Target is a bucket to write.
type (
	Config = runs.Config
	Target = runs.Target
)

// Pipeline does tasks. It is safe for concurrent use.
type Pipeline struct {
	process *runs.Process
	config  *Config
}

// New returns a Pipeline.
func New(c Config) *Pipeline {
	p := &Pipeline{process: runs.New(c)}
	p.config = &p.process.Config
	return p
}

// Pause is how long a task waits before its second try: what Config says, or its default.
func (p *Pipeline) Pause() time.Duration { return p.config.Pause }

// StandingOf returns whether a run's tasks are to be done, as far as this process
// knows. A run that it did no task of goes on.
func (p *Pipeline) StandingOf(name string) ledger.Standing {
	if r, ok := p.process.Known(name); ok {
		return r.Share.State.Standing()
	}
	return ledger.Going
}

// Leave takes back this process's heartbeats, as runs.Process.Leave does.
func (p *Pipeline) Leave(ctx context.Context) { p.process.Leave(ctx) }

// Do does one task and returns those that follow from it. An error means that
// nothing is decided: the task must be done again, or given up; one that is
// Later spends no try. While the source or the target does not answer as a
// whole, for as long as the job's limits.outage says, the task itself follows,
// to wait, and no try is spent.
func (p *Pipeline) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	var next []task.Task
	r, err := p.process.Run(ctx, t.Run)
	if err == nil {
		next, err = do(ctx, r, t)
	}
	if err == nil && t.Since > 0 && !slices.ContainsFunc(next, func(n task.Task) bool { return n.Since > 0 }) {
		p.config.Log.InfoContext(ctx, "buckets answer again", "run", t.Run, "kind", t.Kind)
		p.config.Watch(watch.Progress{Kind: watch.Up, Task: t})
	}
	if err == nil || ctx.Err() != nil || !outage.Suspected(err) {
		return next, err
	}
	if down := p.process.LedgerDown(ctx, r, t); down != nil {
		return nil, down
	}
	if r == nil { // neither side is known: nothing can be asked of them
		return nil, err
	}
	if t.Kind != task.Decide && t.Kind != task.Report {
		var o *outage.Outage
		if o, err = r.Prober.Explain(ctx, err, t.Kind.Stage() == task.Copying, t.Since); o != nil {
			r.NoteDown(ctx, t, o)
			return r.Follow.Await(t, o), nil
		}
	}
	if key, alone := outage.ObjectOf(err); alone && fault.KindOf(err) == fault.Throttled && t.Waits >= transfer.MaxThrottledDeliveries {
		return nil, outage.AtObject(key, fault.New(fault.Temporary, "pipeline.Do", key, err)) // it spends tries: a run always ends
	}
	return nil, err
}

// OfOneObject reports whether an error of Do is trouble with one object alone: the
// sides answer, or were not in question. Giving its task up costs that object, and
// everything else goes on.
func OfOneObject(err error) bool {
	_, ok := outage.ObjectOf(err)
	return ok
}

// do does one task of a run, unless it is not admitted now.
func do(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	copying := t.Kind.Stage() == task.Copying
	leave, err := r.Share.Enter(ctx, copying)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer r.Worklog.Enter(ctx, t.Batch, copying)()
	if admitted, next, err := r.Admission().Admit(ctx, t); !admitted {
		return next, err
	}
	next, err := step(ctx, r, t)
	if u, taken := verdict.IsUnwanted(err); taken && u.Standing != "" || err != nil && ctx.Err() == nil && r.Share.State.Halted() {
		return r.Follow.Wait(t), nil // cut short: whether it is dropped is decided when it is delivered again
	}
	return next, err
}

// step does one task. One whose batch is written off has its outcome. Those of the second
// switch are cut short when the run is stopped, and leave nothing. Those of the first are not:
// Copy, Part, Event and Delete end early and write off what they had done, Begin and Remove
// are short.
func step(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	var rows func() ([]ledger.Row, error)
	if t.Kind == task.Copy { // which most often is not written off
		var release func()
		rows, release = r.Rows.Read(ctx, r.Ledger.Batches(), t.Batch)
		defer release()
	}
	if t.Batch != "" {
		w, err := r.Ledger.Batches().ReadWriteOff(ctx, t.Batch)
		if err == nil && t.Kind == task.Part { // an upload may have been begun while its batch was written off
			uploads.Drop(ctx, r.Ledger, r.Target, t.Batch, r.Log)
		}
		if err == nil && t.Fresh() {
			return nil, nil
		}
		if err == nil {
			return r.Next.AfterWriteOff(ctx, t, w), nil
		}
		if !ledger.Missing(err) {
			return nil, err
		}
	}
	switch t.Kind {
	case task.Copy:
		return copyBatch(ctx, r, t, rows)
	case task.Begin: // short, and an upload that is begun has to get its record
		return beginUpload(ctx, r, t)
	case task.Part:
		return copyParts(ctx, r, t)
	case task.Event:
		return followEvent(ctx, r, t)
	case task.Remove:
		return removeBatch(ctx, r, t)
	case task.Delete:
		return deleteBatch(ctx, r, t)
	}
	work, done := r.Share.State.UntilHalted(ctx)
	defer done()
	switch t.Kind {
	case task.List:
		return listShard(work, r, t)
	case task.Finish:
		return finishUpload(work, r, t)
	case task.Verify:
		return verifyShard(work, r, t)
	case task.Decide:
		return decideDeletes(work, r, t)
	case task.Report:
		return writeReport(work, r, t)
	case task.Reprove:
		return reprovePiece(work, r, t)
	}
	return nil, fault.New(fault.Invalid, "pipeline.Do", t.Run, fmt.Errorf("no stage does %q tasks", t.Kind))
}

// stopped reports whether a run is known to be stopped, or tasks are to stop
// for it, and not because the invocation ends.
func stopped(ctx, work context.Context, s *limit.RunState) bool {
	return ctx.Err() == nil && (work.Err() != nil || s.Standing().Stopped())
}

// halted reports whether tasks are to stop, and not because the invocation ends.
func halted(ctx, work context.Context) bool { return work.Err() != nil && ctx.Err() == nil }
