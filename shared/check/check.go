// Package check asks of every place that a job names whether a run of it would
// work, and says what to cure where it would not. Start with Run, which calls, in
// this order,
//
//	source.go   the source: can it be listed and read, from any key, with the bytes it lists
//	target.go   the target, and the ledger: versions, retention, a probe object (probe.go)
//	queues.go   a deployment's queues
//	alerts.go   the webhooks of the job's alerts
//
// Every place that has hosts is reached first (reach.go). The package opens nothing
// and reads no environment: a Setup has everything opened.
package check

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
)

// State is the result of a question.
type State string

const (
	OK   State = "ok"
	Fail State = "fail" // a run cannot work until this is cured
	Note State = "note" // a run works, with the consequence that the text names
)

// Finding is the answer to one question.
type Finding struct {
	Place string `json:"place"` // source, target, ledger, queues or alerts
	What  string `json:"what"`  // the question in one word or two
	State State  `json:"state"`
	Says  string `json:"says"` // what was found; with Fail also the cure
}

// Setup is what Run asks about. All places are opened, and none has been asked yet.
type Setup struct {
	Job    job.Job
	Source Source
	Direct Source // the source under its region's own host; nil where Source has no domain in front
	Target Bucket
	Ledger Bucket  // the bucket of the ledger, also where it is the target's
	Queues []Queue // of a deployment; none: nothing is asked of queues
	Alerts []Alert // of Job
	Ring   bool    // a test message is posted to every webhook

	Asking func(place, what string) // is called before each question; may be nil
	Found  func(Finding)            // is called with each answer, in order
}

const (
	askTime   = 40 * time.Second // bounds one question
	cleanTime = 15 * time.Second // bounds the removal of the probe once ctx has ended
)

// Run asks one question after the other and passes every answer to s.Found. It
// returns the cause of ctx's end where ctx ends first, and nil otherwise: what
// fails is a Finding. Run writes nothing but a probe object on each side that a run
// writes to, below the ledger's prefix, and removes it, also when ctx ends.
func Run(ctx context.Context, s Setup) error {
	if s.Asking == nil {
		s.Asking = func(string, string) {}
	}
	c := &checker{setup: s, place: "source"}
	c.remarks(ctx)
	c.source(ctx)
	c.place = "target"
	c.remarks(ctx)
	usable := c.target(ctx, s.Target, s.Job.Target)
	if usable {
		c.probe(ctx, s.Target, s.Job.Target.Prefix+job.LedgerPrefix, false)
	}
	c.place = "ledger"
	if at := s.Job.Ledger; at.Bucket != s.Job.Target.Bucket || at.Endpoint != s.Job.Target.Endpoint {
		usable = c.target(ctx, s.Ledger, at)
	} else if usable { // of the bucket itself, every other answer was found for the target
		c.versions(ctx, s.Ledger)
	}
	if usable {
		c.probe(ctx, s.Ledger, s.Job.Ledger.Prefix, true)
	}
	if len(s.Queues) > 0 {
		c.place = "queues"
		c.queues(ctx)
	}
	c.place = "alerts"
	c.alerts(ctx)
	return context.Cause(ctx)
}

// remarks tells what is odd about the job's words for the place.
func (c *checker) remarks(ctx context.Context) {
	for _, r := range c.setup.Job.Remarks() {
		if r.Side == c.place {
			c.ask(ctx, r.What, func(context.Context) (State, string) { return Note, r.Says })
		}
	}
}

// checker asks the questions of one Run.
type checker struct {
	setup Setup
	place string // the questions are about: Finding.Place
}

// ask calls question with a context that ends after askTime, and passes its answer
// on as a Finding. After the end of ctx, question is not called and nothing is
// passed on; the result is Fail then.
func (c *checker) ask(ctx context.Context, what string, question func(context.Context) (State, string)) State {
	if ctx.Err() != nil {
		return Fail
	}
	c.setup.Asking(c.place, what)
	asked, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	state, says := question(asked)
	if ctx.Err() == nil {
		c.setup.Found(Finding{Place: c.place, What: what, State: state, Says: says})
	}
	return state
}

// sentence is fault.Sentence in one line.
func sentence(err error) string { return strings.ReplaceAll(fault.Sentence(err), "\n", "; ") }

// answered is what a service said, in its own words, or else the sentence of err.
func answered(err error) string {
	if a, ok := errors.AsType[store.Answer](err); ok {
		return strings.ReplaceAll(a.Answer(), "\n", "; ")
	}
	return sentence(err)
}

// All asks everything at once, each with repetitions, and returns each error that
// differs once.
func All(ctx context.Context, asks []func(context.Context) error) error {
	errs := make([]error, len(asks))
	var asked sync.WaitGroup
	for i, ask := range asks {
		asked.Go(func() { errs[i] = WithRetry(ctx, ask) })
	}
	asked.Wait()
	seen := map[string]bool{}
	var distinct []error
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			distinct = append(distinct, err)
		}
	}
	return errors.Join(distinct...)
}
