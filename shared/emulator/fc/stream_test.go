//go:build unix

package fc_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/fc/testdata/behave"
	"kodoferry/shared/emulator/journal"
)

// soon retries at once.
var soon = fc.Retry{Backoff: func(int) time.Duration { return time.Millisecond }}

func stream(t *testing.T, c *fc.Cloud, cfg fc.StreamConfig) *fc.Stream {
	t.Helper()
	cfg.Function = "f"
	if cfg.Poll == 0 {
		cfg.Poll = 20 * time.Millisecond
	}
	s, err := c.Stream(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// heard returns the events that the function's only instance was given.
// oneEvent has a stream deliver messages to f, up to most at a time, and returns the one
// event that f is given.
func oneEvent(t *testing.T, f fc.Function, most int, bodies ...string) string {
	t.Helper()
	c, q := one(t, f), &queue{}
	fill(t, q, bodies...)
	s := stream(t, c, fc.StreamConfig{Queue: q, Name: "tasks", BatchCount: most})
	eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
	s.Stop()
	events := heard(t, c)
	if len(events) != 1 {
		t.Fatalf("the function was given %q, want one event", events)
	}
	return events[0]
}

func heard(t *testing.T, c *fc.Cloud) []string {
	t.Helper()
	return ask(t, c, behave.Command{}).Heard
}

func TestAStreamDeliversMessagesAsEventBridgeDoes(t *testing.T) {
	t.Parallel()
	event := oneEvent(t, fc.Function{MaxInstances: 1, Concurrency: 2}, 16, `{"v":1}`, "plain <text>")
	var batch []map[string]any
	if err := json.Unmarshal([]byte(event), &batch); err != nil || len(batch) != 2 {
		t.Fatalf("the event is %s, want an array of 2", event)
	}
	const uuid, moment = `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`
	want := map[string]string{
		"id": uuid, "source": `^acs:mns$`, "specversion": `^1\.0$`, "type": `^mns:Queue:SendMessage$`, "datacontenttype": `^application/json; charset=utf-8$`,
		"subject": `^acs:mns:cn-hangzhou:1000000000000001:queues/tasks$`, "time": moment, "aliyunaccountid": `^1000000000000001$`,
		"aliyunpublishtime": moment, "aliyuneventbusname": `.`, "aliyunregionid": `^cn-hangzhou$`,
	}
	for n, body := range []string{`{"v":1}`, "plain <text>"} {
		for k, pattern := range want {
			if got, _ := batch[n][k].(string); !regexp.MustCompile(pattern).MatchString(got) {
				t.Errorf("%s = %q, want %s", k, got, pattern)
			}
		}
		data, _ := batch[n]["data"].(map[string]any)
		if len(batch[n]) != len(want)+1 || len(data) != 3 || data["messageBody"] != body || data["messageId"] == "" || data["requestId"] == "" {
			t.Errorf("the event is %v, want these keys alone, data with requestId, messageId and the body %q", batch[n], body)
		}
	}
}

func TestAStreamCanLeaveTheEnvelopeAwayAndDecode(t *testing.T) {
	t.Parallel()
	c, q := one(t, fc.Function{MaxInstances: 1, Concurrency: 2}), &queue{}
	fill(t, q, base64.StdEncoding.EncodeToString([]byte("decoded")), "not base64!")
	s := stream(t, c, fc.StreamConfig{Queue: q, BatchCount: 2, Schema: fc.RawData, Base64: true})
	eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
	s.Stop()
	var batch []struct{ MessageID, MessageBody string }
	if events := heard(t, c); len(events) != 1 || json.Unmarshal([]byte(events[0]), &batch) != nil || len(batch) != 2 {
		t.Fatalf("the events are %q, want one array of two messages", events)
	}
	if batch[0].MessageBody != "decoded" || batch[0].MessageID != "M1" || batch[1].MessageBody != "not base64!" {
		t.Errorf("the messages are %+v, want the first decoded, the second as it was", batch)
	}
}

func TestABatchThatFailsIsTriedAgainThenBuried(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retry   fc.Retry
		retries int
	}{
		"three times where nothing is said": {soon, 3},
		"once":                              {fc.Retry{Attempts: 1, Backoff: soon.Backoff}, 1},
		"never":                             {fc.Retry{Attempts: -1, Backoff: soon.Backoff}, 0},
		"not when the event would be too old": {fc.Retry{Attempts: 9, MaxAge: time.Second, Backoff: func(try int) time.Duration {
			return time.Duration(try/2) * time.Minute // none before the first
		}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, q, dead := one(t, fc.Function{MaxInstances: 1}), &queue{}, &queue{}
			fill(t, q, "fine", "rotten", "fine too")
			stream(t, c, fc.StreamConfig{Queue: q, BatchCount: 2, Retry: tc.retry, DeadLetter: dead})
			eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
			if got := dead.bodies(); got != "fine rotten" {
				t.Errorf("the dead letters are %q, want the whole batch: %q", got, "fine rotten")
			}
			if s := c.Stats()["f"]; s.Retries != tc.retries || s.Failures != tc.retries+1 || s.DeadLetters != 2 || s.Invocations != tc.retries+2 {
				t.Errorf("Stats = %+v, want %d retries, then 2 dead letters, and one batch that went well", s, tc.retries)
			}
		})
	}
}

func TestWithoutADeadLetterQueueWhatFailsIsDropped(t *testing.T) {
	t.Parallel()
	c, q := one(t, fc.Function{MaxInstances: 1}), &queue{}
	fill(t, q, "rotten")
	stream(t, c, fc.StreamConfig{Queue: q, Retry: soon})
	eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
	if s := c.Stats()["f"]; s.Dropped != 1 || s.DeadLetters != 0 {
		t.Errorf("Stats = %+v, want one dropped", s)
	}
}

func TestADeadLetterThatCannotBeSentStaysInItsQueue(t *testing.T) {
	t.Parallel()
	var said journal.Journal
	c, q, dead := one(t, fc.Function{MaxInstances: 1, Log: &said}), &queue{visibility: 10 * time.Millisecond}, &queue{broken: errors.New("no such queue")}
	fill(t, q, "rotten")
	s := stream(t, c, fc.StreamConfig{Queue: q, Retry: fc.Retry{Attempts: -1}, DeadLetter: dead})
	eventually(t, "it came again", func() bool { return c.Stats()["f"].Invocations >= 2 })
	s.Stop()
	if q.bodies() != "rotten" || c.Stats()["f"].DeadLetters != 0 {
		t.Errorf("the queue holds %q, Stats = %+v, want the message and no dead letter", q.bodies(), c.Stats()["f"])
	}
	if !strings.Contains(said.String(), "no such queue") {
		t.Errorf("the log is %q, want it to say why", said.String())
	}
}

func TestABatchIsAsFullAsItsWindowLets(t *testing.T) {
	t.Parallel()
	many := slices.Repeat([]string{"m"}, 40)
	for name, tc := range map[string]struct {
		count   int
		window  time.Duration
		batches []int
		asked   []int // at most, in the first requests
	}{
		"without a window a batch is one request":    {40, 0, []int{16, 16, 8}, []int{16, 16, 16}},
		"a window gathers several":                   {40, 5 * time.Second, []int{40}, []int{16, 16, 8}},
		"a full batch does not wait":                 {20, 5 * time.Second, []int{20, 20}, []int{16, 4, 16, 4}},
		"a window that ends delivers what there is":  {100, 100 * time.Millisecond, []int{40}, []int{16, 16, 16}},
		"the smallest batch is one, and the default": {0, 0, slices.Repeat([]int{1}, 40), []int{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, q := one(t, fc.Function{MaxInstances: 1, Concurrency: 2}), &queue{}
			fill(t, q, many...)
			s := stream(t, c, fc.StreamConfig{Queue: q, BatchCount: tc.count, BatchWindow: tc.window})
			eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
			s.Stop()
			var batches []int
			for _, e := range heard(t, c) {
				batches = append(batches, strings.Count(e, `"messageBody"`))
			}
			if !slices.Equal(batches, tc.batches) {
				t.Errorf("batches hold %v messages, want %v", batches, tc.batches)
			}
			if !slices.Equal(q.asked[:len(tc.asked)], tc.asked) {
				t.Errorf("the requests wanted %v messages, want %v", q.asked, tc.asked)
			}
		})
	}
}

func TestConsumersDeliverAtOnceAndWaitForRoom(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c, q := one(t, fc.Function{Platform: p, MaxInstances: 2}), &queue{}
		fill(t, q, slices.Repeat([]string{"m"}, 30)...)
		stream(t, c, fc.StreamConfig{Queue: q, Consumers: 6})
		eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
		if s := c.Stats()["f"]; s.Invocations != 30 || s.Throttled != 0 || s.MaxInstances > 2 || s.Failures+s.Retries+s.Dropped != 0 {
			t.Errorf("Stats = %+v, want 30 invocations on 2 instances at most, and none refused", s)
		}
	})
}

func TestAStreamWaitsNoLongerThanItsCeiling(t *testing.T) {
	t.Parallel()
	c, q, dead := one(t, fc.Function{MaxInstances: 1}), &queue{}, &queue{}
	fill(t, q, "slow")
	retry := fc.Retry{Attempts: 1, Backoff: soon.Backoff}
	s := stream(t, c, fc.StreamConfig{Queue: q, Ceiling: 100 * time.Millisecond, Retry: retry, DeadLetter: dead})
	eventually(t, "it is a dead letter", func() bool { return dead.bodies() == "slow" })
	s.Stop()
	if st := c.Stats()["f"]; st.Timeouts != 2 || st.ColdStarts != 2 {
		t.Errorf("Stats = %+v, want two timeouts, though the function's own is a minute, and an instance lost with each", st)
	}
}

func TestABatchSurvivesTheLossOfItsInstance(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c, q := one(t, fc.Function{Platform: p}), &queue{visibility: 600 * time.Millisecond}
		fill(t, q, "nap")
		stream(t, c, fc.StreamConfig{Queue: q, Retry: soon})
		eventually(t, "its instance is killed", func() bool { return c.Kill("f") })
		eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
		if st := c.Stats()["f"]; st.Kills != 1 || st.Retries != 1 || st.Invocations != 2 || st.Failures != 1 {
			t.Errorf("Stats = %+v, want the one that was killed, and one retry", st)
		}
	})
}

func TestADeadLetterCanBeTheWholeEvent(t *testing.T) {
	t.Parallel()
	c, q, dead := one(t, fc.Function{MaxInstances: 1, Concurrency: 2}), &queue{}, &queue{}
	fill(t, q, "rotten")
	s := stream(t, c, fc.StreamConfig{Queue: q, Retry: soon, DeadLetter: dead, DeadEvents: true})
	eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
	s.Stop()
	events := heard(t, c)
	if len(events) != 4 || len(slices.Compact(events)) != 1 {
		t.Fatalf("the function was given %q, want the same event four times", events)
	}
	if got := "[" + dead.bodies() + "]"; got != events[0] {
		t.Errorf("the dead letter is %s, want the event in %s", got, events[0])
	}
}

func TestAStreamOutlivesAQueueThatFails(t *testing.T) {
	t.Parallel()
	var said journal.Journal
	c, q := one(t, fc.Function{Log: &said}), &queue{broken: errors.New("the queue is away")}
	stream(t, c, fc.StreamConfig{Queue: q})
	eventually(t, "it says so", func() bool { return strings.Contains(said.String(), "the queue is away") })
	q.mu.Lock()
	q.broken = nil
	q.mu.Unlock()
	fill(t, q, "m")
	eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
}

func TestAStoppedStreamLeavesItsMessages(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c, q := one(t, fc.Function{Platform: p, MaxInstances: 1}), &queue{}
		s := stream(t, c, fc.StreamConfig{Queue: q})
		s.Stop()
		fill(t, q, "m")
		s.Stop()
		busy := make(chan error)
		go func() { _, err := tryAsk(c, behave.Command{Sleep: 200 * time.Millisecond}); busy <- err }()
		eventually(t, "the instance is busy", func() bool { return c.Stats()["f"].Invocations == 1 })
		s = stream(t, c, fc.StreamConfig{Queue: q})
		eventually(t, "the message is received", func() bool {
			q.mu.Lock()
			defer q.mu.Unlock()
			return q.messages[0].Dequeues == 1
		})
		s.Stop() // while its batch waits for the instance
		if err := <-busy; err != nil || q.bodies() != "m" || c.Stats()["f"].Invocations != 1 {
			t.Errorf("the queue holds %q after %d invocations, error %v, want the message and one invocation", q.bodies(), c.Stats()["f"].Invocations, err)
		}
	})
}
