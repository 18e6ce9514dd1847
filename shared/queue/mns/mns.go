// Package mns drives queue.Queue over Alibaba Cloud MNS ("Simple Message
// Queue"), through its SDK. Start with Open; wire.go is the way of one request,
// body.go says how a body travels.
package mns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote"
)

// Credentials are a RAM user's keys, or temporary ones with their token.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken string
}

// Config says which queue, and the way to it.
type Config struct {
	Queue   string // its name: up to 120 letters, digits and hyphens
	Account string // id of the account that owns it
	Region  string // as cn-hangzhou
	// Endpoint is "" or "public": from the Internet; "internal": inside the region's
	// network, of which only plain http is documented; or http(s)://host.
	Endpoint string
	Insecure bool // plain http is wanted, of "internal" and of hosts
	// Credentials is asked for every request, so that keys may rotate, and by
	// requests side by side.
	Credentials func() Credentials
	Log         *slog.Logger // warns of messages that the queue refused, and that are sent again; nil: nobody is warned
}

// Queue is one queue. It is safe for concurrent use.
type Queue struct {
	link *remote.Link
	ways []Way         // the addresses of its region; nil where the endpoint is a host
	sdk  sdk.MNSClient // for what its interface keeps to itself
	keys func() Credentials
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
	if c.Credentials == nil {
		err = errors.Join(err, errors.New("no credentials"))
	}
	if err := errors.Join(append(bad, err)...); err != nil {
		return nil, fault.New(fault.Invalid, "mns.Open", c.Queue, err)
	}
	q := &Queue{
		ways: c.ways(), keys: c.Credentials,
		// The SDK reads account and region out of a host of five pieces and panics at any other.
		sdk: sdk.NewAliMNSClientWithConfig(sdk.AliMNSClientConfig{EndPoint: "http://" + c.Account + ".mns." + c.Region + ".aliyuncs.com"}),
	}
	q.link = &remote.Link{
		Service: "mns", Name: c.Queue, Base: base, Log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)), Policy: remote.Requests,
		Poll: remote.Poll{Longest: maxPoll, Ask: q.ask, Extend: q.Extend, Now: time.Now},
	}
	return q, nil
}

// Way is one address of a region's MNS.
type Way struct {
	Name string // "public https", "internal https" or "internal http"
	Base string // scheme://host
}

// ways are the addresses of c's region (MNS documentation, "Endpoints": http and
// https under the public name, http under the internal one), nil where c names a host.
func (c Config) ways() []Way {
	if c.Endpoint != "" && c.Endpoint != "public" && c.Endpoint != "internal" {
		return nil
	}
	public, internal := c.Account+".mns."+c.Region+".aliyuncs.com", c.Account+".mns."+c.Region+"-internal.aliyuncs.com"
	return []Way{{"public https", "https://" + public}, {"internal https", "https://" + internal}, {"internal http", "http://" + internal}}
}

// base is the scheme and host of the endpoint.
func (c Config) base() (string, error) {
	switch ways := c.ways(); {
	case ways != nil && c.Endpoint != "internal":
		return ways[0].Base, nil
	case ways != nil && !c.Insecure:
		return ways[1].Base, nil
	case ways != nil:
		return ways[2].Base, nil
	}
	return remote.Base(c.Endpoint, c.Insecure, "internal, public or https://host")
}

// CloseIdle closes connections that no request uses, as after an instance was
// frozen: those of every queue of this process, since they share them.
func (q *Queue) CloseIdle() { shared.CloseIdleConnections() }

// Close waits for the requests that cancelled receives left behind, and so for
// what they got to be given back: up to 30 s. It ends them when ctx ends; what
// such a one gets comes again when its visibility ends.
func (q *Queue) Close(ctx context.Context) { q.link.Close(ctx) }

// Name is the queue's name.
func (q *Queue) Name() string { return q.link.Name }
