package limit

import (
	"testing"

	"kodoferry/shared/ledger"
)

func TestTasksAreHaltedWhileTheRunIsStoppedOrItsStateTooOld(t *testing.T) {
	var s RunState
	work, done := s.UntilHalted(t.Context())
	defer done()
	if s.Halted() || s.Expired() || work.Err() != nil {
		t.Error("halted before anything was read, want a run that goes on")
	}
	for name, stop := range map[string]func(){
		"paused":  func() { s.Set(ledger.Paused) },
		"expired": s.expire,
	} {
		s.Set(ledger.Going)
		work, done := s.UntilHalted(t.Context())
		stop()
		<-work.Done()
		if !s.Halted() || s.Expired() != (name == "expired") {
			t.Errorf("%s: Halted = %v, Expired = %v", name, s.Halted(), s.Expired())
		}
		done()
		late, done := s.UntilHalted(t.Context())
		if late.Err() == nil {
			t.Errorf("%s: what begins after is not halted at once", name)
		}
		done()
		s.Set(ledger.Going)
		anew, done := s.UntilHalted(t.Context())
		if s.Halted() || anew.Err() != nil {
			t.Errorf("%s: still halted after the run goes on", name)
		}
		done()
	}
}
