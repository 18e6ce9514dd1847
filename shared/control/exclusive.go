package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/retry"
)

const (
	// exclusiveFor bounds what a process does under one intent. It is less than
	// kept.IntentFor, after which other processes ignore the intent, by what a
	// request may take on its way.
	exclusiveFor = 100 * time.Second
	// exclusiveWait bounds the wait under one intent: after it the process withdraws the
	// intent and writes another, for what is left of exclusiveFor must do.
	exclusiveWait = 20 * time.Second
	// exclusiveAll bounds the wait for other processes in all: longer than the intent of
	// a dead process stands.
	exclusiveAll = 2 * kept.IntentFor
	// rivalsSoon is the first pause between two looks for intents that clash. The pauses
	// grow up to rivalsMost: the intent of a dead process stands for kept.IntentFor,
	// and each look costs a listing and a read for each intent.
	rivalsSoon, rivalsMost = 150 * time.Millisecond, 3 * time.Second
	// emptiedSince is how much earlier an intent may seem to be taken back than another was
	// written, by two of the store's clocks, that was written before.
	emptiedSince = 5 * time.Second
)

// rivalsPause is the pause behind n looks, give or take a quarter.
func rivalsPause(n int) time.Duration {
	return retry.Policy{First: rivalsSoon, Most: rivalsMost, Growth: 1.5, Jitter: 0.25}.Pause(n)
}

// Exclusively calls do, which is to look and then to act: to keep jobs, or to begin
// runs of them. While it runs no other process of the ledger is in such a call for
// a job of one of their names, or one that writes where one of them does. So of two
// that clash, one sees what the other did.
//
// The ledger can create a record, but not compare and swap one. So a process writes an
// intent, and then lists those of other processes: of two, at least the later one sees
// the other. A process that sees an intent of an earlier name withdraws its own and
// tries again once that is gone; one that sees only later names waits until they are
// gone, for their owners may have listed before its own was written. Where others'
// intents stand for too long the error is Temporary, and do was not called. There is
// at least one job.
func Exclusively(ctx context.Context, l *ledger.Ledger, jobs []job.Job, now time.Time, do func(context.Context) error) error {
	withdraw, err := Announce(ctx, l, jobs, now).Alone(ctx, func(context.Context) error { return nil }, do)
	withdraw()
	return err
}

// Announcement is an intent that is written while its owner finds out whether it is needed.
type Announcement struct {
	ledger  *ledger.Ledger
	jobs    []job.Job
	now     time.Time
	written chan struct{} // closed once the next are set
	intent  exclusive
	err     error
}

// Announce begins to write an intent for jobs. Its owner calls Alone or Withdraw, once.
func Announce(ctx context.Context, l *ledger.Ledger, jobs []job.Job, now time.Time) *Announcement {
	a := &Announcement{ledger: l, jobs: jobs, now: now, written: make(chan struct{})}
	go func() {
		defer close(a.written)
		a.intent, a.err = a.write(ctx)
	}()
	return a
}

func (a *Announcement) write(ctx context.Context) (exclusive, error) {
	places := make([]kept.Place, len(a.jobs))
	for i, j := range a.jobs {
		places[i] = kept.Place{Job: j.Name, Bucket: j.Target.Bucket, Prefix: j.Target.Prefix}
	}
	e := exclusive{ledger: a.ledger, jobs: a.jobs, now: a.now, begun: time.Now()}
	var err error
	e.mine, err = kept.WriteIntent(ctx, a.ledger.Folder(), places, a.now)
	e.wrote = time.Now()
	return e, err
}

// Withdraw takes the intent back.
func (a *Announcement) Withdraw(ctx context.Context) {
	if <-a.written; a.err == nil {
		a.intent.withdraw(ctx)
	}
}

// Alone is Exclusively for a caller whose intent is announced, who looks by another function
// than it acts by, and goes on with what do came to while the intent is withdrawn, which is
// never needed for it. look only reads, and what it found last counts: it is called while the
// intents of others are listed, and once more where one of them may have acted meanwhile. The
// caller calls withdraw, also beside an error, and waits for it: until then others wait.
func (a *Announcement) Alone(ctx context.Context, look, do func(context.Context) error) (withdraw func(), err error) {
	nothing := func() {}
	first := time.Now()
	<-a.written
	if old := time.Since(a.intent.begun); a.err == nil && old > exclusiveFor/2 { // too little is left of its time
		a.intent.withdraw(ctx)
		a.now = a.now.Add(old) // others look for no name that is old
		a.intent, a.err = a.write(ctx)
	}
	for n := 0; ; n++ {
		if a.err != nil {
			return nothing, a.err
		}
		e := a.intent
		free, rival, err := e.alone(ctx, look)
		if err == nil && free {
			err = e.within(ctx, do)
		}
		if err != nil || free {
			return func() { e.withdraw(ctx) }, err
		}
		e.withdraw(ctx)
		if time.Since(first) > exclusiveAll {
			return nothing, fault.New(fault.Temporary, "control.Exclusively", a.jobs[0].Name, fmt.Errorf("others keep or begin jobs that write where %s does, or %s itself, and have not done (%s): try again", a.jobs[0].Name, a.jobs[0].Name, rival))
		}
		if err := Wait(ctx, rivalsPause(n)); err != nil {
			return nothing, err
		}
		a.intent, a.err = a.write(ctx)
	}
}

// exclusive is one intent of this process.
type exclusive struct {
	ledger *ledger.Ledger
	jobs   []job.Job
	mine   string
	now    time.Time
	begun  time.Time // before it was written, by the clock of this process
	wrote  time.Time // behind that
}

// alone waits until no other has an intent that clashes with this one, and calls look. It
// gives up as soon as it sees one of an earlier name, or after exclusiveWait, and names it.
func (e exclusive) alone(ctx context.Context, look func(context.Context) error) (free bool, rival string, err error) {
	looked := make(chan error, 1)
	go func() { looked <- e.within(ctx, look) }()
	rivals, acted, err := e.rivals(ctx)
	found := <-looked
	for n := 0; ; n++ {
		switch {
		case err != nil:
			return false, "", err
		case len(rivals) == 0 && n == 0 && !acted: // who writes an intent from now on sees this one
			return true, "", found
		case len(rivals) == 0:
			return true, "", e.within(ctx, look)
		case rivals[0] < e.mine || time.Since(e.begun) > exclusiveWait:
			return false, rivals[0], nil
		}
		if err := Wait(ctx, rivalsPause(n)); err != nil {
			return false, "", err
		}
		rivals, _, err = e.rivals(ctx)
	}
}

// rivals names the intents of others that clash with this one, the earliest first. acted
// reports whether one may have been taken back since this one was written, or have come to the
// end of its time with its owner: what it was for may be done then.
func (e exclusive) rivals(ctx context.Context) (names []string, acted bool, err error) {
	all, emptied, err := kept.ReadIntents(ctx, e.ledger.Folder(), e.mine, e.now)
	if err != nil {
		return nil, false, err
	}
	var since time.Time // of this one, by the store's clock
	for _, i := range all {
		if i.Name == e.mine {
			since = i.Since
		}
	}
	if since.IsZero() {
		return nil, false, fault.New(fault.Temporary, "control.Exclusively", e.mine, errors.New("the ledger does not list what was just written to it: try again, and see that this machine's clock is right"))
	}
	dead := since.Add(time.Since(e.wrote)).Add(-kept.IntentFor)
	// first is before this one was, even where a request that was lost wrote it once more since.
	first := since.Add(-time.Since(e.begun)).Add(-emptiedSince)
	acted = emptied.After(first)
	for _, i := range all {
		switch {
		case i.Name == e.mine || !e.clashes(i.Jobs):
		case i.Since.After(dead):
			names = append(names, i.Name)
		case i.Since.After(first.Add(-kept.IntentFor)):
			acted = true
		}
	}
	return names, acted, nil
}

// clashes reports whether an intent is about one of the same jobs, or about one
// that writes to the same place. One that cannot be read may be.
func (e exclusive) clashes(places []kept.Place) bool {
	for _, p := range places {
		o := job.Job{Name: p.Job, Target: job.Location{Scheme: job.OSS, Bucket: p.Bucket, Prefix: p.Prefix}}
		for _, j := range e.jobs {
			if j.Name == o.Name || j.Clash(o) != nil {
				return true
			}
		}
	}
	return len(places) == 0
}

// within calls do with the time that is left.
func (e exclusive) within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, e.begun.Add(exclusiveFor))
	defer cancel()
	return do(ctx)
}

// withdraw takes the intent back, also where ctx has ended. One that cannot be
// taken back stands for kept.IntentFor and hinders until then.
func (e exclusive) withdraw(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = kept.EmptyIntent(ctx, e.ledger.Folder(), e.mine)
}
