package mns_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	stand "kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/queue"
)

func TestABatchIsCutToWhatOneRequestTakes(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	var out []queue.Outgoing
	for i := range 40 {
		out = append(out, queue.Outgoing{Body: fmt.Appendf(nil, "%02d%s", i, strings.Repeat(`"`, 3000))}) // a quote is 5 bytes of XML
	}
	if err := q.Send(t.Context(), out...); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Depth("jobs"); err != nil || d.Ready != 40 {
		t.Errorf("depth %+v, %v, want 40 messages", d, err)
	}
	if n := s.Desk().Counts()["send"]; n < 10 || n > 14 {
		t.Errorf("%d requests for 40 messages of 15 KiB of XML, want about 10", n)
	}
}

func TestDelaysAreClampedAndRoundedUp(t *testing.T) {
	c := &pile.Clock{}
	s := start(t, c.Now)
	q := open(t, s, "jobs", stand.Attributes{Retention: 15 * 24 * time.Hour})
	if err := q.Send(t.Context(),
		queue.Outgoing{Body: []byte("negative"), Delay: -time.Hour},
		queue.Outgoing{Body: []byte("short"), Delay: time.Millisecond},
		queue.Outgoing{Body: []byte("long"), Delay: 365 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		at   time.Duration
		want stand.Depth
	}{{0, stand.Depth{Ready: 1, Delayed: 2}}, {time.Second, stand.Depth{Ready: 2, Delayed: 1}}, {7 * 24 * time.Hour, stand.Depth{Ready: 3}}} {
		c.Set(step.at)
		if d, err := s.Depth("jobs"); err != nil || d != step.want {
			t.Errorf("after %v: depth %+v, %v, want %+v", step.at, d, err, step.want)
		}
	}
}
