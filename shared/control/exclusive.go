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
	withdraw, err := Alone(ctx, l, jobs, now, do)
	withdraw()
	return err
}

// Alone is Exclusively for a caller who goes on with what do came to while the intent is
// withdrawn, which is never needed for it. The caller calls withdraw, also beside an error,
// and waits for it: until then others wait.
func Alone(ctx context.Context, l *ledger.Ledger, jobs []job.Job, now time.Time, do func(context.Context) error) (withdraw func(), err error) {
	nothing := func() {}
	places := make([]kept.Place, len(jobs))
	for i, j := range jobs {
		places[i] = kept.Place{Job: j.Name, Bucket: j.Target.Bucket, Prefix: j.Target.Prefix}
	}
	first := time.Now()
	for n := 0; ; n++ {
		begun := time.Now()
		mine, err := kept.WriteIntent(ctx, l.Folder(), places, now)
		if err != nil {
			return nothing, err
		}
		e := exclusive{l, jobs, mine, now, begun}
		free, rival, err := e.alone(ctx)
		if err == nil && free {
			err = e.within(ctx, do)
		}
		if err != nil || free {
			return func() { e.withdraw(ctx) }, err
		}
		e.withdraw(ctx)
		if time.Since(first) > exclusiveAll {
			return nothing, fault.New(fault.Temporary, "control.Exclusively", jobs[0].Name, fmt.Errorf("others keep or begin jobs that write where %s does, or %s itself, and have not done (%s): try again", jobs[0].Name, jobs[0].Name, rival))
		}
		if err := Wait(ctx, rivalsPause(n)); err != nil {
			return nothing, err
		}
	}
}

// exclusive is one intent of this process.
type exclusive struct {
	ledger *ledger.Ledger
	jobs   []job.Job
	mine   string
	now    time.Time
	begun  time.Time // before it was written, by the clock of this process
}

// alone waits until no other has an intent that clashes with this one. It gives up
// as soon as it sees one of an earlier name, or after exclusiveWait, and names it.
func (e exclusive) alone(ctx context.Context) (free bool, rival string, err error) {
	for n := 0; ; n++ {
		rivals, err := e.rivals(ctx)
		switch {
		case err != nil:
			return false, "", err
		case len(rivals) == 0:
			return true, "", nil
		case rivals[0] < e.mine || time.Since(e.begun) > exclusiveWait:
			return false, rivals[0], nil
		}
		if err := Wait(ctx, rivalsPause(n)); err != nil {
			return false, "", err
		}
	}
}

// rivals names the intents of others that clash with this one, the earliest first.
func (e exclusive) rivals(ctx context.Context) (names []string, err error) {
	all, err := kept.ReadIntents(ctx, e.ledger.Folder(), e.mine, e.now)
	if err != nil {
		return nil, err
	}
	var since time.Time // of this one, by the store's clock
	for _, i := range all {
		if i.Name == e.mine {
			since = i.Since
		}
	}
	if since.IsZero() {
		return nil, fault.New(fault.Temporary, "control.Exclusively", e.mine, errors.New("the ledger does not list what was just written to it: try again, and see that this machine's clock is right"))
	}
	dead := since.Add(time.Since(e.begun)).Add(-kept.IntentFor)
	for _, i := range all {
		if i.Name != e.mine && i.Since.After(dead) && e.clashes(i.Jobs) {
			names = append(names, i.Name)
		}
	}
	return names, nil
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
