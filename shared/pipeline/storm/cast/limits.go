package cast

import (
	"cmp"
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
)

// warden changes what bounds a job's run under way, or lifts it, as ferry limits
// does. What fails, or dies, is not asked for again.
type warden struct {
	office
	o    *operator
	left int
}

func newWarden(w *world.World, o *operator) *warden {
	return &warden{office: office{w: w, rules: o.rules, slot: "warden" + o.t.Tag}, o: o, left: 3}
}

// Offers implements world.Actor.
func (c *warden) Offers() []world.Offer {
	if c.busy || c.left == 0 || c.o.run == "" || !c.w.Weather[weather.Limits] || c.w.Reported(c.o.run) {
		return nil
	}
	return []world.Offer{{Weight: 2, What: string(weather.Limits), Do: c.change}}
}

func (c *warden) change() {
	c.left--
	name, to := c.o.run, jobDraw{c.w}.drawBounds("changed", c.w.Step)
	lifted := c.w.Dice.Chance(25, "lifted", c.w.Step)
	c.do("change the limits of "+name, func(ctx context.Context, p *world.Process) error {
		run := p.Deploy.Ledger().Run(name)
		if over, err := run.Over(ctx); over || err != nil {
			return err
		}
		now, _, err := limit.Read(ctx, run)
		if err != nil {
			return err
		}
		if lifted {
			return limit.Change(ctx, run, limit.Bounds{}, time.Now())
		}
		now.Bandwidth.Rate = cmp.Or(to.Bandwidth.Rate, now.Bandwidth.Rate)
		now.Instances = cmp.Or(to.Instances, now.Instances)
		return limit.Change(ctx, run, now, time.Now())
	}, func(err error) {
		if fault.KindOf(err) == fault.Invalid {
			c.w.Log.Fail("the limits of %s cannot be changed: %v", name, err)
		}
	})
}
