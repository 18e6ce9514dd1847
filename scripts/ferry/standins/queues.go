package standins

import (
	"errors"
	"net/url"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/emulator/sqs"
	"kodoferry/shared/task"
)

// startQueues starts the service of the queues that goes with the platform: SQS
// beside Lambda, MNS beside Function Compute and this process.
func (w *World) startQueues() (err error) {
	seed := w.Options.Seed + 2
	if w.Options.Platform == Lambda {
		w.SQS, err = sqs.Start(sqs.Config{AccessKeyID: AccessKey, SecretAccessKey: SecretKey, Region: "eu-central-1", Seed: seed})
		return err
	}
	w.MNS, err = mns.Start(mns.Config{AccessKeyID: AccessKey, AccessKeySecret: SecretKey, Region: "cn-hangzhou", Seed: seed, Now: ahead(w.Clocks.Queues), ZeroCounts: w.Options.ZeroCounts})
	return err
}

func (w *World) closeQueues() error {
	if w.SQS != nil {
		return w.SQS.Close()
	}
	return w.MNS.Close()
}

// MakeQueues creates the queues of a deployment, which hide a received message for so
// long.
func (w *World) MakeQueues(hidden time.Duration) error {
	if w.SQS != nil {
		return MakeSQS(w.SQS, hidden)
	}
	return MakeMNS(w.MNS, hidden)
}

// MakeMNS creates the queues of a deployment at MNS, where event streams move the dead
// letters.
func MakeMNS(s *mns.Server, hidden time.Duration) error {
	var made []error
	for _, name := range app.QueueNames {
		made = append(made, s.CreateQueue(Queues+name, mns.Attributes{Visibility: hidden}))
	}
	return errors.Join(made...)
}

// MakeSQS creates the queues of a deployment at SQS, which itself moves what was received
// too often to the queue for dead letters.
func MakeSQS(s *sqs.Server, hidden time.Duration) error {
	var made []error
	for _, name := range app.QueueNames {
		a := sqs.Attributes{Visibility: hidden}
		if name != deadLetters {
			a.DeadLetter, a.MaxReceive = Queues+deadLetters, maxReceives
		}
		made = append(made, s.CreateQueue(Queues+name, a))
	}
	return errors.Join(made...)
}

const (
	deadLetters = "dead" // ends the name of the queue for them
	maxReceives = 10
)

// QueuesLocation is where the queues are, as FERRY_QUEUES takes it.
func (w *World) QueuesLocation() string {
	if w.SQS != nil {
		return QueuesAt("sqs", w.SQS)
	}
	return QueuesAt("mns", w.MNS)
}

// QueuesAt is where a stand-in has its queues, as FERRY_QUEUES takes it.
func QueuesAt(scheme string, s interface {
	Account() string
	Region() string
	Endpoint() string
}) string {
	return scheme + "://" + s.Account() + "/" + Queues + "?" + url.Values{
		"region": {s.Region()}, "endpoint": {s.Endpoint()}, "insecure": {"true"},
	}.Encode()
}

// QueueRequests returns the requests to the queues' service, by operation.
func (w *World) QueueRequests() (service string, counts map[string]int64) {
	if w.SQS != nil {
		return "sqs", w.SQS.Desk().Counts()
	}
	return "mns", w.MNS.Desk().Counts()
}

// stream binds a queue to its function, which gets so many messages of it at a time: that of
// its stage, dead letters to verify's.
func (w *World) stream(name string, atOnce int) fc.StreamConfig {
	c := fc.StreamConfig{Name: Queues + name, Function: Queues + name, Consumers: atOnce}
	if name == deadLetters {
		c.Function = Queues + string(task.Verifying)
	}
	if w.SQS != nil {
		c.Queue, c.PartialBatch = fc.SQS(w.SQS, c.Name), true
		return c
	}
	c.Queue, c.Retry = fc.MNS(w.MNS, c.Name), fc.Retry{Backoff: func(int) time.Duration { return time.Second }}
	if name != deadLetters {
		c.DeadLetter = fc.MNS(w.MNS, Queues+deadLetters)
	}
	return c
}

// Issue has OSS and the queues take temporary keys for so long. Their token is made of
// their id, their secret is SecretKey.
func (w *World) Issue(id string, last time.Duration) (token string) {
	token, until := "token-of-"+id, time.Now().Add(last)
	w.OSS.AddCredential(oss.Credential{ID: id, Secret: SecretKey, Token: token, Expires: until.Add(w.Clocks.Target)})
	until = until.Add(w.Clocks.Queues)
	if w.SQS != nil {
		w.SQS.AddCredential(sqs.Credential{ID: id, Secret: SecretKey, Token: token, Expires: until})
	} else {
		w.MNS.AddCredential(mns.Credential{ID: id, Secret: SecretKey, Token: token, Expires: until})
	}
	return token
}
