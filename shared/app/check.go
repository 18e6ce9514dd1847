package app

import (
	"context"

	"kodoferry/shared/alert"
	"kodoferry/shared/alert/alerting"
	"kodoferry/shared/check"
	"kodoferry/shared/job"
	"kodoferry/shared/queue/mns"
)

// CheckSetup opens what `ferry check` asks about: the places of j, the queues at
// QueuesAt, if any, and the webhooks of j's alerts. It makes no request. The error
// is Invalid where a place cannot be opened; a queue or webhook that cannot be has
// its error in the Setup.
func (c Config) CheckSetup(j job.Job) (check.Setup, error) {
	sites, err := c.Connect(j)
	if err != nil {
		return check.Setup{}, err
	}
	s := check.Setup{Job: j, Source: sites.Source, Target: sites.Target, Queues: c.checkedQueues()}
	if s.Ledger, err = openOSS(c, j.Ledger, opening{}); err != nil {
		return s, err
	}
	if j.Source.Domain != "" {
		direct := j.Source
		direct.Domain = ""
		if s.Direct, err = openKodo(c, direct, opening{}); err != nil {
			return s, err
		}
	}
	for _, a := range j.Alerts {
		h, err := openHook(a, c.getenv)
		s.Alerts = append(s.Alerts, check.Alert{Name: a.To, Kind: a.Kind, Err: err, Post: func(ctx context.Context, m alert.Message) error { return alerting.Post(ctx, h, m) }})
	}
	return s, nil
}

// checkedQueues opens the queues at QueuesAt, none where it is not set.
func (c Config) checkedQueues() []check.Queue {
	if c.QueuesAt == "" {
		return nil
	}
	at, err := location("FERRY_QUEUES", c.QueuesAt, job.MNS, job.SQS)
	if err != nil {
		return []check.Queue{{Name: "FERRY_QUEUES", Err: err}}
	}
	var all []check.Queue
	for _, name := range QueueNames {
		q, err := openQueue(c, at, name, nil)
		all = append(all, check.Queue{Name: at.Prefix + name, Err: err, Queue: q, Endpoints: endpoints(q)})
	}
	return all
}

// endpoints are the addresses of q's service in its region; none where its location
// names a host, and at SQS.
func endpoints(q stageQueue) []check.Endpoint {
	m, ok := q.(*mns.Queue)
	if !ok {
		return nil
	}
	var all []check.Endpoint
	for _, w := range m.Ways() {
		all = append(all, check.Endpoint(w))
	}
	return all
}
