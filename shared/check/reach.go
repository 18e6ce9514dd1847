package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/retry"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

// maxSkew is how far the clock of this machine may be off: Kodo takes a signature
// with a date for 15 minutes ("management credentials"), OSS as long
// (RequestTimeTooSkewed), and MNS, too.
const maxSkew = 15 * time.Minute

// hosted is a place whose hosts are known.
type hosted interface {
	Checker
	// Hosts returns scheme://host of every host that a run sends requests to. The first
	// one is the service's own: its Date is the time that signatures are held against.
	Hosts(ctx context.Context) ([]string, error)
}

// reachable sends an unsigned request to every host of p, to which any answer will
// do, and compares the first host's clock with this machine's. It returns false
// where a host does not answer.
func (c *checker) reachable(ctx context.Context, p hosted) bool {
	var skew time.Duration
	var dated bool
	state := c.ask(ctx, "reachable", func(ctx context.Context) (State, string) {
		hosts, err := p.Hosts(ctx)
		var says []string
		for i, host := range hosts {
			took, off, ok, herr := knock(ctx, host)
			if herr != nil {
				err = herr
				continue
			}
			says = append(says, fmt.Sprintf("%s answers in %d ms", bareHost(host), took.Milliseconds()))
			if i == 0 { // another may be a CDN, which repeats old answers with their Date
				skew, dated = off, ok
			}
		}
		if err != nil {
			return Fail, sentence(diagnosed(ctx, p, err))
		}
		return OK, strings.Join(says, ", ")
	})
	if state == Fail {
		return false
	}
	c.ask(ctx, "clock", func(context.Context) (State, string) { return clock(skew, dated) })
	return true
}

// clock judges by how much this machine's clock is ahead of the service's. dated is
// false where the service tells no time.
func clock(skew time.Duration, dated bool) (State, string) {
	if !dated {
		return Note, "the service tells no time, so this machine's clock cannot be held against its"
	}
	says := "this machine's clock is right to the second"
	if skew.Abs() >= 2*time.Second {
		says = fmt.Sprintf("this machine's clock is %s %s", skew.Abs().Round(time.Second), map[bool]string{true: "ahead", false: "behind"}[skew > 0])
	}
	switch {
	case skew.Abs() > maxSkew:
		return Fail, fmt.Sprintf("%s, and the service refuses more than %s: set it, as by NTP", says, maxSkew)
	case skew.Abs() > time.Minute:
		return Note, fmt.Sprintf("%s; the service takes up to %s: set it, as by NTP, before it drifts further", says, maxSkew)
	}
	return OK, says
}

// diagnosed returns what p's Check says, which names the cure, or err where Check
// finds nothing wrong.
func diagnosed(ctx context.Context, p Checker, err error) error {
	if said := WithRetry(ctx, p.Check); said != nil {
		return said
	}
	return err
}

// knock sends a GET for the root of host. It returns how long the answer took and
// how far this machine's clock is ahead of the host's; dated is false where the
// answer has no Date. A Date counts whole seconds, so half a second is added to it.
// The error is Temporary where no answer comes.
func knock(ctx context.Context, host string) (took, skew time.Duration, dated bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/", nil)
	if err != nil {
		return 0, 0, false, fmt.Errorf("%s is no host", bareHost(host))
	}
	client := &http.Client{
		Transport:     transport.Once(dialTime),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	began := time.Now()
	resp, err := client.Do(req)
	took = time.Since(began)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return took, 0, false, fault.New(fault.Temporary, "check.Run", bareHost(host), fmt.Errorf("%s cannot be reached: check endpoint=, network, firewall and proxy (%w)", bareHost(host), err))
	}
	_ = resp.Body.Close()
	theirs, derr := http.ParseTime(resp.Header.Get("Date"))
	skew = began.Add(took / 2).Sub(theirs.Add(500 * time.Millisecond))
	return took, skew, derr == nil, nil
}

// dialTime is how long a host may take to be connected to.
const dialTime = 10 * time.Second

// bareHost is host without its scheme.
func bareHost(host string) string {
	_, bare, _ := strings.Cut(host, "://")
	return bare
}

const (
	maxPause = 2 * time.Second // bounds the pauses of WithRetry, unless a throttle asks for more
	maxTries = 5               // of WithRetry with Temporary errors, within some 3 s
)

// WithRetry calls check until its answer says whether the settings are right. A
// Throttled error does not: it is tried again until ctx ends, and then returned as
// Throttled with the cure. A Temporary error is tried again up to maxTries in all.
// Every other error is returned at once.
func WithRetry(ctx context.Context, check func(context.Context) error) error {
	p := retry.Policy{
		Tries: maxTries, Throttles: math.MaxInt, Between: store.Pauses(),
		Wait: func(asked time.Duration, pause func() time.Duration) time.Duration {
			return max(asked, min(pause(), maxPause))
		},
	}
	_, err := retry.Do(ctx, p, func() (struct{}, error) { return struct{}{}, check(ctx) })
	err = retry.Last(err)
	if fault.KindOf(err) == fault.Throttled { // ctx has ended
		return fault.New(fault.Throttled, "check.WithRetry", "", fmt.Errorf("it still asks to slow down: wait for what else uses it, or have its limits raised (%w)", err))
	}
	return err
}
