package overview

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/report"
)

// Entry is a run in a list of them.
type Entry struct {
	Run      string          `json:"run"`
	Job      string          `json:"job"`
	State    State           `json:"state"`
	Standing ledger.Standing `json:"standing"`
	Result   string          `json:"result"` // of a run that is over
	Started  time.Time       `json:"started"`
	Finished time.Time       `json:"finished,omitzero"` // zero while it is not over
	Exact    bool            `json:"exact"`
	Counts   Counts          `json:"counts"`
	Says     Sentence        `json:"says"`
	Next     Sentence        `json:"next,omitzero"`
	Error    string          `json:"error,omitempty"` // why nothing else is known of it: its records cannot be read
}

// neverStarted is how many runs are allowed for that left something and never started.
const neverStarted = 4

// listers is how many runs are read side by side.
const listers = 16

// mostOver is how many runs that are over are remembered, at some 500 bytes each, and
// mostLists how many lists.
const mostOver, mostLists = 4000, 100

// listed is a list as it was read at a time.
type listed struct {
	at      time.Time
	entries []Entry
}

// List lists up to most runs of a job, or, where that is "", of all jobs, the newest first, as
// they were within the last Every: of many who ask at the same time one reads, for all. A run
// that is over costs two requests, once, any other what Overview does. A run whose records
// cannot be read has its Error.
func (v *Viewers) List(ctx context.Context, job string, most int) ([]Entry, error) {
	key := fmt.Sprint(job, "/", most)
	known := func() ([]Entry, bool) {
		v.mu.Lock()
		defer v.mu.Unlock()
		l, ok := v.lists[key]
		age := v.o.Now().Sub(l.at)
		return slices.Clone(l.entries), ok && age >= 0 && age < v.o.Every
	}
	if entries, ok := known(); ok {
		return entries, nil
	}
	done := v.flight.DoChan(key, func() (_ any, err error) {
		defer func() {
			if p := recover(); p != nil { // out of the flight it would end the process
				err = fmt.Errorf("the runs were not listed, for the program failed: %v", p)
			}
		}()
		if entries, ok := known(); ok { // by who flew just before
			return entries, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		defer cancel()
		entries, err := v.read(ctx, job, most)
		if err != nil {
			return entries, err
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if len(v.lists) >= mostLists {
			clear(v.lists)
		}
		v.lists[key] = listed{v.o.Now(), entries}
		return entries, nil
	})
	select {
	case r := <-done:
		entries, _ := r.Val.([]Entry)
		return slices.Clone(entries), r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read reads a list.
func (v *Viewers) read(ctx context.Context, job string, most int) ([]Entry, error) {
	names, err := v.names(ctx, job, most+neverStarted)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(names))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(listers)
	for i, name := range names {
		g.Go(func() error {
			e, err := v.entry(gctx, name)
			switch {
			case ledger.Missing(err): // it left something, but never started
			case ledger.Unreadable(err):
				run := v.ledger.Run(name)
				entries[i] = Entry{Run: name, Job: run.Job(), Error: fault.Sentence(err)}
			case err != nil:
				return err
			default:
				entries[i] = e
			}
			return nil
		})
	}
	err = g.Wait()
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Run == "" })
	return entries[:min(len(entries), most)], err
}

// names are the newest runs of a job, or of all, the newest first.
func (v *Viewers) names(ctx context.Context, job string, most int) ([]string, error) {
	jobs := []string{job}
	if job == "" {
		var err error
		if jobs, err = index.Ran(ctx, v.ledger); err != nil {
			return nil, err
		}
	}
	found := make([][]string, len(jobs))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(listers)
	for i, name := range jobs {
		g.Go(func() (err error) {
			found[i], err = index.Latest(gctx, v.ledger, name, v.o.Now(), most)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	when := func(run string) string { return run[strings.LastIndexByte(run, '/')+1:] }
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(when(b), when(a)), cmp.Compare(a, b)) })
	return all[:min(len(all), most)], nil
}

func (v *Viewers) entry(ctx context.Context, name string) (Entry, error) {
	v.mu.Lock()
	e, ok := v.over[name]
	v.mu.Unlock()
	if ok {
		return e, nil
	}
	run := v.ledger.Run(name)
	rep, err := report.Read(ctx, run)
	switch {
	case err == nil:
		o := Overview{Run: name, Job: run.Job(), Standing: ledger.Over, Exact: true, Started: rep.Started, Finished: rep.Finished}
		o.ended(rep)
		v.mu.Lock()
		defer v.mu.Unlock()
		if len(v.over) >= mostOver {
			clear(v.over)
		}
		v.over[name] = o.entry()
		return v.over[name], nil
	case !ledger.Missing(err):
		return Entry{}, err
	}
	o, err := v.Overview(ctx, name)
	return o.entry(), err
}

func (o Overview) entry() Entry {
	return Entry{
		Run: o.Run, Job: o.Job, State: o.State, Standing: o.Standing, Result: o.Result, Started: o.Started, Finished: o.Finished,
		Exact: o.Exact, Counts: o.Counts, Says: o.Says, Next: o.Next,
	}
}
