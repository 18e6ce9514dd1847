package limit

import (
	"testing"
	"time"

	"kodoferry/shared/ledger/live"
)

// living is a process that has last written a heartbeat so many seconds ago, and
// one that it copies if that is so.
func living(name string, now time.Time, ago int, copies bool) live.Sign {
	p := live.Sign{Process: name, Copies: copies, Seen: now.Add(-time.Duration(ago) * time.Second)}
	if copies {
		p.Copied = p.Seen
	}
	return p
}

func TestAProcessHasNoShareOnceAHeartbeatIsOverdue(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	waiting := living("waiting", now, 0, false)
	waiting.Waits = true
	sharing, copying := withShare([]live.Sign{
		living("young", now, 0, true), living("due", now, 6, true), living("overdue", now, 7, true), living("listing", now, 1, false), waiting,
	})
	if len(sharing) != 3 || len(copying) != 2 {
		t.Errorf("with a share are %+v, of which copy %+v, want young, due and listing, of which young and due", sharing, copying)
	}
}

func TestAProcessIsKnownOnceAllOthersHaveWrittenAHeartbeatAfterItsFirst(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var p peers
	step := func(other int) bool { // the other's last heartbeat was so many seconds ago
		me := living("me", now, 0, true)
		p.update([]live.Sign{me, living("other", now, other, true)}, me, now)
		return p.known
	}
	if step(1) {
		t.Error("known at the first heartbeat, want unknown: the other has listed none since")
	}
	if d := p.interval(now, false); d != newProcessLeast {
		t.Errorf("a new process lists every %v, want every %v", d, newProcessLeast)
	}
	now = now.Add(2 * time.Second)
	if step(3) {
		t.Error("known though the other has written no heartbeat since")
	}
	now = now.Add(2 * time.Second)
	if !step(1) {
		t.Error("unknown though the other has written a heartbeat since the first")
	}
	if d := p.interval(now, false); d != heartbeatEvery {
		t.Errorf("a process that is known lists every %v, want every %v", d, heartbeatEvery)
	}
	now = now.Add(time.Minute) // the others may have forgotten it
	if step(1) {
		t.Error("known after a minute without a heartbeat, want it to begin anew")
	}
}

func TestOfTwoProcessesThatTakeTheLastPlaceTheLaterOneFreesIt(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	one, two := living("one", now, 0, true), living("two", now, 0, true)
	both := []live.Sign{one, two} // in the order in which they began
	var first, second place
	first.update(both, one, 1, false)
	second.update(both, two, 1, false)
	if first.waits || !second.waits || first.held || second.held {
		t.Errorf("the first %+v, the second %+v, want the second to wait, and neither sure of the place", first, second)
	}
	first.update(both[:1], one, 1, false)
	if !first.held {
		t.Errorf("the first %+v, want it to have the place once it copies alone", first)
	}
	if first.update(both, one, 1, false); !first.held {
		t.Errorf("the first %+v, want it to keep the place", first)
	}
	if first.update(both, one, 1, true); first.held {
		t.Errorf("the first %+v, want it unsure of the place: the others may have forgotten it", first)
	}
}

func TestAProcessThatBeginsToCopyIsNotYetKnownAsOneThatDoes(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var p peers
	for _, copies := range []bool{false, false, true} {
		me := living("me", now, 0, copies)
		p.update([]live.Sign{me, living("other", now, 1, true)}, me, now)
		now = now.Add(2 * time.Second)
	}
	if p.known {
		t.Error("known at its first heartbeat that it copies, want unknown: the other has listed none since")
	}
}
