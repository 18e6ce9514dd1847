package storm

import (
	"context"
	"reflect"
	"strings"
	"time"

	"kodoferry/shared/fault"
)

// cleaner removes what runs have left behind, and tries it with one under way.
type cleaner struct {
	office
	o    *operator
	left int
	run  string // that it cleans
}

func newCleaner(w *world, o *operator) *cleaner {
	return &cleaner{office: office{w: w, slot: "cleaner" + o.t.tag}, o: o, left: 3}
}

func (c *cleaner) due() (t time.Time, do func()) { return }
func (c *cleaner) content() bool                 { return !c.busy }

func (c *cleaner) offers() []offer {
	runs := c.w.runs(c.o.t)
	if c.busy || c.left == 0 || !c.w.weather[Cleans] || len(runs) == 0 {
		return nil
	}
	return []offer{{2, string(Cleans), func() {
		c.left--
		c.clean(runs[c.w.dice.draw(len(runs), "clean", c.w.step)])
	}}}
}

func (c *cleaner) clean(run string) {
	over := c.w.reported(run)
	c.run = run
	c.do("clean "+run, func(ctx context.Context, p *process) error {
		_, err := p.deploy.Operator().Clean(ctx, run, false)
		return err
	}, func(err error) {
		switch {
		case err == nil && !over && !c.w.reported(run):
			c.w.fail("%s is cleaned, and is not over", run)
		case over && fault.KindOf(err) == fault.Invalid:
			c.w.fail("%s is over, and is not cleaned: %v", run, err)
		}
		if before, checked := c.w.tables[run]; checked {
			if rows, err := c.w.rows(c.w.books().Run(run)); err != nil || !reflect.DeepEqual(rows, before) {
				c.w.fail("the rows of %s are others since it was cleaned: %v", run, err)
			}
		}
	})
}

// cleaned holds against what may be that a process removes a record of the ledger:
// who cleans a run removes nothing but of that run, once it is over.
func (w *world) cleaned(p *process, key string) {
	for _, a := range w.actors {
		c, ok := a.(*cleaner)
		if !ok || c.p != p {
			continue
		}
		if !strings.HasPrefix(key, books+"runs/"+c.run+"/") || !w.reported(c.run) {
			w.fail("%s: it cleans %s and removes %s", p.name, c.run, key)
		}
	}
}
