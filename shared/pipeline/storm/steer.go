package storm

import (
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
)

// silence says since when nothing may be written or removed any more, and why.
type silence struct {
	since time.Time
	why   string
}

// manager pauses and resumes a job's runs, cancels one, and ends the job for good.
// Whatever fails, or dies, is asked for again a minute later.
type manager struct {
	office
	o    *operator
	left int       // acts
	run  string    // that it acts on
	next func()    // what it does next, whatever comes
	at   time.Time // and when
}

func newManager(w *world, o *operator) *manager {
	return &manager{office: office{w: w, slot: "manager" + o.t.tag}, o: o, left: 3}
}

func (m *manager) content() bool { return !m.busy && m.next == nil }

func (m *manager) due() (time.Time, func()) {
	if m.busy || m.next == nil {
		return time.Time{}, nil
	}
	return m.at, m.next
}

func (m *manager) offers() (offers []offer) {
	if !m.content() || m.left == 0 || m.o.run == "" {
		return nil
	}
	add := func(kind Weather, act func()) {
		if m.w.weather[kind] {
			offers = append(offers, offer{2, string(kind), func() {
				m.left--
				m.run = m.o.run
				act()
			}})
		}
	}
	add(Pauses, m.pause)
	add(Cancels, m.cancel)
	add(Seals, m.seal)
	if m.o.t.kept {
		add(Removes, m.remove)
	}
	return offers
}

// ask has a process do f; again, if not nil, follows a minute later until that
// succeeds, or is refused: the run is over, or ended otherwise.
func (m *manager) ask(what string, again func(), f func(ctx context.Context, p *process) error, done func()) {
	m.next = nil
	m.do(what+" "+m.run, f, func(err error) {
		switch {
		case err == nil:
			done()
		case fault.KindOf(err) == fault.Invalid:
			m.w.note("it cannot %s: %v", what, err)
		default:
			m.next, m.at = again, time.Now().Add(time.Minute)
		}
	})
}

func (m *manager) pause() {
	m.ask("pause", m.pause, func(ctx context.Context, p *process) error {
		return p.deploy.Operator().Pause(ctx, p.deploy.Ledger().Run(m.run))
	}, func() {
		m.w.silences[m.run] = silence{time.Now().Add(limit.Notice), "was paused"}
		m.next, m.at = m.resume, time.Now().Add(time.Duration(1+m.w.dice.draw(120, "paused", m.w.step))*time.Minute)
	})
}

func (m *manager) resume() {
	delete(m.w.silences, m.run)
	m.ask("resume", m.resume, func(ctx context.Context, p *process) error {
		_, err := p.deploy.Resume(ctx, m.run, time.Now())
		return err
	}, func() {})
}

func (m *manager) cancel() {
	again := m.cancel
	if m.w.dice.chance(50, "cancelled once", m.w.step) { // should it die, sweeps close the books
		again = nil
	}
	m.ask("cancel", again, func(ctx context.Context, p *process) error {
		_, err := p.deploy.Operator().Cancel(ctx, p.deploy.Ledger().Run(m.run), limit.Notice)
		return err
	}, func() {
		m.w.silences[m.run] = silence{time.Now(), "was cancelled"}
		if !m.w.reported(m.run) {
			m.w.fail("%s was cancelled, and has no report", m.run)
		}
	})
}

func (m *manager) seal() {
	t := m.o.t
	t.ending = true
	m.ask("seal", m.seal, func(ctx context.Context, p *process) error {
		_, _, err := p.deploy.Operator().Seal(ctx, t.job.Name, limit.Notice)
		return err
	}, func() {
		m.w.silences[t.job.Name] = silence{time.Now(), "was ended for good"}
		for _, run := range m.w.runs(t) {
			if _, err := m.w.books().Run(run).Started(context.Background()); err == nil && !m.w.reported(run) {
				m.w.fail("%s was ended for good, and its run %s has no report", t.job.Name, run)
			}
		}
	})
}

// silent holds against what may be that a run changed a key of the target.
func (w *world) silent(t *tenant, p *process, op, key string) {
	run := p.run()
	asked := []string{run, t.job.Name}
	if ledger.OfEvents(run) || op == "delete" && w.ofKept(run) {
		asked = append(asked, removed+t.job.Name)
	}
	for _, name := range asked {
		if s, ok := w.silences[name]; ok && time.Now().After(s.since) {
			w.fail("%s: %s of %q, and %s %s %s ago", p.name, op, key, name, s.why, time.Since(s.since))
		}
	}
}

// ofKept reports whether a run is of a job that was kept when it began.
func (w *world) ofKept(run string) bool {
	s, err := w.books().Run(run).Started(context.Background())
	return err == nil && s.OfKept()
}
