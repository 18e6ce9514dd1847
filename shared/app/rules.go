package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store/kodo"
)

// EventRule is the rule on a job's source by which Kodo notifies a deployment.
type EventRule = kodo.Rule

// RuleName names a job's rule: what Kodo takes are letters, digits and
// underscores, fewer than 50.
func RuleName(jobName string) string {
	h := sha256.Sum256([]byte(jobName))
	return "ferry_" + hex.EncodeToString(h[:8])
}

// WantedRule is the rule that j needs to be notified at address, an https URL
// (or http, where the source says insecure). host is the Host that
// notifications are sent with, "" for that of the URL. The error is Invalid.
func (c Config) WantedRule(j job.Job, address, host string) (EventRule, error) {
	bad := func(format string, args ...any) (EventRule, error) {
		return EventRule{}, fault.New(fault.Invalid, "app.WantedRule", j.Name, fmt.Errorf(format, args...))
	}
	if !j.Events.Follow() {
		return bad("the job %s follows no events: write events: {} into it, and ferry jobs apply %s", j.Name, j.Name)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return bad("--url is no address: write that of the function notify, as https://….fcapp.run/")
	case u.Scheme != "https" && !(u.Scheme == "http" && j.Source.Insecure):
		return bad("--url is not https, and notifications would come in the clear: write https://%s%s", u.Host, u.Path)
	case u.RawQuery != "" || u.Fragment != "":
		return bad("--url has parameters, which the function cannot verify: leave out what follows the path")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	r := EventRule{Name: RuleName(j.Name), Prefix: j.Source.Prefix, URLs: []string{u.String()}, AccessKey: c.KodoAccessKey, Host: host, Events: wantedEvents(j)}
	if len(j.Filter.Suffix) == 1 { // a rule takes one
		r.Suffix = j.Filter.Suffix[0]
	}
	return r, nil
}

// wantedEvents are those after which an object is another, or can be read
// (developer.qiniu.com/kodo/8610/dev-event-notification).
func wantedEvents(j job.Job) []string {
	events := []string{"put", "mkfile", "append", "copy", "move", "enable", "restore:completed"}
	if j.Delete {
		events = append(events, "delete", "deleteMarkerCreate")
	}
	return events
}

// SetEvents puts the rule in place, and reports whether anything had to be changed.
func (c Config) SetEvents(ctx context.Context, j job.Job, r EventRule) (bool, error) {
	b, err := c.ruled(j)
	if err != nil {
		return false, err
	}
	changed, err := b.SetRule(ctx, r)
	return changed, unruly(j, err)
}

// Events returns j's rule, nil if the bucket has none.
func (c Config) Events(ctx context.Context, j job.Job) (*EventRule, error) {
	b, err := c.ruled(j)
	if err != nil {
		return nil, err
	}
	rules, err := b.Rules(ctx)
	if err != nil {
		return nil, unruly(j, err)
	}
	if i := slices.IndexFunc(rules, func(r EventRule) bool { return r.Name == RuleName(j.Name) }); i >= 0 {
		return &rules[i], nil
	}
	return nil, nil
}

// DropEvents removes j's rule, and reports whether there was one.
func (c Config) DropEvents(ctx context.Context, j job.Job) (bool, error) {
	b, err := c.ruled(j)
	if err != nil {
		return false, err
	}
	dropped, err := b.DropRule(ctx, RuleName(j.Name))
	return dropped, unruly(j, err)
}

// Unfit says in sentences why a rule does not notify of all that j follows, or
// not so that the function takes it; none if it does.
func (c Config) Unfit(j job.Job, r EventRule) (why []string) {
	if !j.Events.Follow() {
		why = append(why, "the job follows no events: the function answers 202 and does nothing")
	}
	if !strings.HasPrefix(j.Source.Prefix, r.Prefix) {
		why = append(why, fmt.Sprintf("the rule is about keys that begin with %q, the job about those that begin with %q", r.Prefix, j.Source.Prefix))
	}
	if r.Suffix != "" && (len(j.Filter.Suffix) != 1 || !strings.HasSuffix(j.Filter.Suffix[0], r.Suffix)) {
		why = append(why, fmt.Sprintf("the rule is about keys that end in %q alone", r.Suffix))
	}
	if missing := slices.DeleteFunc(wantedEvents(j), func(e string) bool { return slices.Contains(r.Events, e) }); len(missing) > 0 {
		why = append(why, "the rule does not name the events "+strings.Join(missing, ", "))
	}
	if r.AccessKey != c.KodoAccessKey {
		why = append(why, "the rule does not name the key in QINIU_ACCESS_KEY, so the function refuses what comes by it")
	}
	return why
}

// ruled is the bucket that j's rule is on.
func (c Config) ruled(j job.Job) (*kodo.Bucket, error) {
	if j.Source.Scheme != job.Kodo {
		return nil, fault.New(fault.Invalid, "app.Events", j.Name, errors.New("its source is no bucket that is reached as kodo://, and only of these do notifications come"))
	}
	if err := c.Missing(j.Source); err != nil {
		return nil, err
	}
	return c.openKodo(j.Source)
}

// unruly adds to a refusal what a person can do.
func unruly(j job.Job, err error) error {
	if fault.KindOf(err) != fault.Denied {
		return err
	}
	return fault.New(fault.Denied, "app.Events", j.Name, fmt.Errorf("the keys may not manage the event rules of the bucket %s: use the account's own keys for this command alone, or make the rule in Kodo's console (%w)", j.Source.Bucket, err))
}
