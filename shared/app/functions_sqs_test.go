package app_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/sqs"
	"kodoferry/shared/job"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// sqsEvent is what Lambda delivers of a message of that queue, due at that time.
func (p *platform) sqsEvent(t *testing.T, queue, body string, due time.Time) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"messageId": "message-1", "body": body, "eventSource": "aws:sqs", "eventSourceARN": p.sqs.ARN(queue),
		"attributes":        map[string]string{"ApproximateReceiveCount": "1"},
		"messageAttributes": map[string]any{"NotBefore": map[string]string{"stringValue": strconv.FormatInt(due.UnixMilli(), 10), "dataType": "Number"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestAMessageThatComesEarlyToLambdaIsPutOff hands functions what SQS could not
// delay for long enough: it goes back to its queue, whole, and is not done.
func TestAMessageThatComesEarlyToLambdaIsPutOff(t *testing.T) {
	p := deployed(t, fc.Lambda)
	stray := body(t, task.Task{Kind: task.Copy, Run: "photos/20260101T000000Z", Shard: "0", Batch: "0-aaaaaaaa"})
	for name, tc := range map[string]struct {
		function, queue string
		early           time.Duration
		back            bool
	}{
		"a task, hours early":       {"ferry-copy", "ferry-copy", 3 * time.Hour, true},
		"a task, minutes early":     {"ferry-copy", "ferry-copy", 10 * time.Minute, true},
		"a dead letter, early":      {"ferry-verify", "ferry-dead", time.Hour, true},
		"what is due is dealt with": {"ferry-copy", "ferry-copy", -time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := p.sqs.Depth(tc.queue)
			if err != nil {
				t.Fatal(err)
			}
			of := stray
			if !tc.back {
				of = `{"v":1,"kind":"dance","run":"j/1"}` // no task of ours: dropped
			}
			answer, err := p.cloud.Invoke(t.Context(), tc.function, p.sqsEvent(t, tc.queue, of, time.Now().Add(tc.early)))
			if err != nil || strings.Contains(string(answer), "message-1") {
				t.Fatalf("the invocation: %s, %v, want no message failed", answer, err)
			}
			after, err := p.sqs.Depth(tc.queue)
			if want := before.Delayed + map[bool]int{true: 1}[tc.back]; err != nil || after.Delayed != want {
				t.Errorf("%s holds %d delayed messages, %v, want %d", tc.queue, after.Delayed, err, want)
			}
		})
	}
}

func TestARunThroughABadQueueOfSQSEndsVerified(t *testing.T) {
	t.Parallel() // most of it is waiting
	const objects = 400
	p := newPlatform(t, fc.Lambda, 3*time.Second)
	p.fill(t, objects)
	p.sqs.Misbehave(sqs.Misbehaviour{Duplicate: 0.2, Reorder: 0.2, Lose: 0.05, Refuse: 0.1, Late: 0.2, LateBy: 2 * time.Second})
	rep := p.run(t, func(j *job.Job) { j.Limits.BatchObjects, j.Limits.ShardKeys = 10, 150 })
	bad := p.sqs.Injected()
	t.Logf("%+v; %.1f s, SQS %v", bad, rep.Seconds, p.sqs.Desk().Counts())
	if rep.Result != report.Verified || rep.Objects.Verified != objects || !rep.Balanced {
		t.Errorf("%+v, balanced %v, want %d verified\n%s", rep.Summary, rep.Balanced, objects, tail(p.logs.String()))
	}
	if bad.Duplicated == 0 || bad.Lost == 0 || bad.Refused == 0 || bad.Late == 0 {
		t.Errorf("%+v, want some of each", bad)
	}
}
