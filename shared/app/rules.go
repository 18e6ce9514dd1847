package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store/kodo"
)

// SetEvents puts the rule in place, and reports whether anything had to be changed.
func (c Config) SetEvents(ctx context.Context, j job.Job, r control.EventRule) (bool, error) {
	b, err := c.ruled(j)
	if err != nil {
		return false, err
	}
	changed, err := b.SetRule(ctx, kodo.Rule(r))
	return changed, unruly(j, err)
}

// Events returns j's rule, nil if the bucket has none.
func (c Config) Events(ctx context.Context, j job.Job) (*control.EventRule, error) {
	b, err := c.ruled(j)
	if err != nil {
		return nil, err
	}
	rules, err := b.Rules(ctx)
	if err != nil {
		return nil, unruly(j, err)
	}
	if i := slices.IndexFunc(rules, func(r kodo.Rule) bool { return r.Name == control.RuleName(j.Name) }); i >= 0 {
		r := control.EventRule(rules[i])
		return &r, nil
	}
	return nil, nil
}

// DropEvents removes j's rule, and reports whether there was one.
func (c Config) DropEvents(ctx context.Context, j job.Job) (bool, error) {
	b, err := c.ruled(j)
	if err != nil {
		return false, err
	}
	dropped, err := b.DropRule(ctx, control.RuleName(j.Name))
	return dropped, unruly(j, err)
}

// ruled opens the bucket that j's rule is on.
func (c Config) ruled(j job.Job) (*kodo.Bucket, error) {
	if j.Source.Scheme != job.Kodo {
		return nil, fault.New(fault.Invalid, "app.Events", j.Name, errors.New("its source is no bucket that is reached as kodo://, and only of these do notifications come"))
	}
	if err := c.Missing(j.Source); err != nil {
		return nil, err
	}
	return openKodo(c, j.Source, opening{})
}

// unruly adds to a refusal by the bucket what to do about it.
func unruly(j job.Job, err error) error {
	if fault.KindOf(err) != fault.Denied {
		return err
	}
	return fault.New(fault.Denied, "app.Events", j.Name, fmt.Errorf("the keys may not manage the event rules of the bucket %s: use the account's own keys for this command alone, or make the rule in Kodo's console (%w)", j.Source.Bucket, err))
}
