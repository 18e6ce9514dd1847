// Package pipeline moves a bucket. It is the only package that knows how a migration
// works: a step reads the ledger, calls one subpackage, its room, creates one record, and
// returns the tasks that follow from it. Read start, list, copy, verify, end in this order,
// which is also the order of the data, big.go where objects go in parts, and each room,
// indented here, when a step calls it:
//
//	start.go   Start  -> one List of everything, and one Report
//	  opening/           asks what is to be known before, and creates the first record
//	list.go    List   -> walks source and target, seals what differs: one Copy a batch,
//	                     sent when it is sealed, then one Verify, and Lists for what is left
//	  shard/             the walk over a shard, and what is sealed of it meanwhile
//	  listing/           lists both sides as one, and cuts what is left
//	  verdict/           decides what a listed object needs
//	  memory/            what earlier runs left of each key
//	  batching/          gathers rows into batches, keeps those that are copied soon, writes
//	                     a batch off, and divides its rest
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
//	           Reprove -> a piece of the rows of a run that is over, at any time after it
//	  reproof/           holds a row against both sides, listed, asked or read once more
//	end.go     Decide -> once all are verified: one Delete a batch, or none at all
//	           Delete -> removes what the source no longer has
//	           Remove -> what copying has no right to remove
//	           Report -> waits for all shards, then writes the report
//	  mirror/            decides whether a run deletes, and removes objects
//	  closing/           adds up what a run came to, and writes its report
//
// Around the steps:
//
//	pipeline.go  Do      one task: whether it is done now, its step, and what becomes of it
//	                     while a whole side, or the ledger, does not answer
//	  admission/         the first and the last of these
//	  outage/            finds out whether a side answers
//	  runs/              which room is made of which, for a run; cache/ keeps those in use
//	  follow/            the tasks that follow from records, and those that are done later;
//	                     its comment has the order of records and messages
//	  waits/, deadline/  how long which task waits; what is left of an invocation
//	  readahead/         reads records while the ones before are worked on
//	  worklog/, watch/   what is told of a process, in the ledger and to those who look on
//	resume.go  Resume    what is open, by the ledger alone; Lost
//	           GiveUp    the end of a task that cannot be done
//	           End       closes the books of a run that was cancelled
//	  giveup/            both of these
//	           Clean     removes what a run that is over has left behind
//	  remains/           finds that
//	storm/               tests all of it, in every order of deliveries, deaths and clocks
//
// Every step may run twice, also at the same time: the first to create the record decides. Each
// record is created before the messages that follow from it: where a process dies in
// between, its message is delivered again, finds the record, and sends them.
//
// A wrong byte is caught at the first of these. As it is read, digest.Reader holds the last
// byte back until size and hash are those that the source lists (where it lists none, a job
// may accept what two reads gave alike). The target refuses a body of up to 1 MiB that is
// not of the MD5 that store/oss sends with it. Package transfer holds the CRC64 that was sent
// against the one that the target says it stored, as OSS always does (object.go, parts.go,
// complete.go): where they differ the object is written again, or a Remove removes it. Verify
// reads no bytes: it holds the target's listed ETag and size against the row
// (proof/compare.go), and the version that the source lists (proof/proof.go).
//
// Who removes objects from the target: package mirror alone, at one place (mirror/delete.go),
// for two kinds of task. A Delete takes what the source no longer has, of a job that mirrors
// deletions, once every shard is verified and the run's decision (gate.json) allows it. A
// Remove takes damaged bytes of the job's own, of any job, and, of a job that mirrors
// deletions, the copy of a key that an event found gone. Right before, both sides (for
// damaged bytes the target) and the ledger are asked once more; that file says what may
// happen meanwhile. Unfinished uploads of the job are aborted (uploads, remains);
// Clean removes files of the ledger. The source is only read, and asked to restore.
//
// Outside: package app opens the drivers of both sides (a source is added in
// shared/job/schemes.go), limit bounds all processes of a run together, report has what it
// came to, plan what one would do.
package pipeline

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/runs"
	"kodoferry/shared/pipeline/uploads"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/task"
)

// Config puts a Pipeline together, and Target is a bucket to write.
type (
	Config = runs.Config
	Target = runs.Target
)

// Pipeline does tasks. It is safe for concurrent use.
type Pipeline struct{ process *runs.Process }

// New returns a Pipeline.
func New(c Config) *Pipeline { return &Pipeline{runs.New(c)} }

// Pause is how long a task waits before its second try: what Config says, or its default.
func (p *Pipeline) Pause() time.Duration { return p.process.Config.Pause }

// StandingOf returns whether a run's tasks are to be done, as runs.Process.StandingOf does.
func (p *Pipeline) StandingOf(name string) ledger.Standing { return p.process.StandingOf(name) }

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
	if err == nil {
		p.process.NoteUp(ctx, t, next)
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
	return r.Admission().Postpone(ctx, t, err)
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

// step does one task, unless its batch is written off, and so has its outcome. work ends with
// ctx, and when the run stops. Those of the second half are cut short then, and leave
// nothing. Copy, Part, Event and Delete end early and write off what they had done. Begin and
// Remove are short, and not cut.
func step(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	rows, own, release := r.ReadCopy(ctx, t) // meanwhile: most often it is not written off
	defer release()
	if next, ended, err := r.Next.Outcome(ctx, t, own); ended || err != nil {
		if ended && t.Kind == task.Part { // an upload may have been begun while its batch was written off
			uploads.Drop(ctx, r.Ledger, r.Target, t.Batch, r.Log)
		}
		return next, err
	}
	work, done := r.Share.State.UntilHalted(ctx)
	defer done()
	switch t.Kind {
	case task.Copy:
		return copyBatch(ctx, work, r, t, rows)
	case task.Event:
		return followEvent(ctx, work, r, t)
	case task.Begin: // an upload that is begun has to get its record
		return beginUpload(ctx, r, t)
	case task.Part:
		return copyParts(ctx, work, r, t)
	case task.Delete:
		return deleteBatch(ctx, work, r, t)
	case task.Remove:
		return removeBatch(ctx, r, t)

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
