package runs

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/sent"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/closing"
	"kodoferry/shared/pipeline/follow"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/opening"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/permit"
	"kodoferry/shared/pipeline/thaw"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/pipeline/waits"
	"kodoferry/shared/pipeline/worklog"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// Run is what every task of one run shares: what its steps read, call and write.
type Run struct {
	Config  *Config
	Ledger  *ledger.Run
	Started ledger.Started
	Job     job.Job
	Rules   verdict.Rules  // of the job, between Source and Target
	Memory  *memory.Memory // what earlier runs left of each key
	Source  store.Source
	Target  store.Writer // speaks source keys
	Log     *slog.Logger

	Follow follow.Tasks   // makes its tasks
	Next   *follow.Run    // makes those that the ledger tells of
	Permit *permit.Permit // asks whether it goes on, and what it may write
	Books  closing.Books  // adds up what it came to
	Thawer thaw.Thawer    // restores what is archived at the source
	Prober outage.Prober  // asks both sides, without limits

	Share   *limit.Share     // of what bounds all processes of the run
	Slots   *limit.AIMD      // as many as its job's limits.parallel, or as are best, within those of the process
	Pace    *limit.Pace      // of the process
	Rows    *batching.Memory // of the process
	Worklog *worklog.Log     // what the process does of the run, for those who look

	Proving   sync.Map   // has the shards that the process verifies now
	Reporting sync.Mutex // held by the task that writes the report

	process *Process
	noted   outage.OfSides
	clock   mark.Clock // of the target
	learns  sync.Once  // how many others found to be best
	forget  func()     // lets go of its buckets
}

// Run returns the run of that name, connecting to its buckets the first time.
func (p *Process) Run(ctx context.Context, name string) (*Run, error) {
	if r, ok := p.known.Use(name); ok {
		return r, nil
	}
	l := p.Config.Ledger.Run(name)
	started, err := l.Begun(ctx)
	if err != nil {
		return nil, err
	}
	j, err := job.Decode(started.Job)
	if err != nil {
		return nil, err
	}
	match, err := j.Filter.Compile(j.Source.Prefix)
	if err != nil {
		return nil, err
	}
	src, dst, err := p.Config.Open(ctx, j)
	if err != nil {
		return nil, err
	}
	if started.Events { // its first record was made by who does not reach the target
		if started.Versioned, err = dst.Versioned(ctx); err != nil {
			p.Config.Closed(src, dst)
			return nil, err
		}
	}
	r := &Run{
		Config: &p.Config, Ledger: l, Started: started, Job: j, Log: p.Config.Log.With("run", name), Pace: &p.pace, Rows: p.rows,
		process: p, forget: func() { p.rows.Forget(name); p.Config.Closed(src, dst) },
	}
	bound(r, src, dst)
	judge(r, src, dst, match)
	account(r)
	r.Prober = outage.Prober{
		Run: name, Buckets: [2]store.Source{src, listing.Rename(dst, j.Source.Prefix, j.Target.Prefix)}, Range: started.Root.Range,
		Limit: j.Limits.Outage, Now: p.Config.Now,
	}
	switch {
	case len(started.Keys) > 0:
		r.Source = &listing.Named{Source: r.Source, Keys: namedKeys(l.Of(), started.Keys)}
		r.Prober.Buckets[outage.Source] = r.Source // the bucket may be one that must not be listed
	case started.Chain:
		r.Source = listing.Anchored{Source: r.Source}
	}
	return p.known.Keep(name, r), nil
}

// bound takes both sides by what bounds all processes of the run, and this one.
func bound(r *Run, src Source, dst Target) {
	p, j := r.process, r.Job
	r.Share = limit.NewShare(r.Ledger, j.Limits, limit.Options{Process: p.name, Deployed: r.Started.Deployed, Now: p.Config.Now, Log: r.Log})
	r.Slots = slotsOf(j.Limits, p.Config.Most, p.slots)
	r.Source = limit.Source(src, r.Share, "the source "+j.Source.Place())
	r.Target = listing.Rename(limit.Target(dst, r.Share, "the target "+j.Target.Place()), j.Source.Prefix, j.Target.Prefix)
	r.Worklog = worklog.New(r.Ledger.Folder(), live.Work{Process: p.name, Host: p.Config.Host, PID: p.Config.PID}, p.Config.WorkEvery, p.Config.Now, r.binds)
}

// judge makes what decides on single keys, and on the run.
func judge(r *Run, src Source, dst Target, match *job.Matcher) {
	c, j := r.Config, r.Job
	r.Rules = verdict.Rules{Job: j, Match: match, Source: store.TermsOf(r.Source), Target: r.Target, Describe: r.Source.Stat, Now: c.Now}
	r.Rules.Keeper, _ = dst.(verdict.Keeper)
	_, r.Rules.Run, _ = strings.Cut(r.Ledger.Name, "/")
	r.Rules.Writing = func(ctx context.Context, key string, o store.Origin) (*ledger.Row, error) {
		return r.process.writings.Of(ctx, r.Ledger.Name, key, o)
	}
	r.Rules.Job.Thaw = j.Thaw && !r.Started.Events // an event leaves what is archived to the job's next run
	r.Thawer = thaw.Thawer{Job: j, Source: r.Source, Now: c.Now}
	r.Thawer.Service, _ = src.(store.Thawer)
	r.Memory = &memory.Memory{Ledger: c.Ledger, Runs: r.Started.Last, Range: r.Started.Root.Range, Warn: r.process.PassedOver(context.Background(), r.Ledger.Name)}
	r.Permit = &permit.Permit{Ledger: c.Ledger, Steer: r.Ledger.Steering(), Rules: &r.Rules, State: &r.Share.State, Events: r.Started.Events, OfKept: r.Started.OfKept()}
}

// account makes what tells, by the ledger, what follows, and what the run came to.
func account(r *Run) {
	c, s := r.Config, r.Started
	r.Follow = follow.Tasks{Run: r.Ledger.Name, Events: s.Events, Deployed: s.Deployed, Waits: waits.Policy{First: c.Pause, Most: c.MaxWait, Tries: transfer.Tries}, Now: c.Now}
	r.Next = &follow.Run{Tasks: r.Follow, Ledger: r.Ledger, Sent: sent.Of(c.Ledger), Deletes: r.Job.Delete, Verifies: s.Verifies != nil, Waited: c.Waited, Log: r.Log}
	beside := func(ctx context.Context) []string {
		return listing.Beside(ctx, r.Source, r.Job.Source.Prefix, report.Beside)
	}
	r.Books = closing.Books{Ledger: c.Ledger, Run: r.Ledger, Started: s, Job: r.Job, Beside: beside, Now: c.Now, Log: r.Log}
}

// binds says what bounds this process's part of the run now.
func (r *Run) binds() (by string, inFlight int) {
	by, inFlight = r.Slots.Binds()
	return cmp.Or(r.Share.Binds(), by), inFlight
}

// slotsOf returns the slots of a run with those limits, at most most.
func slotsOf(l job.Limits, most int, of *limit.AIMD) *limit.AIMD {
	if l.Parallel == job.AutoParallel {
		return limit.NewAutoAIMD(most, of)
	}
	return limit.NewAIMD(l.AtOnce(most), of)
}

// namedKeys are the keys that the job of a run names.
func namedKeys(l *ledger.Run, segments []ledger.KeySegment) []listing.Keys {
	var all []listing.Keys
	for _, s := range segments {
		all = append(all, listing.Keys{First: s.First, Last: s.Last, Count: s.Count, Read: func(ctx context.Context) ([]string, error) { return ledger.ReadKeys(ctx, l.Folder(), s) }})
	}
	return all
}

// listedAhead is what was listed of the run before it began, once; nil: nothing was.
func (r *Run) listedAhead() *opening.Ahead {
	a, _ := r.process.ahead.LoadAndDelete(r.Ledger.Name)
	was, _ := a.(*opening.Ahead)
	return was
}
