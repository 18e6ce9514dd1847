package app

import (
	"context"
	"errors"
	"time"

	"kodoferry/shared/alert"
	"kodoferry/shared/job"
)

// CheckAlerts says what is wrong with the webhooks of j where this
// process is to post to them, as one Invalid error without any secret.
func (c Config) CheckAlerts(j job.Job) error {
	var wrong []error
	for _, a := range j.Alerts {
		_, err := openHook(a, c.getenv)
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// openHook opens a webhook with what the environment has for it. getenv may be nil.
func openHook(a job.Alert, getenv func(string) string) (*alert.Hook, error) {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	return alert.Open(a, getenv)
}

// Stalled alerts that nothing of a run has moved since then, once for each such time.
func (d *Deployment) Stalled(ctx context.Context, run string, since time.Time) {
	d.doer.Stalled(ctx, run, since)
}
