package storm

import (
	"context"
	"time"

	"kodoferry/shared/limit"
)

// canceller cancels one of the runs under way. Should it die, sweeps close the books.
type canceller struct {
	office
	of   []*operator
	done bool
}

func (c *canceller) offers() (offers []offer) {
	if !c.w.weather[Cancels] || c.done {
		return nil
	}
	for _, o := range c.of {
		if run := o.run; run != "" {
			offers = append(offers, offer{1, "cancels", func() { c.cancel(run) }})
		}
	}
	return offers
}

func (c *canceller) cancel(run string) {
	c.done = true
	c.do("cancel "+run, func(ctx context.Context, p *process) error {
		o := p.deploy.Operator()
		_, err := o.Cancel(ctx, o.Ledger.Run(run), limit.Notice)
		return err
	}, func(error) {})
}

func (c *canceller) due() (time.Time, func()) { return time.Time{}, nil }

func (c *canceller) content() bool { return !c.busy }
