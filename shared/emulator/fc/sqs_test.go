//go:build unix

package fc_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/sqs"
)

func TestAMappingDeliversMessagesAsLambdaDoes(t *testing.T) {
	t.Parallel()
	got := oneEvent(t, fc.Function{Platform: fc.Lambda, MaxInstances: 1}, 10, "one", "two")
	var event struct {
		Records []struct {
			MessageID, ReceiptHandle, Body, MD5OfBody, EventSource, EventSourceARN, AWSRegion string
			Attributes                                                                        map[string]string
		}
	}
	if err := json.Unmarshal([]byte(got), &event); err != nil || len(event.Records) != 2 {
		t.Fatalf("the event is %s, want two records", got)
	}
	r := event.Records[0]
	if r.MessageID != "M1" || r.Body != "one" || r.ReceiptHandle != "M1/1" || r.MD5OfBody != "f97c5d29941bfb1b2fdab0874906ab82" ||
		r.EventSource != "aws:sqs" || r.EventSourceARN != "arn:aws:sqs:us-east-1:123456789012:tasks" || r.AWSRegion != "us-east-1" ||
		r.Attributes["ApproximateReceiveCount"] != "1" || len(r.Attributes["SentTimestamp"]) != 13 {
		t.Errorf("the first record is %+v, want message M1 of the queue tasks", r)
	}
}

func TestOnlyTheMessagesThatFailedComeAgain(t *testing.T) {
	t.Parallel()
	c, q, dead := one(t, fc.Function{Platform: fc.Lambda, MaxInstances: 1}), &queue{visibility: 50 * time.Millisecond}, &queue{}
	fill(t, q, "fine", "rotten", "fine too")
	s := stream(t, c, fc.StreamConfig{Queue: q, BatchCount: 10, PartialBatch: true, MaxReceives: 3, DeadLetter: dead})
	eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
	s.Stop()
	if got := dead.bodies(); got != "rotten" {
		t.Errorf("the dead letters are %q, want the rotten one alone", got)
	}
	events := heard(t, c)
	if len(events) != 3 || strings.Count(events[0], "messageId") != 3 || strings.Count(events[1], "messageId") != 1 || strings.Count(events[2], "messageId") != 1 {
		t.Errorf("the function was given %q, want all three messages, then twice the rotten one", events)
	}
	if st := c.Stats()["f"]; st.DeadLetters != 1 || st.Retries != 2 || st.Failures != 0 {
		t.Errorf("Stats = %+v, want 2 retries and a dead letter", st)
	}
}

func TestWithoutPartialBatchesAnyAnswerIsASuccess(t *testing.T) {
	t.Parallel()
	c, q := one(t, fc.Function{Platform: fc.Lambda}), &queue{visibility: 50 * time.Millisecond}
	fill(t, q, "rotten")
	stream(t, c, fc.StreamConfig{Queue: q})
	eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
	if st := c.Stats()["f"]; st.Invocations != 1 {
		t.Errorf("Stats = %+v, want one invocation", st)
	}
}

func TestABatchWhoseInstanceDiesComesAgain(t *testing.T) {
	t.Parallel()
	c, q := one(t, fc.Function{Platform: fc.Lambda, MaxInstances: 1, Timeout: 100 * time.Millisecond}), &queue{visibility: 20 * time.Millisecond}
	fill(t, q, "slow")
	stream(t, c, fc.StreamConfig{Queue: q})
	eventually(t, "it came twice", func() bool { return c.Stats()["f"].Timeouts >= 2 && c.Stats()["f"].Retries >= 1 })
	if q.bodies() != "slow" {
		t.Errorf("the queue holds %q, want the message", q.bodies())
	}
}

func TestAQueueOfSQSBuriesWhatKeepsFailing(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	q, err := sqs.Start(sqs.Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	for name, a := range map[string]sqs.Attributes{"dead": {}, "tasks": {DeadLetter: "dead", MaxReceive: 3}} {
		if err := q.CreateQueue(name, a); err != nil {
			t.Fatal(err)
		}
	}
	for _, body := range []string{"fine", "rotten"} {
		if err := q.Send("tasks", []byte(body), 0); err != nil {
			t.Fatal(err)
		}
	}
	c := one(t, fc.Function{Platform: fc.Lambda, MaxInstances: 1})
	s := stream(t, c, fc.StreamConfig{Queue: fc.SQS(q, "tasks"), Name: "tasks", BatchCount: 10, PartialBatch: true})
	eventually(t, "the rotten one is a dead letter", func() bool {
		if d, _ := q.Depth("tasks"); d.Ready == 0 && d.InFlight > 0 {
			ahead.Add(int64(31 * time.Second)) // what failed is visible again
			q.Tick()
		}
		d, _ := q.Depth("dead")
		return d.Ready == 1
	})
	s.Stop()
	events := strings.Join(heard(t, c), "\n")
	if n := strings.Count(events, `"rotten"`); n != 3 || !strings.Contains(events, `"ApproximateReceiveCount":"3"`) {
		t.Errorf("the function was given the rotten one %d times, want 3: %s", n, events)
	}
	if d, err := q.Depth("tasks"); err != nil || d != (sqs.Depth{}) {
		t.Errorf("the queue holds %+v, %v, want nothing", d, err)
	}
}
