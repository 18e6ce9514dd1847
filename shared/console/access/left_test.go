package access

import (
	"testing"
	"time"
)

// enter signs in anew.
func enter(t *testing.T, d *Door) Session {
	t.Helper()
	s, _, err := d.Enter("secret", "me")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// in reports whether the cookie of a session counts.
func in(d *Door, s Session) bool {
	_, ok := d.Session(request(d.Cookie(s, false)))
	return ok
}

// TestACookieEndsWhenItIsSignedOutOf, and no other does.
func TestACookieEndsWhenItIsSignedOutOf(t *testing.T) {
	c := &clock{time.Now()}
	d, elsewhere := NewDoor("secret", c.read), NewDoor("secret", c.read)
	out, stays := enter(t, d), enter(t, d)
	d.Leave(out)
	if in(d, out) {
		t.Error("the cookie counts after its session was signed out of")
	}
	if !in(d, stays) {
		t.Error("another session ended, too")
	}
	if !in(elsewhere, out) {
		t.Error("another process has heard of it: say so in the page that tells that it has not")
	}
	c.now = c.now.Add(Lasts)
	if again := enter(t, d); !in(d, again) {
		t.Error("nobody gets in any more")
	}
}

// TestSignedOutSessionsAreBounded: of too many to be remembered none comes back, and who signs in
// afterwards is in.
func TestSignedOutSessionsAreBounded(t *testing.T) {
	c := &clock{time.Now()}
	d := NewDoor("secret", c.read)
	first := enter(t, d)
	d.Leave(first)
	for range mostLeft + 10 {
		d.Leave(enter(t, d))
	}
	if n := len(d.left.until); n > mostLeft {
		t.Errorf("%d sessions are remembered, want at most %d", n, mostLeft)
	}
	if in(d, first) {
		t.Error("a session that was signed out of comes back")
	}
	if later := enter(t, d); !in(d, later) {
		t.Error("who signs in afterwards is not in")
	}
	for len(d.left.until) < mostLeft {
		d.Leave(enter(t, d))
	}
	c.now = c.now.Add(2 * Lasts)
	stays := enter(t, d)
	d.Leave(enter(t, d)) // those of before are over, and are forgotten
	if n := len(d.left.until); n != 1 || !in(d, stays) {
		t.Errorf("%d sessions are remembered, and another is in: %v", n, in(d, stays))
	}
}
