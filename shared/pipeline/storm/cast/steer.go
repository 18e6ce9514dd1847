package cast

import (
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/storm/rules"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
)

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

func newManager(w *world.World, o *operator) *manager {
	return &manager{office: office{w: w, rules: o.rules, slot: "manager" + o.t.Tag}, o: o, left: 3}
}

// Content implements world.Actor.
func (m *manager) Content() bool { return !m.busy && m.next == nil }

// Due implements world.Actor.
func (m *manager) Due() (time.Time, func()) {
	if m.busy || m.next == nil {
		return time.Time{}, nil
	}
	return m.at, m.next
}

// Offers implements world.Actor.
func (m *manager) Offers() (offers []world.Offer) {
	if !m.Content() || m.left == 0 || m.o.run == "" {
		return nil
	}
	add := func(kind weather.Kind, act func()) {
		if m.w.Weather[kind] {
			offers = append(offers, world.Offer{Weight: 2, What: string(kind), Do: func() {
				m.left--
				m.run = m.o.run
				act()
			}})
		}
	}
	add(weather.Pauses, m.pause)
	add(weather.Cancels, m.cancel)
	add(weather.Seals, m.seal)
	if m.o.t.Kept {
		add(weather.Removes, m.remove)
	}
	return offers
}

// ask has a process do f; again, if not nil, follows a minute later until that
// succeeds, or is refused: the run is over, or ended otherwise.
func (m *manager) ask(what string, again func(), f func(ctx context.Context, p *world.Process) error, done func()) {
	m.next = nil
	m.do(what+" "+m.run, f, func(err error) {
		switch {
		case err == nil:
			done()
		case fault.KindOf(err) == fault.Invalid:
			m.w.Log.Note("it cannot %s: %v", what, err)
		default:
			m.next, m.at = again, time.Now().Add(time.Minute)
		}
	})
}

func (m *manager) pause() {
	m.ask("pause", m.pause, func(ctx context.Context, p *world.Process) error {
		return p.Deploy.Operator().Pause(ctx, p.Deploy.Ledger().Run(m.run))
	}, func() {
		m.rules.Changes.Silences[m.run] = rules.Silence{Since: time.Now().Add(limit.Notice), Why: "was paused"}
		m.next, m.at = m.resume, time.Now().Add(time.Duration(1+m.w.Dice.Draw(120, "paused", m.w.Step))*time.Minute)
	})
}

func (m *manager) resume() {
	delete(m.rules.Changes.Silences, m.run)
	m.ask("resume", m.resume, func(ctx context.Context, p *world.Process) error {
		_, err := p.Deploy.Resume(ctx, m.run, time.Now())
		return err
	}, func() {})
}

func (m *manager) cancel() {
	again := m.cancel
	if m.w.Dice.Chance(50, "cancelled once", m.w.Step) { // should it die, sweeps close the books
		again = nil
	}
	m.ask("cancel", again, func(ctx context.Context, p *world.Process) error {
		_, err := p.Deploy.Operator().Cancel(ctx, p.Deploy.Ledger().Run(m.run), limit.Notice)
		return err
	}, func() {
		m.rules.Changes.Silences[m.run] = rules.Silence{Since: time.Now(), Why: "was cancelled"}
		if !m.w.Reported(m.run) {
			m.w.Log.Fail("%s was cancelled, and has no report", m.run)
		}
	})
}

func (m *manager) seal() {
	t := m.o.t
	t.Ending = true
	m.ask("seal", m.seal, func(ctx context.Context, p *world.Process) error {
		_, _, err := p.Deploy.Operator().Seal(ctx, t.Job.Name, limit.Notice)
		return err
	}, func() {
		m.rules.Changes.Silences[t.Job.Name] = rules.Silence{Since: time.Now(), Why: "was ended for good"}
		seal, _ := world.Standing(m.w.Led, world.Books+"jobs/"+t.Job.Name+".sealed")
		for _, run := range m.w.Runs(t) {
			// One that began as the job was sealed is ended by who began it, or by sweeps.
			begun, ok := world.Standing(m.w.Led, m.w.Books().Run(run).Path("job.json"))
			if ok && begun.Modified.Before(seal.Modified) && !m.w.Reported(run) {
				m.w.Log.Fail("%s was ended for good, and its run %s has no report", t.Job.Name, run)
			}
		}
	})
}
