package app

import (
	"context"
	"fmt"
	"log/slog"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
	"kodoferry/shared/queue/sqs"
)

// stageQueue is one queue of a deployment, whatever service it is at.
type stageQueue interface {
	queue.Queue

	// Name is the queue's whole name, as its service and its events have it.
	Name() string

	// Check says in a sentence what is wrong with the queue and what to do about it.
	Check(ctx context.Context) error

	// CloseIdle closes connections that no request uses, as after an instance was frozen.
	CloseIdle()

	// Close waits, as long as ctx lets it, for what cancelled receives left
	// behind, so that messages which no process waits for are given back.
	Close(ctx context.Context)
}

// openQueue opens the queue whose name is the prefix of l and then suffix. log gets a
// warning where the service refuses messages for a while; it may be nil.
func openQueue(c Config, l job.Location, suffix string, log *slog.Logger) (stageQueue, error) {
	switch l.Scheme {
	case job.MNS:
		return openMNS(c, l, suffix, log)
	case job.SQS:
		return openSQS(c, l, suffix, log)
	}
	return nil, fault.New(fault.Invalid, "app.openQueue", l.String(), fmt.Errorf("queues are at mns://account/prefix or sqs://account/prefix"))
}

func openMNS(c Config, l job.Location, suffix string, log *slog.Logger) (stageQueue, error) {
	q, err := mns.Open(mns.Config{
		Queue: l.Prefix + suffix, Account: l.Bucket, Region: l.Region, Endpoint: l.Endpoint, Insecure: l.Insecure, Log: log,
		Credentials: func() mns.Credentials {
			k := c.oss()
			return mns.Credentials{AccessKeyID: k.AccessKeyID, AccessKeySecret: k.AccessKeySecret, SecurityToken: k.SecurityToken}
		},
	})
	if err != nil {
		return nil, err // and no queue: a nil pointer in an interface is one
	}
	return q, nil
}

func openSQS(c Config, l job.Location, suffix string, log *slog.Logger) (stageQueue, error) {
	q, err := sqs.Open(sqs.Config{
		Queue: l.Prefix + suffix, Account: l.Bucket, Region: l.Region, Endpoint: l.Endpoint, Insecure: l.Insecure, Log: log,
		Credentials: func() sqs.Credentials {
			return sqs.Credentials{AccessKeyID: c.AWSAccessKeyID, SecretAccessKey: c.AWSSecretAccessKey, SessionToken: c.AWSSessionToken}
		},
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}
