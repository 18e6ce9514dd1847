package overview

import (
	"cmp"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"kodoferry/shared/ledger"
)

// mostViewers is how many runs a process keeps what it read of: of the one that nobody has
// asked for longest it is forgotten.
const mostViewers = 16

// Viewers are the Viewers of a ledger's runs in one process: ten who look at a run cost what
// one costs. They are safe for concurrent use.
type Viewers struct {
	ledger *ledger.Ledger
	o      Options

	flight singleflight.Group // of lists

	mu    sync.Mutex
	views map[string]*Viewer
	order []string          // of views, the one that was asked for last at the end
	over  map[string]Entry  // of runs that are over, which never change
	lists map[string]listed // as they were read last, by job and length
}

// NewViewers returns the Viewers of a ledger. It makes no request.
func NewViewers(l *ledger.Ledger, o Options) *Viewers {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Every = cmp.Or(o.Every, defaultEvery)
	return &Viewers{ledger: l, o: o, views: map[string]*Viewer{}, over: map[string]Entry{}, lists: map[string]listed{}}
}

// Overview is Viewer.Overview of the run of that name.
func (v *Viewers) Overview(ctx context.Context, run string) (Overview, error) {
	return v.of(run).Overview(ctx)
}

// of returns the Viewer of a run.
func (v *Viewers) of(run string) *Viewer {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, name := range v.order {
		if name == run {
			v.order = append(append(v.order[:i:i], v.order[i+1:]...), run)
			return v.views[run]
		}
	}
	if len(v.order) == mostViewers {
		delete(v.views, v.order[0])
		v.order = v.order[1:]
	}
	one := NewViewer(v.ledger.Run(run), v.o)
	v.views[run], v.order = one, append(v.order, run)
	return one
}
