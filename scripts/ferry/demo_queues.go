package main

import (
	"errors"
	"net/url"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/sqs"
	"kodoferry/shared/task"
)

// startQueues starts the service of the queues that goes with the platform: SQS
// beside Lambda, MNS beside Function Compute and this process.
func (w *demoWorld) startQueues() (err error) {
	if w.options.platform == onLambda {
		w.sqs, err = sqs.Start(sqs.Config{AccessKeyID: demoKey, SecretAccessKey: demoSecret, Region: "eu-central-1", Seed: w.options.seed + 2})
		return err
	}
	w.mns, err = mns.Start(mns.Config{AccessKeyID: demoKey, AccessKeySecret: demoSecret, Region: "cn-hangzhou", Seed: w.options.seed + 2, Now: ahead(w.clocks.queues), ZeroCounts: w.options.zeroCounts})
	return err
}

func (w *demoWorld) closeQueues() error {
	if w.sqs != nil {
		return w.sqs.Close()
	}
	return w.mns.Close()
}

// makeQueues makes those of a deployment. SQS buries by itself what was
// received too often; MNS's streams do it for the others.
func (w *demoWorld) makeQueues() error {
	var made []error
	for _, name := range app.QueueNames {
		if w.mns != nil {
			made = append(made, w.mns.CreateQueue(demoQueues+name, mns.Attributes{Visibility: w.hidden}))
			continue
		}
		a := sqs.Attributes{Visibility: w.hidden}
		if name != deadLetters {
			a.DeadLetter, a.MaxReceive = demoQueues+deadLetters, maxReceives
		}
		made = append(made, w.sqs.CreateQueue(demoQueues+name, a))
	}
	return errors.Join(made...)
}

const (
	deadLetters = "dead" // ends the name of the queue for them
	maxReceives = 10
)

func (w *demoWorld) queuesLocation() string {
	if w.sqs != nil {
		return queuesAt("sqs", w.sqs)
	}
	return queuesAt("mns", w.mns)
}

// queuesAt is where a stand-in has its queues.
func queuesAt(scheme string, s interface {
	Account() string
	Region() string
	Endpoint() string
}) string {
	return scheme + "://" + s.Account() + "/" + demoQueues + "?" + url.Values{
		"region": {s.Region()}, "endpoint": {s.Endpoint()}, "insecure": {"true"},
	}.Encode()
}

// queueRequests counts the requests to the queues' service.
func (w *demoWorld) queueRequests() (service string, counts map[string]int64) {
	if w.sqs != nil {
		return "sqs", w.sqs.Desk().Counts()
	}
	return "mns", w.mns.Desk().Counts()
}

// stream says how a queue is bound to its function: that of its stage, dead
// letters to verify's.
func (w *demoWorld) stream(name string) fc.StreamConfig {
	c := fc.StreamConfig{Name: demoQueues + name, Function: demoQueues + name, Consumers: 4}
	if name == deadLetters {
		c.Function = demoQueues + string(task.Verifying)
	}
	if w.sqs != nil {
		c.Queue, c.PartialBatch = fc.SQS(w.sqs, c.Name), true
		return c
	}
	c.Queue, c.Retry = fc.MNS(w.mns, c.Name), fc.Retry{Backoff: func(int) time.Duration { return time.Second }}
	if name != deadLetters {
		c.DeadLetter = fc.MNS(w.mns, demoQueues+deadLetters)
	}
	return c
}

// addKeys lets the temporary keys of a role sign.
func (w *demoWorld) addKeys(id, token string, until time.Time) {
	if w.sqs != nil {
		w.sqs.AddCredential(sqs.Credential{ID: id, Secret: demoSecret, Token: token, Expires: until})
		return
	}
	w.mns.AddCredential(mns.Credential{ID: id, Secret: demoSecret, Token: token, Expires: until})
}
