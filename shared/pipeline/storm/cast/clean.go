package cast

import (
	"context"
	"errors"
	"reflect"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/report"
)

// cleaner removes what runs have left behind, and tries it with one under way.
type cleaner struct {
	office
	o    *operator
	left int
}

func newCleaner(w *world.World, o *operator) *cleaner {
	return &cleaner{office: office{w: w, rules: o.rules, slot: "cleaner" + o.t.Tag}, o: o, left: 3}
}

// Offers implements world.Actor.
func (c *cleaner) Offers() []world.Offer {
	runs := c.w.Runs(c.o.t)
	if c.busy || c.left == 0 || !c.w.Weather[weather.Cleans] || len(runs) == 0 {
		return nil
	}
	return []world.Offer{{Weight: 2, What: string(weather.Cleans), Do: func() {
		c.left--
		c.clean(runs[c.w.Dice.Draw(len(runs), "clean", c.w.Step)])
	}}}
}

func (c *cleaner) clean(run string) {
	over := c.w.Reported(run)
	c.do("clean "+run, func(ctx context.Context, p *world.Process) error {
		_, err := p.Deploy.Operator().Clean(ctx, run, false)
		return err
	}, func(err error) {
		switch {
		case err == nil && !over && !c.w.Reported(run):
			c.w.Log.Fail("%s is cleaned, and is not over", run)
		case over && fault.KindOf(err) == fault.Invalid:
			c.w.Log.Fail("%s is over, and is not cleaned: %v", run, err)
		}
		if before, checked := c.rules.Audit.Tables[run]; checked {
			of := c.w.Books().Run(run)
			rep, err := report.Read(context.Background(), of)
			if rows, rerr := c.rules.Audit.Rows(of, rep); err != nil || rerr != nil || !reflect.DeepEqual(rows, before) {
				c.w.Log.Fail("the rows of %s are others since it was cleaned: %v", run, errors.Join(err, rerr))
			}
		}
	})
	c.p.Cleans = run
}
