package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// State is what a question of an examination came to.
type State string

const (
	Fine   State = "ok"
	Failed State = "fail" // something must be cured before a run can work
	Noted  State = "note" // a run works, but whoever looks after it should know
)

// Finding is the answer to one question.
type Finding struct {
	Place string `json:"place"` // source, target, ledger, queues, alerts
	What  string `json:"what"`  // one word or two: what was asked
	State State  `json:"state"`
	Says  string `json:"says"` // what was found; of what failed, the cure, too
}

// Examination asks of every address that a job names whether a run of it would
// work. It writes nothing but a probe object on each side that it writes to,
// below the ledger's prefix, and removes it, also when ctx ends.
type Examination struct {
	Config Config
	Job    job.Job
	Ring   bool                     // post a test message to every webhook
	Ask    func(place, what string) // told what is asked next; may be nil
	Tell   func(Finding)            // told what was found, in order

	place string // that is looked at
}

const (
	askTime   = 40 * time.Second // for one question
	cleanTime = 15 * time.Second // for what must be removed once ctx has ended
)

// Run asks everything, one thing after the other, and returns ctx's error if
// it ends first. An Invalid error means that the places cannot be opened at all.
func (x *Examination) Run(ctx context.Context) error {
	if x.Ask == nil {
		x.Ask = func(string, string) {}
	}
	sites, err := x.Config.Connect(x.Job)
	if err != nil {
		return err
	}
	ledger, err := x.Config.openOSS(x.Job.Ledger)
	if err != nil {
		return err
	}
	x.place = "source"
	x.source(ctx, sites.Source)
	x.place = "target"
	well := x.target(ctx, sites.Target, x.Job.Target)
	if well {
		x.probe(ctx, sites.Target, x.Job.Target.Prefix+job.LedgerPrefix, false)
	}
	x.place = "ledger"
	if at := x.Job.Ledger; at.Bucket != x.Job.Target.Bucket || at.Endpoint != x.Job.Target.Endpoint {
		well = x.target(ctx, ledger, at)
	} else if well { // what is wrong with the bucket has been told
		x.versions(ctx, ledger)
	}
	if well {
		x.probe(ctx, ledger, x.Job.Ledger.Prefix, true)
	}
	if x.Config.QueuesAt != "" {
		x.place = "queues"
		x.queues(ctx)
	}
	x.place = "alerts"
	x.alerts(ctx)
	return context.Cause(ctx)
}

// ask asks one thing, within askTime. The answer is a state and what it says.
// Once ctx has ended nothing is asked, and nothing is told.
func (x *Examination) ask(ctx context.Context, what string, question func(context.Context) (State, string)) State {
	if ctx.Err() != nil {
		return Failed
	}
	x.Ask(x.place, what)
	asked, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	state, says := question(asked)
	if ctx.Err() == nil {
		x.Tell(Finding{Place: x.place, What: what, State: state, Says: says})
	}
	return state
}

// plain is what an error says to a person: its cause and cure, without the
// operation and kind that are for logs.
func plain(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Err != nil {
		text = strings.Replace(text, e.Error(), plain(e.Err), 1)
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// listable lists the first page below the prefix of l.
func (x *Examination) listable(ctx context.Context, c checked, b store.Source, l job.Location) (first []store.Object, ok bool) {
	state := x.ask(ctx, "listable", func(ctx context.Context) (State, string) {
		var err error
		for o, lerr := range b.List(ctx, store.Range{Prefix: l.Prefix}) {
			if err = lerr; err != nil || len(first) == maxLooked {
				break
			}
			first = append(first, o)
		}
		if err == nil {
			more, where := "", "in the bucket"
			if len(first) == maxLooked {
				more = " and more"
			}
			if l.Prefix != "" {
				where = "below " + strconv.Quote(l.Prefix)
			}
			return Fine, fmt.Sprintf("%d objects%s %s, in byte order", len(first), more, where)
		}
		if said := patiently(ctx, c.Check); said != nil {
			err = said
		}
		return Failed, plain(err)
	})
	return first, state != Failed
}

// maxLooked is how many objects of a listing are looked at: one page.
const maxLooked = 1000

// source asks of the place that is read.
func (x *Examination) source(ctx context.Context, b interface {
	store.Source
	Check(ctx context.Context) error
}) {
	p, ok := b.(placed)
	if ok && !x.reachable(ctx, p, skewKodo) {
		return
	}
	first, ok := x.listable(ctx, b, b, x.Job.Source)
	if !ok {
		return
	}
	if len(first) > 1 {
		x.start(ctx, b)
	}
	x.bytes(ctx, b, first)
}

// start asks whether a listing can begin at a key that does not exist.
func (x *Examination) start(ctx context.Context, b store.Source) {
	x.ask(ctx, "start keys", func(ctx context.Context) (State, string) {
		chain, err := listing.Chained(ctx, b, store.Range{Prefix: x.Job.Source.Prefix})
		switch {
		case err != nil:
			return Failed, plain(err)
		case chain:
			return Noted, "a listing cannot be proved to begin at a key that does not exist, so a run lists in one chain instead of side by side: slower, and right"
		}
		return Fine, "a listing begins anywhere, so a run lists side by side"
	})
}

// sample picks up to n objects to read: pictures first, for these are what a
// CDN alters; none that cannot be read now, and none big.
func sample(objects []store.Object, n int, most int64) []store.Object {
	fit := slices.DeleteFunc(slices.Clone(objects), func(o store.Object) bool {
		return o.Frozen || o.Disabled || o.Ambiguous != "" || o.Size == 0 || o.Size > most
	})
	slices.SortStableFunc(fit, func(a, b store.Object) int { return altered(b) - altered(a) })
	return fit[:min(n, len(fit))]
}

func altered(o store.Object) int {
	if strings.HasPrefix(o.Type, "image/") {
		return 1
	}
	return 0
}
