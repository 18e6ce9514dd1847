package storm

import (
	"context"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
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

func newNotifier(w *world) *notifier { return &notifier{office: office{w: w, slot: "notifier"}} }

// notify takes in that something was done to a key of the source.
func (w *world) notify(key string) {
	if w.notifier == nil || w.draws(Lost, 15) {
		return
	}
	times := 1
	if w.draws(Doubled, 20) {
		times = 2
	}
	for range times {
		w.notifier.notices = append(w.notifier.notices, notice{key: key, due: time.Now().Add(time.Second)})
	}
}

func (n *notifier) offers() []offer {
	if n.busy || len(n.notices) == 0 {
		return nil
	}
	return []offer{{4, "notifications", func() { n.tell(n.w.dice.draw(len(n.notices), "notice", n.w.step)) }}}
}

func (n *notifier) due() (time.Time, func()) {
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
	n.do("notify of "+told.key, func(ctx context.Context, p *process) error {
		_, err := ticks.Take(ctx, p.deploy.Control(), []control.Notice{{Bucket: "photos", Key: told.key}})
		return err
	}, func(err error) {
		if told.tries++; err != nil && told.tries < mostNotified {
			told.due = time.Now().Add(30 * time.Second)
			n.notices = append(n.notices, told)
		}
	})
}

// content reports whether all was told, and every day of events has its report.
func (n *notifier) content() bool {
	if n.busy || len(n.notices) > 0 {
		return false
	}
	for _, t := range n.w.tenants {
		days, err := n.w.books().EventRuns(context.Background(), t.job.Name)
		if err != nil {
			n.w.fail("the days of events cannot be listed: %v", err)
		}
		for _, day := range days {
			if n.w.seen[day] {
				continue
			}
			if !n.w.reported(day) {
				return false
			}
			n.w.seen[day] = true
			n.w.checkRun(t, day)
		}
	}
	return true
}

// follow has a job follow events.
func (w *world) follow(j *job.Job, draw func(n int, name string) int) {
	if w.plan.Long.Jobs > 0 && draw(follows, "follows") > 0 {
		return
	}
	if w.weather[Events] && j.KeyList == "" {
		j.Events.Window = job.Span(time.Duration(1+draw(60, "window")) * time.Second)
	}
}

// keeps reports whether a job is kept in the ledger.
func (w *world) keeps() bool { return w.weather[Events] || w.weather[Schedules] || w.weather[Removes] }

// keep keeps the job, as ferry jobs apply does.
func (o *operator) keep() {
	o.do("keep", func(ctx context.Context, p *process) error {
		c := p.deploy.Control()
		return control.Exclusively(ctx, c.Ledger, []job.Job{o.t.job}, time.Now(), func(ctx context.Context) error {
			raw, err := job.Encode(o.t.job)
			if err != nil {
				return err
			}
			_, err = p.deploy.Operator().Keep(ctx, ledger.KeptJob{Name: o.t.job.Name, Job: raw, At: time.Now().UTC()}, o.t.list)
			return err
		})
	}, func(err error) {
		o.t.kept = err == nil
		o.next = time.Now().Add(time.Second)
		if err != nil {
			o.next = time.Now().Add(time.Minute)
		}
	})
}

// remove takes the job out of the ledger, as ferry jobs remove does.
func (m *manager) remove() {
	t := m.o.t
	t.ending = true
	m.ask("remove the job of", m.remove, func(ctx context.Context, p *process) error {
		o := p.deploy.Operator()
		withdrawn, err := o.Drop(ctx, t.job.Name)
		if err == nil && withdrawn {
			err = o.Settle(ctx, time.Now(), limit.Notice) // from when it was removed, as ferry jobs remove counts
		}
		return err
	}, func() {
		m.w.silences[removed+t.job.Name] = silence{time.Now(), "was removed"}
	})
}

// removed begins the names of silences that are of a job that is not kept any more:
// its events, and its deletions.
const removed = "what is kept of "

// tick begins a run as a timer does, which may come twice for one time.
func (o *operator) tick(at time.Time) func(ctx context.Context, p *process) error {
	again := o.w.draws(Doubled, 40)
	return func(ctx context.Context, p *process) error {
		_, err := p.deploy.Tick(ctx, o.t.job.Name, at, time.Now())
		if err == nil && again {
			_, err = p.deploy.Tick(ctx, o.t.job.Name, at, time.Now())
		}
		return err
	}
}

// untimely is a tick while a run is under way: it begins none, unless that run ended
// in time.
func (o *operator) untimely() {
	o.t.asked = o.t.list
	o.do("tick", o.tick(time.Now().Truncate(time.Minute)), func(err error) {
		if fault.KindOf(err) == fault.Invalid && !o.t.ending {
			o.w.fail("a tick is refused: %v", err)
		}
		run := o.w.begunRun(o.t)
		switch {
		case run == "":
		case !o.w.reported(o.run):
			o.w.fail("a tick began %s, and %s was not over", run, o.run)
		default:
			o.ended()
			o.run, o.t.lists[run] = run, o.t.list
		}
	})
}
