// Package app puts the parts together. It is the only package that knows every
// driver and reads the environment. Connect opens what a job names; Copy runs
// a whole migration in this process.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"kodoferry/shared/agent"
	"kodoferry/shared/check"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/report"
	"kodoferry/shared/store/oss"
)

// Sites are the three places a job works with.
type Sites struct {
	Source source
	Target interface {
		pipeline.Target
		Check(ctx context.Context) error
	}
	Ledger *ledger.Ledger
	check  []func(context.Context) error
	getenv func(string) string // has the URLs of alerts; may be nil
}

// Connect opens the source, the target and the ledger of j. It makes no
// request. Its error names every mistake at once, missing variables included.
func (c Config) Connect(j job.Job) (Sites, error) {
	var s Sites
	if err := c.Missing(j.Source, j.Target, j.Ledger); err != nil {
		return s, err
	}
	var errs []error
	how := opening{leastRate: j.Limits.LeastRate}
	src, err := openSource(c, j.Source, how)
	errs = append(errs, err)
	dst, err := openOSS(c, j.Target, opening{leastRate: how.leastRate, recheck: true})
	errs = append(errs, err)
	led, err := openOSS(c, j.Ledger, how)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return s, err
	}
	s.Source, s.Target, s.Ledger, s.getenv = src, dst, ledger.Open(led, j.Ledger.Prefix), c.getenv
	// The ledger's own question makes sense only of a bucket that answers.
	beside, ledgerIs := reachedAlike(j.Ledger, j.Target), "the ledger "
	if beside {
		ledgerIs = "the target "
	}
	s.check = []func(context.Context) error{named("the source ", j.Source, src.Check), inTurn(named(ledgerIs, j.Ledger, led.Check), s.Ledger.Check)}
	if !beside {
		s.check = append(s.check, named("the target ", j.Target, dst.Check))
	}
	return s, nil
}

// reachedAlike reports whether one question to a and b, buckets, is one to both.
func reachedAlike(a, b job.Location) bool {
	a.Prefix, b.Prefix = "", ""
	return a == b
}

// named returns ask with the side and the place added to its error where that does not
// name the bucket itself, as the end of a connection does not.
func named(side string, at job.Location, ask func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		err := regional(at, ask(ctx))
		if e, ok := errors.AsType[*fault.Error](err); ok && !strings.Contains(e.Err.Error(), at.Bucket) {
			at.Prefix = ""
			place := side + at.Place()
			if at.Endpoint != "" && !strings.Contains(e.Err.Error(), at.Endpoint) {
				place += " at " + at.Endpoint
			}
			return &fault.Error{Kind: e.Kind, Op: e.Op, Key: e.Key, Wait: e.Wait, Err: fmt.Errorf("%s: %w", place, e.Err)}
		}
		return err
	}
}

// regional adds to the error of a host that does not exist which region was probably meant.
func regional(at job.Location, err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if dns, is := errors.AsType[*net.DNSError](err); !ok || !is || !dns.IsNotFound || at.Endpoint != "" {
		return err
	}
	if meant := job.MeantRegion(at); meant != "" {
		return &fault.Error{Kind: e.Kind, Op: e.Op, Key: e.Key, Wait: e.Wait, Err: fmt.Errorf("no region %q is known%s: %w", at.Region, meant, e.Err)}
	}
	return err
}

// inTurn asks until one says no.
func inTurn(checks ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, check := range checks {
			if err := check(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// Ledger opens the ledger at l alone.
func (c Config) Ledger(l job.Location) (*ledger.Ledger, error) {
	if err := c.Missing(l); err != nil {
		return nil, err
	}
	b, err := openOSS(c, l, opening{})
	if err != nil {
		return nil, err
	}
	return ledger.Open(b, l.Prefix), nil
}

// DiagnosedLedger returns err, which the ledger at l answered, or its not answering, as a Check of
// its bucket says it, which names the cure; err itself where that finds nothing wrong.
func DiagnosedLedger(ctx context.Context, c Config, l job.Location, err error) error {
	b, opened := openOSS(c, l, opening{})
	if opened != nil {
		return err
	}
	if said := named("the ledger ", l, b.Check)(ctx); said != nil && ctx.Err() == nil {
		return said
	}
	return err
}

// Check asks every place whether it can be reached and used, all at once, and
// returns everything that is wrong. A versioned ledger bucket is Invalid.
func (s Sites) Check(ctx context.Context) error { return check.All(ctx, s.check) }

// Diagnosed returns err, with which a run ended, as Check says it, which names the place and the
// cure; err itself where Check finds nothing wrong, or where it is of no service.
func (s Sites) Diagnosed(ctx context.Context, err error) error {
	switch fault.KindOf(err) {
	case fault.Temporary, fault.Denied, fault.NotFound, fault.Invalid:
	default:
		return err
	}
	if said := s.Check(ctx); said != nil && ctx.Err() == nil {
		return said
	}
	return err
}

func openOSS(c Config, l job.Location, how opening) (*oss.Bucket, error) {
	if l.Scheme != job.OSS {
		return nil, fault.New(fault.Invalid, "app.open", l.String(), fmt.Errorf("a target or ledger is oss://bucket/prefix"))
	}
	return oss.Open(oss.Config{
		Bucket: l.Bucket, Region: l.Region, Endpoint: l.Endpoint, Insecure: l.Insecure, LeastRate: how.leastRate, Recheck: how.recheck, Credentials: c.oss,
	})
}

// Verify verifies a run of j that is over in this process, as agent.Verify does.
func Verify(ctx context.Context, s Sites, j job.Job, run *ledger.Run, v ledger.Verification, begun func(name string, goesOn bool), o agent.CopyOptions) (reproof.Report, error) {
	return agent.Verify(ctx, agent.Sites{Source: s.Source, Target: s.Target, Ledger: s.Ledger, Getenv: s.getenv}, j, run, v, begun, o)
}

// Copy runs j from start to report in this process, as agent.Copy does.
func Copy(ctx context.Context, s Sites, j job.Job, o agent.CopyOptions) (report.Report, error) {
	return agent.Copy(ctx, agent.Sites{Source: s.Source, Target: s.Target, Ledger: s.Ledger, Getenv: s.getenv}, j, o)
}
