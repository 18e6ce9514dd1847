package app

import (
	"context"
	"errors"

	"kodoferry/shared/check"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/store"
)

// opening says how a place is opened.
type opening struct {
	leastRate int64 // of the job whose buckets are opened, bytes a second; 0: the drivers' own
	spread    bool  // it is a deployment's, whose processes are on many machines
	recheck   bool  // it is a target, whose listings are asked for their end twice
}

// Source opens a place to read. It makes no request.
func (c Config) Source(l job.Location) (store.Source, error) {
	return openSource(c, l, opening{})
}

// Target opens a place to write. It makes no request.
func (c Config) Target(l job.Location) (pipeline.Target, error) {
	if err := c.Missing(l); err != nil {
		return nil, err
	}
	return openOSS(c, l, opening{})
}

// ScratchQueue opens a queue beside those of FERRY_QUEUES, of a name that none of
// them has. It makes no request.
func (c Config) ScratchQueue(name string) (queue.Scratch, error) {
	l, err := location("FERRY_QUEUES", c.QueuesAt, job.MNS, job.SQS)
	if err != nil {
		return nil, err
	}
	q, err := openQueue(c, l, "contract-"+name, nil)
	if err != nil {
		return nil, err
	}
	scratch, ok := q.(queue.Scratch)
	if !ok {
		return nil, fault.New(fault.Invalid, "app.ScratchQueue", q.Name(), errors.New("queues for the contract are made at MNS only: point FERRY_QUEUES there, or leave it out"))
	}
	return scratch, nil
}

// QueueWays asks which addresses of the queues' service answer here; says has the
// answer as a sentence, inside is true where an internal one is among them. asked is
// false where QueuesAt names a host, which is the only address then.
func (c Config) QueueWays(ctx context.Context) (says string, inside, asked bool) {
	l, err := location("FERRY_QUEUES", c.QueuesAt, job.MNS)
	if err != nil {
		return "", false, false
	}
	q, err := openQueue(c, l, QueueNames[0], nil)
	all := endpoints(q)
	if err != nil || len(all) == 0 {
		return "", false, false
	}
	answers, says := check.Answering(ctx, all)
	return says, answers[check.InternalHTTPS] || answers[check.InternalHTTP], true
}
