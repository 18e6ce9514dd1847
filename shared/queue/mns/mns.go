// Package mns drives queue.Queue over Alibaba Cloud MNS ("Simple Message
// Queue"), through its SDK. Start with Open; wire.go is the way of one request,
// body.go says how a body travels.
package mns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"
	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/polls"
)

// Credentials are a RAM user's keys, or temporary ones with their token.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken string
}

// Config says which queue, and the way to it.
type Config struct {
	Queue    string // its name: up to 120 letters, digits and hyphens
	Account  string // id of the account that owns it
	Region   string // as cn-hangzhou
	Endpoint string // "" or "public": from the Internet; "internal": inside the region's network; or http(s)://host
	Insecure bool   // plain http is wanted
	// Credentials is asked for every request, so that keys may rotate, and by
	// requests side by side.
	Credentials func() Credentials
	Log         *slog.Logger // warns of messages that the queue refused, and that are sent again; nil: nobody is warned
}

// Queue is one queue. It is safe for concurrent use.
type Queue struct {
	name  string
	base  string        // scheme://host
	sdk   sdk.MNSClient // for what its interface keeps to itself
	keys  func() Credentials
	polls polls.Set
	log   *slog.Logger

	pause func() backoff.BackOff // between tries
}

// word is what a host name and a queue's name are put together from.
var word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,119}$`)

var _ queue.Queue = (*Queue)(nil)

// Open returns the queue without asking for it. Its error is Invalid and names
// every mistake.
func Open(c Config) (*Queue, error) {
	var bad []error
	for _, v := range [][2]string{{"queue", c.Queue}, {"account", c.Account}, {"region", c.Region}} {
		if !word.MatchString(v[1]) {
			bad = append(bad, fmt.Errorf("%q is no %s: write up to 120 letters, digits and hyphens", v[1], v[0]))
		}
	}
	base, err := c.base()
	bad = append(bad, err)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Credentials == nil {
		bad = append(bad, errors.New("no credentials"))
	}
	if err := errors.Join(bad...); err != nil {
		return nil, fault.New(fault.Invalid, "mns.Open", c.Queue, err)
	}
	return &Queue{
		name: c.Queue, base: base, keys: c.Credentials, log: c.Log, pause: polls.Pauses,
		// The SDK reads account and region out of a host of five pieces and panics at any other.
		sdk: sdk.NewAliMNSClientWithConfig(sdk.AliMNSClientConfig{EndPoint: "http://" + c.Account + ".mns." + c.Region + ".aliyuncs.com"}),
	}, nil
}

// base is the scheme and host of the endpoint (MNS documentation, "Endpoints").
func (c Config) base() (string, error) {
	switch c.Endpoint {
	case "", "public":
		return "https://" + c.Account + ".mns." + c.Region + ".aliyuncs.com", nil
	case "internal":
		return "https://" + c.Account + ".mns." + c.Region + "-internal.aliyuncs.com", nil
	}
	at := c.Endpoint
	if !strings.Contains(at, "://") {
		at = "https://" + at
	}
	u, err := url.Parse(at)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("the endpoint is no host: write internal, public or https://host")
	case u.Scheme == "http" && !c.Insecure:
		return "", fmt.Errorf("the endpoint is plain http (%s): write https, or add insecure=true if you mean it", u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

// CloseIdle closes connections that no request uses, as after an instance was
// frozen: those of every queue of this process, since they share them.
func (q *Queue) CloseIdle() { shared.CloseIdleConnections() }

// Close waits for the requests that cancelled receives left behind, and so for
// what they got to be given back: up to 30 s. It ends them when ctx ends; what
// such a one gets comes again when its visibility ends.
func (q *Queue) Close(ctx context.Context) { q.polls.Wait(ctx) }

// Name is the queue's name.
func (q *Queue) Name() string { return q.name }
