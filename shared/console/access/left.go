package access

import "time"

// mostLeft bounds how many sessions that were signed out of are remembered: more, and all that
// there are end.
const mostLeft = 4096

// left are the sessions that were signed out of and whose time is not over. A Door guards it.
type left struct {
	until map[string]int64 // by id: Unix seconds at which the session would end
	all   int64            // every session that ends no later has ended
}

// add ends a session. Sessions whose time is over are forgotten: their cookies count for nothing.
func (l *left) add(s Session, now time.Time) {
	if l.until == nil {
		l.until = map[string]int64{}
	}
	if len(l.until) >= mostLeft {
		for id, until := range l.until {
			if until <= now.Unix() {
				delete(l.until, id)
			}
		}
	}
	if len(l.until) >= mostLeft {
		l.until, l.all = map[string]int64{}, now.Add(Lasts).Unix()
	}
	l.until[s.id] = s.until
}

// has reports whether a session was signed out of.
func (l *left) has(s Session) bool {
	_, out := l.until[s.id]
	return out || s.until <= l.all
}

// Leave ends a session for this Door: its cookie counts for nothing any more, wherever it was
// copied to. A Door in another process, which has no memory in common, takes the cookie until its
// time is over; a new token ends it there, too.
func (d *Door) Leave(s Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left.add(s, d.now())
}
