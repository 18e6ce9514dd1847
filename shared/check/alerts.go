package check

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/alert"
)

// Alert is one webhook of a job.
type Alert struct {
	Name string // of the variable that has its URL
	Kind string // of its messages, as the job names it
	Err  error  // why it could not be opened; nil if it was
	Post func(context.Context, alert.Message) error
}

// alerts asks whether the webhooks of the job are set, and posts a test message to
// each with Setup.Ring.
func (c *checker) alerts(ctx context.Context) {
	for _, a := range c.setup.Alerts {
		c.ask(ctx, a.Name, func(ctx context.Context) (State, string) {
			if a.Err != nil {
				return Fail, sentence(a.Err)
			}
			if !c.setup.Ring {
				return OK, fmt.Sprintf("is set, for %s; nothing was posted (--ring posts a test message); functions need it in their own environment", a.Kind)
			}
			name := c.setup.Job.Name
			m := alert.Message{Event: "test", Run: name, Text: "this is a test: ferry check --ring", Next: "ferry check " + name, At: time.Now()}
			if err := a.Post(ctx, m); err != nil {
				return Fail, sentence(err)
			}
			return OK, fmt.Sprintf("the %s webhook took a test message; functions need the variable in their own environment", a.Kind)
		})
	}
}
