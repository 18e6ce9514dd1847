package cast

import (
	"context"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/storm/rules"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
)

// notifier is the source's notifications, and the function that receives them. Kodo
// notifies late, twice, or never, and again where it was not answered well.
type notifier struct {
	office
	notices []notice
	ticks   *control.Notifier // of the process at work
}

// notice is a key that something was done to.
type notice struct {
	key   string
	tries int
	due   time.Time
}

// mostNotified is how often Kodo notifies of one thing.
const mostNotified = 3

func newNotifier(w *world.World, r *rules.Rules) *notifier {
	return &notifier{office: office{w: w, rules: r, slot: "notifier"}}
}

// notify takes in that something was done to a key of the source.
func (n *notifier) notify(key string) {
	if n.w.Draws(weather.Lost, 15) {
		return
	}
	times := 1
	if n.w.Draws(weather.Doubled, 20) {
		times = 2
	}
	for range times {
		n.notices = append(n.notices, notice{key: key, due: time.Now().Add(time.Second)})
	}
}

// Offers implements world.Actor.
func (n *notifier) Offers() []world.Offer {
	if n.busy || len(n.notices) == 0 {
		return nil
	}
	return []world.Offer{{Weight: 4, What: "notifications", Do: func() { n.tell(n.w.Dice.Draw(len(n.notices), "notice", n.w.Step)) }}}
}

// Due implements world.Actor.
func (n *notifier) Due() (time.Time, func()) {
	if n.busy || len(n.notices) == 0 {
		return time.Time{}, nil
	}
	return n.notices[0].due, func() { n.tell(0) }
}

func (n *notifier) tell(i int) {
	told := n.notices[i]
	n.notices = append(n.notices[:i:i], n.notices[i+1:]...)
	if n.p == nil {
		n.ticks = &control.Notifier{}
	}
	ticks := n.ticks
	n.do("notify of "+told.key, func(ctx context.Context, p *world.Process) error {
		_, err := ticks.Take(ctx, p.Deploy.Control(), []control.Notice{{Bucket: "photos", Key: told.key}})
		return err
	}, func(err error) {
		if told.tries++; err != nil && told.tries < mostNotified {
			told.due = time.Now().Add(30 * time.Second)
			n.notices = append(n.notices, told)
		}
	})
}

// Content reports whether all was told, and every day of events has its report.
func (n *notifier) Content() bool {
	if n.busy || len(n.notices) > 0 {
		return false
	}
	for _, t := range n.w.Tenants {
		days, err := index.EventRuns(context.Background(), n.w.Books(), t.Job.Name)
		if err != nil {
			n.w.Log.Fail("the days of events cannot be listed: %v", err)
		}
		for _, day := range days {
			if n.w.Seen[day] {
				continue
			}
			if !n.w.Reported(day) {
				return false
			}
			n.w.Seen[day] = true
			n.rules.Audit.CheckRun(t, day)
		}
	}
	return true
}

// keep keeps the job, as ferry jobs apply does.
func (o *operator) keep() {
	o.do("keep", func(ctx context.Context, p *world.Process) error {
		c := p.Deploy.Control()
		return control.Exclusively(ctx, c.Ledger, []job.Job{o.t.Job}, time.Now(), func(ctx context.Context) error {
			raw, err := job.Encode(o.t.Job)
			if err != nil {
				return err
			}
			_, err = p.Deploy.Operator().Keep(ctx, kept.Job{Name: o.t.Job.Name, Job: raw, At: time.Now().UTC()}, o.t.List)
			return err
		})
	}, func(err error) {
		o.t.Kept = err == nil
		o.next = time.Now().Add(time.Second)
		if err != nil {
			o.next = time.Now().Add(time.Minute)
		}
	})
}

// remove takes the job out of the ledger, as ferry jobs remove does.
func (m *manager) remove() {
	t := m.o.t
	t.Ending = true
	m.ask("remove the job of", m.remove, func(ctx context.Context, p *world.Process) error {
		o := p.Deploy.Operator()
		withdrawn, err := o.Drop(ctx, t.Job.Name)
		if err == nil && withdrawn {
			err = o.Settle(ctx, time.Now(), limit.Notice) // from when it was removed, as ferry jobs remove counts
		}
		return err
	}, func() {
		m.rules.Changes.Silences[rules.Removed+t.Job.Name] = rules.Silence{Since: time.Now(), Why: "was removed"}
	})
}

// tick begins a run as a timer does, which may come twice for one time.
func (o *operator) tick(at time.Time) func(ctx context.Context, p *world.Process) error {
	again := o.w.Draws(weather.Doubled, 40)
	return func(ctx context.Context, p *world.Process) error {
		_, err := p.Deploy.Tick(ctx, o.t.Job.Name, at, time.Now())
		if err == nil && again {
			_, err = p.Deploy.Tick(ctx, o.t.Job.Name, at, time.Now())
		}
		return err
	}
}

// untimely is a tick while a run is under way: it begins none, unless that run ended
// in time.
func (o *operator) untimely() {
	o.t.Asked = o.t.List
	o.do("tick", o.tick(time.Now().Truncate(time.Minute)), func(err error) {
		if fault.KindOf(err) == fault.Invalid && !o.t.Ending {
			o.w.Log.Fail("a tick is refused: %v", err)
		}
		run := o.w.BegunRun(o.t)
		switch {
		case run == "":
		case !o.w.Reported(o.run):
			o.w.Log.Fail("a tick began %s, and %s was not over", run, o.run)
		default:
			o.ended()
			o.run, o.t.Lists[run] = run, o.t.List
		}
	})
}
