package mns_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/emulator/mns"
)

// manual is a clock that a test moves.
type manual struct {
	mu  sync.Mutex
	add time.Duration
}

func (c *manual) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.add)
}

func (c *manual) advance(s *mns.Server, d time.Duration) {
	c.mu.Lock()
	c.add += d
	c.mu.Unlock()
	s.Tick()
}

func (c *manual) set(cfg *mns.Config) { cfg.Now = c.now }

func take(t *testing.T, s *mns.Server, queue string, wait time.Duration) []mns.Message {
	t.Helper()
	got, err := s.Receive(t.Context(), queue, 16, wait)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatIsReceivedTooOftenGoesToTheDeadLetters(t *testing.T) {
	var c manual
	s := start(t, c.set)
	for name, a := range map[string]mns.Attributes{"dead": {}, "jobs": {DeadLetter: "dead", MaxReceive: 3, Visibility: 10 * time.Second}} {
		if err := s.CreateQueue(name, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Send("jobs", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	for want := 1; want <= 3; want++ {
		got := take(t, s, "jobs", 0)
		if len(got) != 1 || got[0].Dequeues != want {
			t.Fatalf("delivery %d: %+v, want one message", want, got)
		}
		c.advance(s, 11*time.Second)
	}
	if got := take(t, s, "jobs", 0); len(got) != 0 {
		t.Errorf("a fourth delivery: %+v, want none", got)
	}
	if got := take(t, s, "dead", 0); len(got) != 1 || string(got[0].Body) != "x" || got[0].Dequeues != 1 {
		t.Errorf("dead letters: %+v, want the message, delivered for the first time", got)
	}
}

func TestAMessageIsForgottenAfterItsRetention(t *testing.T) {
	var c manual
	s := start(t, c.set)
	if err := s.CreateQueue("jobs", mns.Attributes{Retention: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := s.Send("jobs", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	c.advance(s, time.Hour+time.Second)
	if got := take(t, s, "jobs", 0); len(got) != 0 {
		t.Errorf("received %+v after its retention, want none", got)
	}
}

func TestAQueueMisbehavesAsMuchAsItIsTold(t *testing.T) {
	const n = 400
	for name, tc := range map[string]struct {
		bad   mns.Misbehaviour
		count func(mns.Injected) int // how many of n
		check func(got map[string]int, first []string, injected int) bool
	}{
		"duplicate": {mns.Misbehaviour{Duplicate: 0.2}, func(i mns.Injected) int { return i.Duplicated }, func(got map[string]int, _ []string, k int) bool {
			all := 0
			for _, times := range got {
				all += times
			}
			return len(got) == n && all == n+k
		}},
		"lose": {mns.Misbehaviour{Lose: 0.2}, func(i mns.Injected) int { return i.Lost }, func(got map[string]int, _ []string, k int) bool { return len(got) == n-k }},
		"late": {mns.Misbehaviour{Late: 0.2, LateBy: time.Hour}, func(i mns.Injected) int { return i.Late }, func(got map[string]int, _ []string, k int) bool { return len(got) == n-k }},
		"duplicate all": {mns.Misbehaviour{Duplicate: 1}, func(i mns.Injected) int { return i.Duplicated / 2 }, func(got map[string]int, order []string, _ int) bool {
			return len(got) == n && len(order) == 2*n // a duplicate is not duplicated again
		}},
		"reorder": {mns.Misbehaviour{Reorder: 0.5}, func(i mns.Injected) int { return i.Reordered }, func(got map[string]int, order []string, _ int) bool {
			sorted := true
			for i, body := range order {
				sorted = sorted && body == strconv.Itoa(i)
			}
			return len(got) == n && !sorted
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Misbehave(tc.bad)
			if err := s.CreateQueue("jobs", mns.Attributes{Visibility: time.Hour}); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if err := s.Send("jobs", []byte(strconv.Itoa(i)), 0); err != nil {
					t.Fatal(err)
				}
			}
			got, order := map[string]int{}, []string{}
			for batch := take(t, s, "jobs", 0); len(batch) > 0; batch = take(t, s, "jobs", 0) {
				for _, m := range batch {
					got[string(m.Body)]++
					order = append(order, string(m.Body))
				}
			}
			k := tc.count(s.Injected())
			if k == 0 || k > 2*n/3 || !tc.check(got, order, k) {
				t.Errorf("%d different of %d sent, %d injected (%+v): not as told", len(got), n, k, s.Injected())
			}
		})
	}
}

func TestALongPollGetsWhatIsSentMeanwhile(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("jobs", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	got := make(chan []mns.Message)
	go func() {
		m, _ := s.Receive(t.Context(), "jobs", 1, 20*time.Second)
		got <- m
	}()
	time.Sleep(20 * time.Millisecond)
	if err := s.Send("jobs", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if m := <-got; len(m) != 1 {
		t.Errorf("received %+v, want the message", m)
	}
}

func TestAMessageOfHigherPriorityComesFirst(t *testing.T) {
	s := start(t)
	q := queueOf(t, s, mns.Attributes{})
	for body, priority := range map[string]int64{"low": 16, "none": 0, "high": 1} {
		if _, err := q.SendMessage(sdk.MessageSendRequest{MessageBody: body, Priority: priority}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, m := range take(t, s, "jobs", 0) {
		got = append(got, string(m.Body))
	}
	if want := "high none low"; strings.Join(got, " ") != want {
		t.Errorf("received %q, want %s", got, want)
	}
}

func TestWhatThisProcessDoesToAQueue(t *testing.T) {
	var c manual
	s := start(t, c.set)
	if err := s.CreateQueue("jobs", mns.Attributes{Visibility: 10 * time.Second, MaxSize: 1024}); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateQueue("jobs", mns.Attributes{}); err == nil {
		t.Error("a second queue of one name = no error, want one")
	}
	if err := s.Send("jobs", make([]byte, 1025), 0); err == nil {
		t.Error("Send of more than the queue takes = no error, want one")
	}
	if err := s.Send("jobs", []byte("x"), time.Minute); err != nil {
		t.Fatal(err)
	}
	want := func(what string, want mns.Depth) {
		t.Helper()
		if d, err := s.Depth("jobs"); err != nil || d != want {
			t.Errorf("%s: depth %+v, %v, want %+v", what, d, err, want)
		}
	}
	want("a delayed message", mns.Depth{Delayed: 1})
	c.advance(s, time.Minute)
	want("its delay is over", mns.Depth{Active: 1})
	first := take(t, s, "jobs", 0)[0]
	want("received", mns.Depth{Inactive: 1})
	longer, err := s.ChangeVisibility("jobs", first.Receipt, time.Minute)
	if err != nil || longer == first.Receipt {
		t.Fatalf("ChangeVisibility = %q, %v, want a new receipt", longer, err)
	}
	c.advance(s, 30*time.Second)
	want("made invisible for longer", mns.Depth{Inactive: 1})
	if err := s.Delete("jobs", first.Receipt); err == nil {
		t.Error("Delete by the old receipt = no error, want one")
	}
	if _, err := s.ChangeVisibility("jobs", longer, 0); err != nil {
		t.Fatal(err)
	}
	again := take(t, s, "jobs", 0)
	if len(again) != 1 || again[0].Dequeues != 2 {
		t.Fatalf("made visible: received %+v, want it for the second time", again)
	}
	if err := s.Delete("jobs", again[0].Receipt); err != nil {
		t.Fatal(err)
	}
	want("deleted", mns.Depth{})
	for name, err := range map[string]error{
		"Send": s.Send("none", []byte("x"), 0), "Delete": s.Delete("none", "x"),
	} {
		if err == nil || !strings.Contains(err.Error(), "QueueNotExist") {
			t.Errorf("%s to no queue = %v, want QueueNotExist", name, err)
		}
	}
}

func TestCloseEndsAWait(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("jobs", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := s.Receive(t.Context(), "jobs", 1, time.Hour)
		done <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("a Receive goes on 10 s after Close, want it to end")
	}
}

func TestAWaitEndsByTheTestsClock(t *testing.T) {
	var c manual
	s := start(t, c.set)
	if err := s.CreateQueue("jobs", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.Receive(t.Context(), "jobs", 1, time.Hour)
	}()
	for deadline := time.Now().Add(10 * time.Second); ; c.advance(s, time.Hour) {
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond): // the Receive may not have begun when the clock jumped first
		}
		if time.Now().After(deadline) {
			t.Fatal("a Receive goes on although the clock has passed its wait")
		}
	}
}
