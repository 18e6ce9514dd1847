// Package sqs drives queue.Queue over Amazon SQS, its standard queues, through
// AWS's SDK. Start with Open; wire.go is the way of one request, body.go says
// how a body travels, later.go how a message waits for longer than SQS lets one
// wait, receipts.go what a receipt is worth.
package sqs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote"
)

// Credentials are an IAM user's keys, or temporary ones with their token.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// Config says which queue, and the way to it.
type Config struct {
	Queue    string // its name: up to 80 letters, digits, hyphens and underscores
	Account  string // id of the account that owns it: 12 digits
	Region   string // as eu-central-1
	Endpoint string // "": the region's own; or http(s)://host, as that of a VPC endpoint
	Insecure bool   // plain http is wanted
	// Credentials is asked for every request, so that keys may rotate, and by
	// requests side by side.
	Credentials func() Credentials
	Log         *slog.Logger // warns of messages that the queue refused, and that are sent again; nil: nobody is warned
}

// Queue is one queue. It is safe for concurrent use.
type Queue struct {
	link    *remote.Link
	url     string // that names the queue in requests
	sdk     *sdk.Client
	keys    func() Credentials
	held    receipts
	visible visible
	now     func() time.Time
}

var (
	// SQS developer guide, "Quotas". A name that ends in .fifo is of a queue of
	// another kind.
	queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	region    = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
)

var _ queue.Queue = (*Queue)(nil)

// Open returns the queue without asking for it. Its error is Invalid and names
// every mistake.
func Open(c Config) (*Queue, error) {
	var bad []error
	if !queueName.MatchString(c.Queue) {
		bad = append(bad, fmt.Errorf("%q is no queue: write up to 80 letters, digits, hyphens and underscores", c.Queue))
	}
	if !accountID.MatchString(c.Account) {
		bad = append(bad, fmt.Errorf("%q is no account: write the 12 digits of its id", c.Account))
	}
	base, err := c.base()
	if c.Credentials == nil {
		err = errors.Join(err, errors.New("no credentials"))
	}
	if err := errors.Join(append(bad, err)...); err != nil {
		return nil, fault.New(fault.Invalid, "sqs.Open", c.Queue, err)
	}
	q := &Queue{url: base + "/" + c.Account + "/" + c.Queue, keys: c.Credentials, now: time.Now}
	q.link = &remote.Link{
		Service: "sqs", Name: c.Queue, Base: base, Log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)), Policy: remote.Requests,
		Poll: remote.Poll{Longest: maxPoll, Ask: q.ask, Extend: q.Extend, Now: func() time.Time { return q.now() }},
	}
	q.sdk = q.client(c.Region)
	return q, nil
}

// base is the scheme and host of the endpoint (AWS General Reference, "Amazon
// SQS endpoints").
func (c Config) base() (string, error) {
	if !region.MatchString(c.Region) {
		return "", fmt.Errorf("%q is no region: write one such as eu-central-1", c.Region)
	}
	if c.Endpoint == "" {
		domain := "amazonaws.com"
		if strings.HasPrefix(c.Region, "cn-") {
			domain = "amazonaws.com.cn"
		}
		return "https://sqs." + c.Region + "." + domain, nil
	}
	return remote.Base(c.Endpoint, c.Insecure, "https://host, or leave it out")
}

// CloseIdle closes connections that no request uses, as after an instance was
// frozen: those of every queue of this process, since they share them.
func (q *Queue) CloseIdle() { shared.CloseIdleConnections() }

// Close waits for the requests that cancelled receives left behind, and so for
// what they got to be given back: up to 20 s. It ends them when ctx ends; what
// such a one gets comes again when its visibility ends.
func (q *Queue) Close(ctx context.Context) { q.link.Close(ctx) }

// Name is the queue's name.
func (q *Queue) Name() string { return q.link.Name }
