package console

import (
	"context"
	"fmt"
	"kodoferry/shared/console/problem"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger/kept"
	"net/url"
)

// jobAct changes a job.
func jobAct(q *request) error {
	act := q.PathValue("act")
	if _, ok := jobActs[act]; !ok {
		return problem.NoPage
	}
	name, err := q.job()
	if err != nil {
		return err
	}
	if act == "seal" && q.PostForm.Get("typed") != name {
		return problem.Typed
	}
	do, err := doJob(q, act, name)
	if err != nil {
		return err
	}
	m, goes, err := q.change(act, name, commandOf(q, act, name), do)
	if err != nil {
		return err
	}
	if m.to == "" {
		m.to = "/jobs/" + url.PathEscape(name)
	}
	if act == "remove" || act == "start" && goes {
		m.to = "/jobs"
	}
	return q.did(act, m.to, goes)
}

// doJob returns what makes a change of a job, by the call of its command.
func doJob(q *request, act, name string) (func(ctx context.Context) (made, error), error) {
	c := q.console
	switch act {
	case "seal":
		return func(ctx context.Context) (made, error) {
			_, ended, err := c.operator().Seal(ctx, name, c.o.Grace)
			return made{says: fmt.Sprintf("ended for good, with %d runs", len(ended))}, err
		}, nil
	case "remove":
		return func(ctx context.Context) (made, error) {
			op := c.operator()
			wait, err := op.Drop(ctx, name)
			if err == nil && wait {
				err = op.Settle(ctx, c.o.Now(), c.o.Grace)
			}
			return made{says: "not kept any more"}, err
		}, nil
	}
	d, err := deploymentOf(q)
	if err != nil {
		return nil, err
	}
	j, record, err := control.KeptJob(q.Context(), c.ledger, name)
	if err != nil {
		return nil, err
	}
	keys, err := kept.ReadJobKeys(q.Context(), c.ledger.Folder(), record)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (made, error) {
		run, err := c.start(ctx, d, j, keys)
		return made{says: "run " + run + " begun", to: "/runs/" + run}, err
	}, nil
}
