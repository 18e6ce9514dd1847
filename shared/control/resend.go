package control

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/ledger/sent"
	"kodoferry/shared/random"
	"kodoferry/shared/task"
)

const (
	// retention is how long a queue keeps a message (MNS, "Limits": 7 days at most;
	// SQS as long as infra/aws says, 7 days).
	retention = 7 * 24 * time.Hour
	// mostSilence bounds how long a task is silent before it is sent again once more.
	mostSilence = 4 * time.Hour
)

// openTasks is what is known of a run's tasks that no record answers for.
type openTasks struct {
	control *Control
	run     *ledger.Run
	tasks   []task.Task
	idle    time.Duration // since the newest record of the run was written; 0: not known
	due     bool          // its day is over: nothing else is waited for
	every   time.Duration // how often the tasks of a run are sent again at most
	now     time.Time
}

// The times below are parts and multiples of every, so that a test can run at another
// pace. Their comments take every for its usual half hour.

// stands is how long nothing has been written down of a run that is ended by
// tasks sent again: 15 minutes, longer than any task may take.
func (o openTasks) stands() time.Duration { return o.every / 2 }

// silentAfter is how long nothing has been written down of a run whose batches
// are doubted though the queues hold messages: an hour.
func (o openTasks) silentAfter() time.Duration { return 2 * o.every }

// silence is how long a task must have been silent to be sent again that was
// sent again so often before: at first 20 minutes, longer than any waits, then
// half an hour, an hour, and so on. It is a little less, for sweeps come at no
// exact times.
func (o openTasks) silence(times int) time.Duration {
	if times == 0 {
		return o.every * 2 / 3
	}
	return min(o.every<<min(times-1, 16), mostSilence) * 5 / 6
}

// resend sends again those of a run's open tasks that are lost, for all that can
// be known: Depth counts the messages of a queue, those of other runs included. A task
// that shows signs of life is not sent again, and one that was sent again in vain is
// sent again ever more rarely.
func (o openTasks) resend(ctx context.Context) error {
	queues, err := o.queues(ctx)
	if err != nil {
		return err
	}
	doubted, err := o.doubted(ctx, queues)
	d := doubt{tasks: doubted, claim: slot(o.every, o.now), most: len(doubted)}
	if err == nil && len(doubted) == 0 {
		d, err = o.last(ctx, queues)
	}
	o.control.Log.DebugContext(ctx, "open tasks held against the queues", "run", o.run.Name, "open", len(o.tasks), "doubted", len(d.tasks), "idle", o.idle, "slot", d.claim, "err", err)
	if err != nil || len(d.tasks) == 0 {
		return err
	}
	if won, err := sent.Of(o.control.Ledger).Claim(ctx, o.run.Name, d.claim); err != nil || !won {
		return err
	}
	if d.blind {
		if err := sent.WriteChain(ctx, o.run, blindChain, sent.Chain{Times: d.round}); err != nil {
			return err
		}
	}
	return o.send(ctx, d)
}

const (
	// atOnce is how many tasks are looked at, noted and sent again together: a sweep
	// that is cut off has sent what it noted before.
	atOnce = 1000
	// resendFor is how long one sweep sends again what is lost of one run. The next
	// one goes on where nothing of the run is in the queues by then.
	resendFor = 2 * time.Minute
)

// send sends again those of the tasks that are silent, as many as d says, and as
// there is time for.
func (o openTasks) send(ctx context.Context, d doubt) error {
	until := time.Now().Add(resendFor)
	for some := range slices.Chunk(d.tasks, atOnce) {
		lost, err := o.silent(ctx, some, d.most)
		if err != nil {
			return err
		}
		if len(lost) > 0 {
			o.control.Log.WarnContext(ctx, "tasks sent again: no record answers for these, and no message seems to be left of them", "run", o.run.Name, "tasks", len(lost), "first", lost[0].Kind)
			if err := o.control.Submit(ctx, lost...); err != nil {
				return err
			}
		}
		if d.most -= len(lost); d.most == 0 || time.Now().After(until) {
			break
		}
	}
	return nil
}

// doubt are tasks that may be lost.
type doubt struct {
	tasks []task.Task
	claim string // the one process that writes this record sends them again
	most  int    // how many of them are

	// The depth of the queues is unknown: round counts from 1 how often in a row
	// tasks were sent again so, with the run going on for that alone.
	blind bool
	round int
}

// stageOf is how a stage's queue and what is open of the stage compare.
type stageOf struct {
	open, held int // tasks, messages
	unknown    bool
}

// empty reports whether the queue holds nearly nothing of what is open.
func (s stageOf) empty() bool { return !s.unknown && s.held <= s.open/10 }

// others reports whether the queue holds other messages than those of what is
// open, or fewer.
func (s stageOf) others() bool { return s.held > 2*s.open || s.held < s.open }

// queues asks how much the queues hold of the stages that have open tasks, be it
// ready, at work or waiting. The verifications that wait are left out: most of
// them wait for what is lost, and those that are open show that they wait. A queue of
// unknown depth counts as empty where the depth of another of the deployment's queues is
// known: then their service does count.
func (o openTasks) queues(ctx context.Context) (map[task.Stage]stageOf, error) {
	queues := map[task.Stage]stageOf{}
	for _, t := range o.tasks {
		s := queues[t.Kind.Stage()]
		s.open++
		queues[t.Kind.Stage()] = s
	}
	for _, stage := range task.Stages {
		s, asked := queues[stage]
		if !asked {
			continue
		}
		depth, err := o.control.Depth(ctx, stage)
		if err != nil {
			return nil, err
		}
		s.unknown = depth.Unknown
		if s.held = depth.Ready + depth.InFlight; stage != task.Verifying {
			s.held += depth.Delayed
		}
		queues[stage] = s
	}
	return queues, o.counted(ctx, queues)
}

// counted takes queues of unknown depth for empty where any queue is of a known one.
func (o openTasks) counted(ctx context.Context, queues map[task.Stage]stageOf) error {
	known, unknown := false, false
	for _, s := range queues {
		known, unknown = known || !s.unknown, unknown || s.unknown
	}
	for _, stage := range task.Stages {
		if _, asked := queues[stage]; asked || known || !unknown {
			continue
		}
		depth, err := o.control.Depth(ctx, stage)
		if err != nil {
			return err
		}
		known = !depth.Unknown
	}
	for stage, s := range queues {
		s.unknown = s.unknown && !known
		queues[stage] = s
	}
	return nil
}

// doubted returns the tasks that are lost unless they show signs of life. One
// that ends a run, or lists for it, costs little: it is doubted once nothing has
// been written down of the run for a while, whatever the queues hold. Any task is
// doubted where its queue is known to hold nearly nothing, and a batch where its message is older
// than a queue keeps one.
func (o openTasks) doubted(ctx context.Context, queues map[task.Stage]stageOf) (doubted []task.Task, err error) {
	var batches []task.Task
	for _, t := range o.tasks {
		stage := t.Kind.Stage()
		switch {
		case o.due, queues[stage].empty(), t.Batch == "" && o.idle >= o.stands():
			doubted = append(doubted, t)
		case t.Batch != "":
			batches = append(batches, t)
		}
	}
	old, err := o.sentBefore(ctx, o.oldest(queues), batches)
	return append(doubted, old...), err
}

// oldest is how old a batch's message may be that is not doubted for its age: as old
// as any that a queue keeps. How long a run of events has been silent is not known:
// where the depth of the queues is unknown, its batches are doubted after an hour.
func (o openTasks) oldest(queues map[task.Stage]stageOf) time.Duration {
	if o.idle == 0 && queues[task.Copying].unknown {
		return o.silentAfter()
	}
	return retention
}

// lastBatches is how many batches may be the last of a run.
const lastBatches = 10

// last returns the last batches of a run that is silent though the queues hold
// messages: those of other runs, perhaps. One of them is sent again after each of
// the first four hours of silence, and then every four hours. If that brings the run
// further, the hours are counted anew. Where the depth of the queues is unknown,
// any number of batches is treated so.
func (o openTasks) last(ctx context.Context, queues map[task.Stage]stageOf) (d doubt, err error) {
	for _, s := range queues {
		d.blind = d.blind || s.unknown
	}
	if o.idle < o.silentAfter() || len(o.tasks) > lastBatches && !d.blind {
		return doubt{}, nil
	}
	newest, err := progress.NewestUnwalked(ctx, o.run) // a big object may be all that is left
	if err != nil {
		return doubt{}, err
	}
	idle := min(o.idle, o.now.Sub(newest))
	hours := int(idle / o.silentAfter())
	if hours > 4 {
		hours -= hours % 4
	}
	if hours == 0 {
		return doubt{}, nil
	}
	d.tasks = slices.DeleteFunc(o.tasks, func(t task.Task) bool { s := queues[t.Kind.Stage()]; return !s.unknown && !s.others() })
	d.claim, d.most = fmt.Sprintf("doubt-%d-%d", o.now.Add(-idle).Unix(), hours), 1
	if d.blind {
		d.round, err = o.blindRound(ctx, o.now.Add(-idle))
		d.most = 1 << min(2*(d.round-1), 16)
	}
	return d, err
}

// blindChain is the name under which a run keeps the rounds of what was sent again blindly.
const blindChain = "blind"

// blindRound is which round comes behind the run's newest record. Each is four times
// the one before: where what was sent again was done, and the run fell silent once more
// within the hour, the queues hold nothing else of it. Otherwise they may
// hold everything, and no worker serves them: the next round is the first, of one task.
func (o openTasks) blindRound(ctx context.Context, newest time.Time) (int, error) {
	c, err := sent.ReadChain(ctx, o.run, blindChain)
	if ledger.Missing(err) {
		return 1, nil
	}
	if since := newest.Sub(c.At); since < 0 || since > o.silentAfter() {
		return 1, err
	}
	return c.Times + 1, err
}

// mostExpired is of how many batches one sweep asks when their messages were sent.
const mostExpired = 10_000

// sentBefore returns those of batches whose message was sent that age ago or earlier, and
// so were the tasks that came of it. Of more than mostExpired batches it asks for a
// random choice.
func (o openTasks) sentBefore(ctx context.Context, age time.Duration, batches []task.Task) ([]task.Task, error) {
	if begun, err := begunAt(o.run.Name); len(batches) == 0 || err != nil || o.now.Sub(begun) < age {
		return nil, err
	}
	random.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	batches = batches[:min(len(batches), mostExpired)]
	names := make([]string, len(batches))
	for i, t := range batches {
		names[i] = t.Batch
	}
	sealed, err := sent.SealedAt(ctx, o.run, names)
	if err != nil {
		return nil, err
	}
	old := slices.DeleteFunc(batches, func(t task.Task) bool {
		at, ok := sealed[t.Batch]
		return !ok || o.now.Sub(at) < age
	})
	chains, err := o.chains(ctx, old)
	return slices.DeleteFunc(old, func(t task.Task) bool {
		return o.now.Sub(chains[t.Chain()].At) < age
	}), err
}

// silent returns those of tasks, at most most, that have shown no sign of life
// for longer than a task waits, nor were sent again lately, and notes that they
// are sent again. That is noted first: should they not be sent, the next sweep
// finds them silent.
func (o openTasks) silent(ctx context.Context, tasks []task.Task, most int) ([]task.Task, error) {
	chains, err := o.chains(ctx, tasks)
	if err != nil {
		return nil, err
	}
	silent := slices.DeleteFunc(tasks, func(t task.Task) bool {
		c, known := chains[t.Chain()]
		return known && o.now.Sub(c.At) < o.silence(c.Times)
	})
	slices.SortStableFunc(silent, func(a, b task.Task) int { return chains[a.Chain()].Times - chains[b.Chain()].Times })
	silent = silent[:min(len(silent), most)]
	return silent, o.each(ctx, silent, func(ctx context.Context, t task.Task) error {
		return sent.WriteChain(ctx, o.run, t.Chain(), sent.Chain{Resend: t.Resend, Times: chains[t.Chain()].Times + 1})
	})
}

// chains reads what is known of the messages of tasks, by the names of their chains.
func (o openTasks) chains(ctx context.Context, tasks []task.Task) (map[string]sent.Chain, error) {
	var mu sync.Mutex
	known := map[string]sent.Chain{}
	err := o.each(ctx, tasks, func(ctx context.Context, t task.Task) error {
		c, err := sent.ReadChain(ctx, o.run, t.Chain())
		if ledger.Missing(err) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		known[t.Chain()] = c
		return err
	})
	return known, err
}

// each calls f of every task, some at a time.
func (o openTasks) each(ctx context.Context, tasks []task.Task, f func(context.Context, task.Task) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	for _, t := range tasks {
		g.Go(func() error { return f(ctx, t) })
	}
	return g.Wait()
}
