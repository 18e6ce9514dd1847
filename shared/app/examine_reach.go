package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kodoferry/shared/fault"
)

// skewKodo is how far a clock may be off at Kodo: a signature with a date is
// good for 15 minutes (Kodo, "management credentials"). OSS and MNS say the same.
const skewKodo = 15 * time.Minute

// checked says in a sentence what is wrong with it and what to do about that.
type checked interface {
	Check(ctx context.Context) error
}

// placed tells which hosts it asks.
type placed interface {
	checked
	// Hosts returns scheme://host of each; the first is one whose clock counts.
	Hosts(ctx context.Context) ([]string, error)
}

// reachable asks every host of a place for anything, unsigned: any answer will
// do. It notes what clock they have.
func (x *Examination) reachable(ctx context.Context, p placed, limit time.Duration) bool {
	var skew time.Duration
	var dated bool
	state := x.ask(ctx, "reachable", func(ctx context.Context) (State, string) {
		hosts, err := p.Hosts(ctx)
		var says []string
		for i, host := range hosts {
			took, off, ok, herr := knock(ctx, host)
			if herr != nil {
				err = herr
				continue
			}
			says = append(says, fmt.Sprintf("%s answers in %d ms", bareHost(host), took.Milliseconds()))
			if i == 0 { // another may be a CDN, which repeats old answers with their time
				skew, dated = off, ok
			}
		}
		if err != nil {
			if said := patiently(ctx, p.Check); said != nil { // the driver knows the cure
				err = said
			}
			return Failed, plain(err)
		}
		return Fine, strings.Join(says, ", ")
	})
	if state == Failed {
		return false
	}
	x.ask(ctx, "clock", func(context.Context) (State, string) {
		if !dated {
			return Noted, "the service tells no time, so this machine's clock cannot be held against its"
		}
		says := "this machine's clock is right to the second"
		if skew.Abs() >= 2*time.Second {
			says = fmt.Sprintf("this machine's clock is %s %s", skew.Abs().Round(time.Second), map[bool]string{true: "ahead", false: "behind"}[skew > 0])
		}
		switch {
		case skew.Abs() > limit:
			return Failed, fmt.Sprintf("%s, and the service refuses more than %s: set it, as by NTP", says, limit)
		case skew.Abs() > time.Minute:
			return Noted, fmt.Sprintf("%s; the service takes up to %s: set it, as by NTP, before it drifts further", says, limit)
		}
		return Fine, says
	})
	return true
}

// knock asks a host for its root, and returns how long the answer took and how
// far this machine's clock is ahead of the host's. A Date counts whole seconds, so
// half a second is what it most likely means.
func knock(ctx context.Context, host string) (took, skew time.Duration, dated bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/", nil)
	if err != nil {
		return 0, 0, false, fmt.Errorf("%s is no host", bareHost(host))
	}
	client := &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	began := time.Now()
	resp, err := client.Do(req)
	took = time.Since(began)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return took, 0, false, fault.New(fault.Temporary, "app.Examine", bareHost(host), fmt.Errorf("%s cannot be reached: check endpoint=, network, firewall and proxy (%w)", bareHost(host), err))
	}
	_ = resp.Body.Close()
	theirs, derr := http.ParseTime(resp.Header.Get("Date"))
	skew = began.Add(took / 2).Sub(theirs.Add(500 * time.Millisecond))
	return took, skew, derr == nil, nil
}

func bareHost(host string) string {
	_, bare, _ := strings.Cut(host, "://")
	return bare
}
