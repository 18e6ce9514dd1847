package storm

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/task"
)

// upgrade is a deployment that is half upgraded: some messages are those of a newer
// version, which no process can read until that version is everywhere. Those of
// the version before are what the engine itself sends wherever they suffice.
type upgrade struct {
	nobody
	w     *world
	left  int
	body  []byte // of the message of the newer version; nil: there is none
	was   []byte // what it is in this one
	ready time.Time
}

// content implements actor.
func (u *upgrade) content() bool { return u.body == nil }

// due implements actor.
func (u *upgrade) due() (time.Time, func()) {
	if u.body == nil {
		return time.Time{}, nil
	}
	return u.ready, u.end
}

func (u *upgrade) offers() []offer {
	if u.left == 0 || u.body != nil || !u.w.weather[Versions] {
		return nil
	}
	var all []*message
	for _, s := range task.Stages {
		for _, m := range u.w.piles[s].messages {
			if !m.flying {
				all = append(all, m)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return []offer{{2, string(Versions), func() { u.begin(all[u.w.dice.draw(len(all), "newer", u.w.step)]) }}}
}

// begin makes a message one of the next version, or of this one.
func (u *upgrade) begin(m *message) {
	u.left--
	t, err := task.Decode(m.Body)
	if err != nil {
		u.w.fail("%s is no task: %v", m.ID, err)
		return
	}
	as := func(v int) []byte {
		return bytes.Replace(m.Body, fmt.Appendf(nil, `"v":%d`, t.V), fmt.Appendf(nil, `"v":%d`, v), 1)
	}
	if u.w.dice.chance(30, "this version", u.w.step) {
		m.Body = as(task.Version)
		return
	}
	u.was, u.body = m.Body, as(task.Version+1)
	u.ready = time.Now().Add(time.Duration(1+u.w.dice.draw(60, "upgraded", u.w.step)) * time.Minute)
	m.Body = u.body
	u.w.note("%s is a message of the next version", m.ID)
}

// end has the newer version everywhere: its message is done as any other.
func (u *upgrade) end() {
	found := false
	for _, p := range u.w.allPiles() {
		for _, m := range p.messages {
			if bytes.Equal(m.Body, u.body) {
				u.w.note("%s can be read", m.ID)
				m.Body, found = u.was, true
			}
		}
	}
	if !found {
		u.w.fail("the message of a newer version is in no queue any more: %s", u.body)
	}
	u.body, u.was = nil, nil
}

// newer holds against what may be how a message of a newer version ended.
func (w *world) newer(done *work) {
	for _, a := range w.actors {
		if u, ok := a.(*upgrade); ok && u.body != nil && bytes.Equal(u.body, done.m.Body) && fault.KindOf(done.err) != fault.Newer && context.Cause(done.ctx) == nil {
			w.fail("%s, a message of a newer version, ends with %v", done.what, done.err)
		}
	}
}

// agent reports whether a process is an agent, which no platform gives a deadline,
// but which may be told to end.
func (p *process) agent() bool {
	return p.world.weather[Agents] && slices.Contains(p.world.workers, p) && p.world.dice.chance(50, "agent "+p.slot, 0)
}

// deadline is how long what p begins now may take; 0: as long as it wants.
func (p *process) deadline() time.Duration {
	switch w := p.world; {
	case p.agent() && w.draws(Agents, 10):
		return time.Duration(1+w.dice.draw(300, "told to end", w.step)) * time.Second
	case p.agent() || !w.weather[Deadlines]:
		return 0
	}
	return invocation
}
