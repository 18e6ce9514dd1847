package cast

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/task"
)

// upgrade is a deployment that is half upgraded: some messages are those of a newer
// version, which no process can read until that version is everywhere. Those of
// the version before are what the engine itself sends wherever they suffice.
type upgrade struct {
	nobody
	w     *world.World
	left  int
	body  []byte // of the message of the newer version; nil: there is none
	was   []byte // what it is in this one
	ready time.Time
}

// Content implements world.Actor.
func (u *upgrade) Content() bool { return u.body == nil }

// Due implements world.Actor.
func (u *upgrade) Due() (time.Time, func()) {
	if u.body == nil {
		return time.Time{}, nil
	}
	return u.ready, u.end
}

// Offers implements world.Actor.
func (u *upgrade) Offers() []world.Offer {
	if u.left == 0 || u.body != nil || !u.w.Weather[weather.Versions] {
		return nil
	}
	var all []*world.Message
	for _, s := range task.Stages {
		for _, m := range u.w.Piles[s].Messages {
			if !m.Flying {
				all = append(all, m)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return []world.Offer{{Weight: 2, What: string(weather.Versions), Do: func() { u.begin(all[u.w.Dice.Draw(len(all), "newer", u.w.Step)]) }}}
}

// begin makes a message one of the next version, or of this one.
func (u *upgrade) begin(m *world.Message) {
	u.left--
	t, err := task.Decode(m.Body)
	if err != nil {
		u.w.Log.Fail("%s is no task: %v", m.ID, err)
		return
	}
	as := func(v int) []byte {
		return bytes.Replace(m.Body, fmt.Appendf(nil, `"v":%d`, t.V), fmt.Appendf(nil, `"v":%d`, v), 1)
	}
	if u.w.Dice.Chance(30, "this version", u.w.Step) {
		m.Body = as(task.Version)
		return
	}
	u.was, u.body = m.Body, as(task.Version+1)
	u.ready = time.Now().Add(time.Duration(1+u.w.Dice.Draw(60, "upgraded", u.w.Step)) * time.Minute)
	m.Body = u.body
	u.w.Log.Note("%s is a message of the next version", m.ID)
}

// end has the newer version everywhere: its message is done as any other.
func (u *upgrade) end() {
	found := false
	for _, p := range u.w.AllPiles() {
		for _, m := range p.Messages {
			if bytes.Equal(m.Body, u.body) {
				u.w.Log.Note("%s can be read", m.ID)
				m.Body, found = u.was, true
			}
		}
	}
	if !found {
		u.w.Log.Fail("the message of a newer version is in no queue any more: %s", u.body)
	}
	u.body, u.was = nil, nil
}

// Newer holds against what may be how a message of a newer version ended.
func Newer(w *world.World, done *world.Work) {
	for _, a := range w.Actors {
		if u, ok := a.(*upgrade); ok && u.body != nil && bytes.Equal(u.body, done.M.Body) && fault.KindOf(done.Err) != fault.Newer && context.Cause(done.Ctx) == nil {
			w.Log.Fail("%s, a message of a newer version, ends with %v", done.What, done.Err)
		}
	}
}
