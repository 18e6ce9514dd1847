// Package outage tells a bucket that does not answer as a whole from trouble
// with single objects: it asks the bucket itself. It knows no tasks and
// creates no records.
//
//	outage.go   Prober: asks both buckets whether they answer
//	tracker.go  Tracker: decides when to, while a task deals with objects
//	ledger.go   OfLedger: asks the same of the ledger
//	object.go   AtObject: an error of one object that a task is about
//	notes.go    Notes: since when there is an outage, as far as a process knows; notes that
//	            others see
package outage

import (
	"context"
	"io"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/random"
	"kodoferry/shared/store"
)

const (
	// probeTime bounds one question of whether a bucket answers.
	probeTime = 10 * time.Second
	// probeReserve is kept free of it at the end of an invocation.
	probeReserve = 3 * time.Second
	// probeObjects is how many objects are read from at most, of the first
	// probeKeys that are listed, to find out whether a source can be read.
	probeObjects, probeKeys = 3, 100
)

// Side is one of the two buckets.
type Side int

const (
	Source Side = iota
	Target
	Neither Side = -1
)

func (s Side) String() string { return [...]string{"source", "target"}[s] }

// Outage is a bucket that does not answer.
type Outage struct {
	Side  Side
	Since time.Time // when the task at hand first met it
	Last  error     // what came in place of an answer
}

// Suspected reports whether err may be trouble with a whole bucket: no answer, none
// in time, one that says that the service is ill, or that the request is refused.
func Suspected(err error) bool {
	switch fault.KindOf(err) {
	case fault.Temporary, fault.Unknown, fault.Throttled, fault.Denied, fault.Later:
		return true
	}
	return false
}

// Prober asks the buckets of a run whether they answer. It is safe for concurrent use.
type Prober struct {
	Run     string          // its name, for errors
	Buckets [2]store.Source // by Side, without limits
	Range   store.Range     // of the run, by the keys of the source
	Limit   job.Span        // limits.outage: for how long an outage is waited for
	Now     func() time.Time
}

// Find probes both sides at the same time, and returns the first that does not
// answer, since then or, where that is 0, since now; nil if both do. With reads it
// also reads from the source. key is the object that is in trouble, which is not
// read; "" where it is none alone. since is in Unix seconds.
func (p *Prober) Find(ctx context.Context, reads bool, key string, since int64) *Outage {
	var down [2]error
	var all sync.WaitGroup
	for _, s := range []Side{Source, Target} {
		all.Go(func() { down[s] = p.Probe(ctx, s, reads, key) })
	}
	all.Wait()
	for s, err := range down {
		if err != nil {
			return p.met(Side(s), err, since)
		}
	}
	return nil
}

func (p *Prober) met(s Side, last error, since int64) *Outage {
	o := &Outage{Side: s, Since: p.Now().UTC(), Last: last}
	if since > 0 {
		o.Since = time.Unix(since, 0).UTC()
	}
	return o
}

// Explain finds out whether err is of a side that does not answer, and returns its outage
// where it is to be waited for; else the error that stands. reads and since are as in Find.
func (p *Prober) Explain(ctx context.Context, err error, reads bool, since int64) (o *Outage, stands error) {
	key, _ := ObjectOf(err) // one that is in trouble does not speak for its side
	switch o = p.Find(ctx, reads, key, since); {
	case o == nil:
		return nil, err
	case p.Over(o):
		return nil, p.TooLong(o)
	}
	return o, nil
}

// Over reports whether an outage was waited for as long as the limit says.
func (p *Prober) Over(o *Outage) bool { return p.Now().Sub(o.Since) > time.Duration(p.Limit) }

// Awaits is the error of an outage that is waited for, for who watches.
func (p *Prober) Awaits(o *Outage) error {
	return fault.Errorf("the %s does not answer since %s, and is waited for up to %s: %w", o.Side, Minute(o.Since), p.Limit, o.Last)
}

// TooLong is the error of what fails because an outage is over the limit. Its kind
// is that of what came last in place of an answer, but not Throttled.
func (p *Prober) TooLong(o *Outage) error {
	kind := fault.KindOf(o.Last)
	if kind == fault.Throttled {
		kind = fault.Temporary // waiting for it is over
	}
	return fault.New(kind, "pipeline.Do", p.Run, fault.Errorf("the %s has not answered since %s, longer than limits.outage (%s) says to wait; see to it, then run again (last it said: %w)", o.Side, Minute(o.Since), p.Limit, o.Last))
}

// Minute is a time to the minute, for sentences.
func Minute(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// Probe asks one side whether it answers, and returns what came in place of an
// answer. It lists the first page. With reads it also reads from some objects of
// the source on it, other than key and in no order, for another host serves them
// than lists them: any answer to one of them suffices, also one that refuses it.
// Where an invocation has no time left to ask, the side counts as one that answers.
func (p *Prober) Probe(ctx context.Context, s Side, reads bool, key string) error {
	wait := probeTime
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-probeReserve)
	}
	if wait < time.Second {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := p.ask(short, s, reads && s == Source, key)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (p *Prober) ask(ctx context.Context, s Side, reads bool, key string) (unread error) {
	var some []store.Object
	listed := 0
	for o, err := range p.Buckets[s].List(ctx, p.Range) {
		switch {
		case err != nil && Suspected(err):
			return err
		case err != nil || !reads:
			return nil
		}
		if o.Key != key && o.Size > 0 && !o.Disabled && !o.Frozen {
			some = append(some, o)
		}
		if listed++; listed == probeKeys {
			break
		}
	}
	// Neighbours are often alike, also in what is wrong with them: they are taken from anywhere.
	random.Shuffle(len(some), func(i, k int) { some[i], some[k] = some[k], some[i] })
	for _, o := range some[:min(len(some), probeObjects)] {
		if unread = p.unread(ctx, o); unread == nil {
			return nil
		}
	}
	return unread
}

// unread reads the first byte of an object of the source, and returns what came
// in place of an answer.
func (p *Prober) unread(ctx context.Context, o store.Object) error {
	_, body, err := p.Buckets[Source].Open(ctx, o, 0, 1)
	if err == nil {
		defer func() { _ = body.Close() }()
		_, err = io.ReadFull(body, make([]byte, 1))
	}
	if err != nil && fault.KindOf(err) != fault.Denied && Suspected(err) {
		return err
	}
	return nil
}
