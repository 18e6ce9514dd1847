package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/console/problem"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/audit"
)

const (
	// patience is how long an answer waits for a change before it says that it goes on.
	patience = 3 * time.Second
	// changeTime bounds a change that goes on behind its answer: the notice that those at
	// work are given is the most of it.
	changeTime = 10 * time.Minute
	// passing bounds a change where nothing goes on behind an answer.
	passing = 45 * time.Second
)

// made is what came of a change.
type made struct {
	says string // for the record, in English
	to   string // the page that shows it
}

// change writes down that a change is asked for, has it done, and writes down what came of
// it. goes is true where it goes on behind the answer, or is left to the sweeper.
func (q *request) change(what, on string, line command, do func(ctx context.Context) (made, error)) (m made, goes bool, err error) {
	c := q.console
	who, from := q.who()
	name, err := audit.Begin(q.Context(), c.ledger.Folder(), audit.Asked{At: c.o.Now().UTC(), Who: who, From: from, What: what, On: on, Command: line.Line})
	if err != nil {
		return m, false, err
	}
	c.o.Log.InfoContext(q.Context(), "a change is asked for", "who", who, "from", from, "what", what, "on", on)
	ctx, cancel := context.WithTimeout(c.ctx, changeTime)
	if !c.o.Stays {
		cancel()
		ctx, cancel = context.WithTimeout(q.Context(), passing)
	}
	type result struct {
		made
		err error
	}
	ended := make(chan result, 1)
	c.work.Go(func() {
		defer cancel()
		m, err := c.guarded(ctx, do)
		end := audit.Ended{At: c.o.Now().UTC(), Says: m.says}
		if err != nil {
			end.Error = fault.Sentence(err)
		}
		// The record is written also where the change ran out of time.
		last, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer done()
		if err := audit.End(last, c.ledger.Folder(), name, end); err != nil {
			c.o.Log.ErrorContext(last, "what came of a change is not written down", "what", what, "on", on, "err", err)
		}
		ended <- result{m, err}
	})
	var wait <-chan time.Time
	if c.o.Stays {
		t := time.NewTimer(patience)
		defer t.Stop()
		wait = t.C
	}
	select {
	case r := <-ended:
		if errors.Is(r.err, context.DeadlineExceeded) && !c.o.Stays {
			return r.made, true, nil
		}
		return r.made, false, r.err
	case <-wait:
		return made{}, true, nil
	}
}

// guarded does a change whose panic is its error: it is no page, and would end the process.
func (c *Console) guarded(ctx context.Context, do func(ctx context.Context) (made, error)) (m made, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.o.Log.ErrorContext(ctx, "a change panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = problem.Panic
		}
	}()
	return do(ctx)
}

// did sends the browser to the page that shows a change.
func (q *request) did(what, to string, goes bool) error {
	if goes {
		what += ".goes"
	}
	return q.redirect(to + "?done=" + url.QueryEscape(what))
}

// deploymentOf opens the queues, too.
func deploymentOf(q *request) (*app.Deployment, error) {
	if q.console.o.Config.QueuesAt == "" {
		return nil, problem.NoQueues
	}
	return q.console.deploy()
}

func (c *Console) operator() *control.Operator {
	op := c.o.Config.Operate(c.ledger, c.o.Log)
	op.Now = c.o.Now
	return op
}

// shownChanges is how many changes are shown: the newest of a month.
const shownChanges = 50

func changesPage(q *request) error {
	all, err := audit.Newest(q.Context(), q.console.ledger.Folder(), q.console.o.Now().Add(-30*24*time.Hour), shownChanges)
	if err != nil {
		return problem.Unreachable{Err: err}
	}
	return q.show(http.StatusOK, view{Page: "changes", Title: q.lang.Say("changes.title"), Section: "changes", Data: all})
}
