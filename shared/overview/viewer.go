package overview

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview/reading"
	"kodoferry/shared/plan/forecast"
)

// Options shape what a Viewer does.
type Options struct {
	Now    func() time.Time // nil: time.Now
	Every  time.Duration    // what is asked for within it of a refresh is answered by that: 2 s if 0
	Prices *forecast.Prices // nil: no Money
}

// Viewer reads how one run stands. The first figures take at most 400 requests: of a run of
// more records they are scaled up from a sample, and the next refreshes read the rest, as
// many records each time. After that a refresh takes at most 30 requests, for what is new:
// records never change; one after nobody looked for long takes those of the refreshes that
// there were none of, 400 at most. It is safe for concurrent use: of many who ask at the same time one
// refreshes, for all.
type Viewer struct {
	o      Options
	flight singleflight.Group
	read   *reading.Reader // the flight's

	mu   sync.Mutex
	last Overview
	err  error
	at   time.Time // when it was read; zero: never
}

// NewViewer returns a Viewer of a run. It makes no request.
func NewViewer(run *ledger.Run, o Options) *Viewer {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Every = cmp.Or(o.Every, defaultEvery)
	return &Viewer{o: o, read: reading.New(run, o.Now)}
}

const defaultEvery = 2 * time.Second

// longest bounds a refresh: it goes on though those who asked for it have gone.
const longest = time.Minute

// Overview returns how the run stands, as it was read within the last Every; its slices are
// shared with others who ask, and are not to be changed. The error is NotFound for a run that
// was never started. Where the ledger does not answer it is that of the ledger, or of ctx,
// and the Overview is the last one that was read, if any.
func (v *Viewer) Overview(ctx context.Context) (Overview, error) {
	if o, err, ok := v.known(); ok {
		return o, err
	}
	done := v.flight.DoChan("", func() (any, error) {
		defer v.recovered()
		if _, _, ok := v.known(); ok { // by who flew just before
			return nil, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		defer cancel()
		err := v.read.Refresh(ctx, v.turns())
		v.mu.Lock()
		defer v.mu.Unlock()
		v.err, v.at = err, v.o.Now()
		if err == nil {
			v.last = fold(v.read, v.o)
		}
		return nil, nil
	})
	var left error
	select {
	case <-done:
	case <-ctx.Done():
		left = ctx.Err()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last, cmp.Or(left, v.err)
}

// recovered makes a panic the error of a refresh: out of the flight it would end the process.
func (v *Viewer) recovered() {
	if p := recover(); p != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.err, v.at = fmt.Errorf("how the run stands was not read, for the program failed: %v", p), v.o.Now()
	}
}

// turns is how many refreshes there is time for since the last one.
func (v *Viewer) turns() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at.IsZero() {
		return 1
	}
	return int(min(v.o.Now().Sub(v.at)/v.o.Every, reading.FirstRequests))
}

// known returns what was read within the last Every.
func (v *Viewer) known() (o Overview, err error, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	age := v.o.Now().Sub(v.at)
	if v.at.IsZero() || age < 0 || age >= v.o.Every {
		return o, nil, false
	}
	return v.last, v.err, true
}
