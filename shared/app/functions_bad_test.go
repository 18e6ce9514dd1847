package app_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/journal"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// body is the message of a task.
func body(t *testing.T, of task.Task) string {
	t.Helper()
	raw, err := task.Encode(of)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// event is what EventBridge delivers of a message of that queue.
func event(t *testing.T, queue, body string) []byte {
	t.Helper()
	raw, err := json.Marshal([]any{map[string]any{
		"id": "event-1", "specversion": "1.0", "type": "mns:Queue:SendMessage", "subject": "acs:mns:cn-hangzhou:1:queues/" + queue,
		"data": map[string]string{"messageId": "message-1", "messageBody": body},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// began starts a run whose first messages nobody takes.
func (p *platform) began(t *testing.T) *ledger.Run {
	t.Helper()
	j, err := job.New(p.src, p.dst, p.ledgerAt())
	if err != nil {
		t.Fatal(err)
	}
	name, err := p.deploy.Start(t.Context(), j, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p.deploy.Ledger().Run(name)
}

func TestAFunctionToldNonsenseSaysSoAndLosesNothing(t *testing.T) {
	p := unconnected(t)
	p.fill(t, 5)
	run := p.began(t)
	stray := task.Task{Kind: task.Copy, Run: run.Name, Shard: "0", Batch: "0-aaaaaaaa"}
	for name, tc := range map[string]struct {
		function string
		event    []byte
		fails    string // what the error of the invocation says; "" for none
		logs     string
		sent     string // the queue that got a message
	}{
		"an event of an unknown shape":   {"ferry-copy", []byte(`{"action":"dance"}`), `a JSON object with the keys "action"`, "", ""},
		"no event at all":                {"ferry-copy", []byte(``), "empty", "", ""},
		"a body that is no task":         {"ferry-copy", event(t, "ferry-copy", `{"v":1,"kind":"dance","run":"j/1"}`), "", "message dropped: it is no task of ours", ""},
		"a task of another stage":        {"ferry-list", event(t, "ferry-list", body(t, stray)), "", "task sent on to the queue of its stage", "ferry-copy"},
		"a task of a newer version":      {"ferry-copy", event(t, "ferry-copy", `{"v":99,"kind":"copy"}`), "", "deploy the newer version everywhere", "ferry-copy"},
		"a dead letter that is no task":  {"ferry-verify", event(t, "ferry-dead", `hello`), "", "dead message dropped", ""},
		"a dead letter of a new version": {"ferry-verify", event(t, "ferry-dead", `{"v":99}`), "", "dead task of a newer version", "ferry-dead"},
		"a timer with an odd payload":    {"ferry-verify", []byte(`{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"sweep","payload":"often"}`), "neither empty, sweep, nor a duration", "", ""},
		"a timer for who has none":       {"ferry-copy", []byte(`{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"x","payload":"photos"}`), "take the timer trigger away", "", ""},
		"a timer that names no job":      {"ferry-list", []byte(`{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"nightly","payload":""}`), "the payload names no job", "", ""},
		"a timer with half a JSON":       {"ferry-list", []byte(`{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"nightly","payload":"{\"job\":"}`), `write {"job":"photos"}`, "", ""},
		"a timer for a job nobody keeps": {"ferry-list", []byte(`{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"nightly","payload":"fotos"}`), `keeps no job "fotos"`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			before, logged := p.held(t), len(p.logs.String())
			_, err := p.cloud.Invoke(t.Context(), tc.function, tc.event)
			if tc.fails == "" && err != nil || tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails)) {
				t.Errorf("the invocation: %v, want an error that says %q", err, tc.fails)
			}
			said := since(p.logs, logged, tc.logs)
			if !strings.Contains(said, tc.logs) || strings.Contains(said, "goroutine ") {
				t.Errorf("the log says %q, want %q and no stack", said, tc.logs)
			}
			for queue, n := range p.held(t) {
				if want := before[queue]; queue == tc.sent && n != want+1 || queue != tc.sent && n != want {
					t.Errorf("%s holds %d messages, before %d; the one to get a message is %q", queue, n, want, tc.sent)
				}
			}
		})
	}
}

// since waits until what was written after the first n bytes says want: lines
// come a little later than answers.
func since(l *journal.Journal, n int, want string) string {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if said := l.String()[n:]; strings.Contains(said, want) || time.Now().After(deadline) {
			return said
		}
	}
}

// held counts what is in each queue.
func (p *platform) held(t *testing.T) map[string]int {
	t.Helper()
	held := map[string]int{}
	for _, name := range []string{"ferry-list", "ferry-copy", "ferry-verify", "ferry-dead"} {
		d, err := p.mns.Depth(name)
		if err != nil {
			t.Fatal(err)
		}
		held[name] = d.Ready + d.InFlight + d.Delayed
	}
	return held
}

func TestADeadLetterIsAnOutcomeAndTheRunEnds(t *testing.T) {
	p := unconnected(t)
	p.fill(t, 5)
	run := p.began(t)
	root := task.Task{Kind: task.List, Run: run.Name, Shard: ledger.RootShard, Range: store.Range{}}
	for range 2 { // delivered twice, as anything
		if _, err := p.cloud.Invoke(t.Context(), "ferry-verify", event(t, "ferry-dead", body(t, root))); err != nil {
			t.Fatal(err)
		}
	}
	closed, err := run.Shards().ReadListed(t.Context(), ledger.RootShard)
	if err != nil || !strings.Contains(closed.Failed, "delivered too often") {
		t.Fatalf("the shard is %+v, %v, want it closed as given up, and why", closed, err)
	}
	p.connectAll(t)
	rep := p.report(t, run)
	if rep.Result != report.Incomplete || len(rep.Unknown) != 1 {
		t.Errorf("%+v, unknown %v, want it incomplete, with the stretch that nobody knows", rep.Summary, rep.Unknown)
	}
}

func TestAFunctionWithoutItsEnvironmentNamesAllOfItEveryTime(t *testing.T) {
	p := unconnected(t, "FERRY_LEDGER", "FERRY_QUEUES", "QINIU_ACCESS_KEY", "QINIU_SECRET_KEY")
	for range 2 {
		_, err := p.cloud.Invoke(t.Context(), "ferry-copy", event(t, "ferry-copy", body(t, task.Task{Kind: task.Report, Run: "j/1"})))
		for _, want := range []string{"FERRY_LEDGER", "FERRY_QUEUES", "QINIU_ACCESS_KEY", "QINIU_SECRET_KEY"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the invocation: %v, want an error that names %s", err, want)
			}
		}
	}
}
