// Package mns drives queue.Queue over Alibaba Cloud MNS ("Simple Message
// Queue"), through its SDK. Start with Open; wire.go is the way of one request.
//
// Bodies travel as they are, as XML text: JSON stays readable in the console
// and in an event stream, and 64 KiB stay 64 KiB. So a body must be UTF-8 that
// XML can hold; task bodies are.
package mns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
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
	// Credentials is asked for every request, so that keys may rotate.
	Credentials func() Credentials
}

// Queue is one queue. It is safe for concurrent use.
type Queue struct {
	name string
	base string // scheme://host
	sdk  string // what the SDK takes for an endpoint
	keys func() Credentials
	http *http.Client

	pause func() backoff.BackOff // between tries
}

// Open returns the queue without asking for it. Its error is Invalid and names
// every mistake.
func Open(c Config) (*Queue, error) {
	var bad []error
	for what, value := range map[string]string{"queue": c.Queue, "account": c.Account, "region": c.Region} {
		if value == "" || strings.ContainsAny(value, "./?# ") {
			bad = append(bad, fmt.Errorf("%q is no %s", value, what))
		}
	}
	base, err := c.base()
	bad = append(bad, err)
	if c.Credentials == nil {
		bad = append(bad, errors.New("no credentials"))
	}
	if err := errors.Join(bad...); err != nil {
		return nil, fault.New(fault.Invalid, "mns.Open", c.Queue, err)
	}
	return &Queue{
		name: c.Queue, base: base, keys: c.Credentials, http: &http.Client{Transport: newTransport()}, pause: pauses,
		// The SDK reads account and region out of a host of five pieces and panics at any other.
		sdk: "http://" + c.Account + ".mns." + c.Region + ".aliyuncs.com",
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

func pauses() backoff.BackOff {
	p := backoff.NewExponentialBackOff()
	p.InitialInterval, p.MaxInterval = 200*time.Millisecond, 10*time.Second
	return p
}

// CloseIdle closes connections that no request uses, as after an instance was frozen.
func (q *Queue) CloseIdle() { q.http.CloseIdleConnections() }

// Name is the queue's name.
func (q *Queue) Name() string { return q.name }

// Check asks for the queue's attributes and says in a sentence what is wrong
// and what to do about it: Denied for keys and permissions, NotFound for the
// queue, Temporary for the clock and for a host that cannot be reached.
func (q *Queue) Check(ctx context.Context) error {
	_, err := q.Depth(ctx)
	if err == nil {
		return nil
	}
	if says := q.explain(err); says != "" {
		return fault.New(fault.KindOf(err), "mns.Check", q.name, fmt.Errorf("%s (%w)", says, cause(err)))
	}
	return err
}

// explain words what err means to the one who set up the queue.
func (q *Queue) explain(err error) string {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		if fault.KindOf(err) == fault.Temporary {
			return strings.TrimPrefix(strings.TrimPrefix(q.base, "http://"), "https://") + " cannot be reached: check endpoint=, network, firewall and proxy; an internal endpoint answers only inside its region's network"
		}
		return ""
	}
	switch r.Code {
	case "QueueNotExist":
		return fmt.Sprintf("queue %q does not exist: create it, or check the account, region= and the prefix in FERRY_QUEUES", q.name)
	case "InvalidAccessKeyId":
		return "MNS does not know the access key id, or it is disabled: check ALIBABA_CLOUD_ACCESS_KEY_ID, and that a temporary key comes with its ALIBABA_CLOUD_SECURITY_TOKEN"
	case "SignatureDoesNotMatch":
		return "the access key secret does not belong to the access key id: copy both again, ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, without spaces"
	case "AccessDenied":
		return fmt.Sprintf("the access key may not use queue %q: grant it mns:SendMessage, mns:ReceiveMessage, mns:DeleteMessage, mns:ChangeMessageVisibility and mns:GetQueueAttributes, or get new temporary keys if these have expired", q.name)
	case "SecurityTokenExpired", "InvalidSecurityToken":
		return "the temporary keys have expired, or do not belong together: get new ones, ALIBABA_CLOUD_SECURITY_TOKEN among them"
	case "TimeExpired", "InvalidDateHeader":
		return fmt.Sprintf("MNS refuses the request's time: set this machine's clock, which says %s", time.Now().UTC().Format(time.RFC3339))
	}
	return ""
}

func cause(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Err
	}
	return err
}
