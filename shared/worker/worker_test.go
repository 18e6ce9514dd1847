package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mem"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// doer does tasks as a test says and remembers them.
type doer struct {
	do     func(task.Task) ([]task.Task, error)
	done   []task.Task
	buried []error
}

func (d *doer) Do(_ context.Context, t task.Task) ([]task.Task, error) {
	d.done = append(d.done, t)
	return d.do(t)
}

func (d *doer) GiveUp(_ context.Context, _ task.Task, cause error) ([]task.Task, error) {
	d.buried = append(d.buried, cause)
	return nil, nil
}

// marks remembers in memory, and can be told to fail.
type marks struct {
	names map[string]bool
	order *[]string
}

func (m marks) Marked(_ context.Context, _, name string) (bool, error) { return m.names[name], nil }
func (m marks) Mark(_ context.Context, _, name string) error {
	m.names[name] = true
	*m.order = append(*m.order, "mark")
	return nil
}

// sender notes what is sent, and can be told to fail.
type sender struct {
	sent  []task.Task
	delay []time.Duration
	err   error
	order *[]string
}

func (s *sender) Send(_ context.Context, out ...queue.Outgoing) error {
	if s.err != nil {
		return s.err
	}
	for _, o := range out {
		t, err := task.Decode(o.Body)
		if err != nil {
			return err
		}
		s.sent, s.delay = append(s.sent, t), append(s.delay, o.Delay)
		*s.order = append(*s.order, "send")
	}
	return nil
}

type world struct {
	*worker.Worker
	doer  *doer
	send  *sender
	order []string
}

func newWorld(do func(task.Task) ([]task.Task, error)) *world {
	w := &world{doer: &doer{do: do}}
	w.send = &sender{order: &w.order}
	w.Worker = &worker.Worker{
		Doer: w.doer, Log: slog.New(slog.DiscardHandler), Attempts: 3, Pause: time.Minute,
		Marks: marks{map[string]bool{}, &w.order},
		Send:  map[task.Stage]queue.Sender{task.Listing: w.send, task.Copying: w.send, task.Verifying: w.send, task.Deleting: w.send},
	}
	return w
}

func message(t *testing.T, tk task.Task) queue.Message {
	t.Helper()
	body, err := task.Encode(tk)
	if err != nil {
		t.Fatal(err)
	}
	return queue.Message{Body: body, Deliveries: 1}
}

var (
	listTask  = task.Task{Kind: task.List, Run: "j/1", Shard: "0"}
	copyTask  = task.Task{Kind: task.Copy, Run: "j/1", Shard: "0", Batch: "0-a"}
	eventTask = task.Task{Kind: task.Event, Run: "j/1", Shard: "e120", Batch: "e120000-a", Key: "k", Until: 1}

	waitedCopy = task.Task{Kind: task.Copy, Run: "j/1", Shard: "0", Batch: "0-a", Waits: 1}
)

func TestWhatBecomesOfATask(t *testing.T) {
	boom := errors.New("boom")
	for name, tc := range map[string]struct {
		task    task.Task
		err     error
		next    []task.Task
		dealt   bool // the message may be deleted
		sent    int
		attempt int // of the task sent again
		waits   int
		buried  bool
		order   string
	}{
		"a done task sends, then marks":                  {task: listTask, next: []task.Task{copyTask, copyTask}, dealt: true, sent: 2, order: "send send mark"},
		"a copy is never marked, its record is enough":   {task: copyTask, next: []task.Task{{Kind: task.Copy, Run: "j/1", Shard: "0", Batch: "0-a.1"}}, dealt: true, sent: 1, order: "send"},
		"an event is never marked, its record is enough": {task: eventTask, next: []task.Task{{Kind: task.Remove, Run: "j/1", Shard: "e120", Batch: "e120000-a.1"}}, dealt: true, sent: 1, order: "send"},
		"a copy that has waited is marked":               {task: waitedCopy, next: []task.Task{{Kind: task.Copy, Run: "j/1", Shard: "0", Batch: "0-a", Waits: 2}}, dealt: true, sent: 1, order: "send mark"},
		"a task that yields nothing is not marked":       {task: listTask, dealt: true},
		"a temporary fault is tried again later":         {task: listTask, err: fault.New(fault.Temporary, "op", "", boom), dealt: true, sent: 1, attempt: 1, order: "send mark"},
		"a denied task is tried again later":             {task: listTask, err: fault.New(fault.Denied, "op", "", boom), dealt: true, sent: 1, attempt: 1, order: "send mark"},
		"a throttled task waits and spends no try":       {task: listTask, err: fault.Throttle("op", "", time.Second, boom), dealt: true, sent: 1, waits: 1, order: "send mark"},
		"an invalid task is given up at once":            {task: listTask, err: fault.New(fault.Invalid, "op", "", boom), dealt: true, buried: true},
		"the last try is the last":                       {task: task.Task{Kind: task.List, Run: "j/1", Shard: "0", Attempt: 2}, err: boom, dealt: true, buried: true},
		"a newer record goes back to the queue":          {task: listTask, err: fault.New(fault.Newer, "op", "", boom)},
		"a task that yields itself unchanged is stuck":   {task: listTask, next: []task.Task{listTask}, dealt: true, buried: true},
		"a throttled task on its last try is not ended":  {task: task.Task{Kind: task.List, Run: "j/1", Shard: "0", Attempt: 2}, err: fault.Throttle("op", "", 0, boom), dealt: true, sent: 1, attempt: 2, waits: 1, order: "send mark"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(func(task.Task) ([]task.Task, error) { return tc.next, tc.err })
			err := w.Process(t.Context(), message(t, tc.task))
			if (err == nil) != tc.dealt {
				t.Errorf("Process = %v, want dealt with: %v", err, tc.dealt)
			}
			if len(w.send.sent) != tc.sent || (len(w.doer.buried) > 0) != tc.buried {
				t.Fatalf("sent %d, given up %v, want %d, %v", len(w.send.sent), w.doer.buried, tc.sent, tc.buried)
			}
			if tc.err != nil && tc.sent == 1 {
				if got := w.send.sent[0]; got.Attempt != tc.attempt || got.Waits != tc.waits || w.send.delay[0] <= 0 {
					t.Errorf("sent again with attempt %d, waits %d, delay %v, want %d, %d, more than none", got.Attempt, got.Waits, w.send.delay[0], tc.attempt, tc.waits)
				}
			}
			if got := strings.Join(w.order, " "); got != tc.order {
				t.Errorf("order = %q, want %q", got, tc.order)
			}
		})
	}
}

func TestASecondDeliveryOfADoneTaskIsDropped(t *testing.T) {
	w := newWorld(func(task.Task) ([]task.Task, error) { return []task.Task{copyTask, copyTask}, nil })
	for range 2 {
		if err := w.Process(t.Context(), message(t, listTask)); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.doer.done) != 1 || len(w.send.sent) != 2 {
		t.Errorf("done %d times, sent %d, want 1, 2", len(w.doer.done), len(w.send.sent))
	}
}

func TestAFailedSendRepeatsTheTask(t *testing.T) {
	w := newWorld(func(task.Task) ([]task.Task, error) { return []task.Task{copyTask, copyTask}, nil })
	w.send.err = fault.New(fault.Temporary, "send", "", nil)
	if err := w.Process(t.Context(), message(t, listTask)); err == nil {
		t.Error("Process = nil after a failed send, want an error, or what follows is lost")
	}
	w.send.err = nil
	if err := w.Process(t.Context(), message(t, listTask)); err != nil || len(w.send.sent) != 2 {
		t.Errorf("second delivery: %v, sent %d, want nil, 2", err, len(w.send.sent))
	}
}

func TestWhatIsNoTaskIsDroppedAndANewerOneIsKept(t *testing.T) {
	w := newWorld(nil)
	if err := w.Process(t.Context(), queue.Message{Body: []byte("hello")}); err != nil {
		t.Errorf("Process(no task) = %v, want nil: it would come back for ever", err)
	}
	if err := w.Process(t.Context(), queue.Message{Body: []byte(`{"v":99}`)}); fault.KindOf(err) != fault.Newer {
		t.Errorf("Process(newer) = %v, want %s: it must go back to the queue", err, fault.Newer)
	}
}

func TestAHaltLeavesTheMessage(t *testing.T) {
	w := newWorld(func(task.Task) ([]task.Task, error) { return nil, fault.New(fault.Denied, "op", "", nil) })
	w.Halt = func(task.Task, error) bool { return true }
	if err := w.Process(t.Context(), message(t, listTask)); err == nil || len(w.send.sent)+len(w.doer.buried) > 0 {
		t.Errorf("Process = %v, sent %v, given up %v, want an error and nothing else", err, w.send.sent, w.doer.buried)
	}
}

func TestPollServesAQueueUntilItsEnd(t *testing.T) {
	q := mem.New(mem.Options{Visibility: time.Hour})
	ctx, stop := context.WithCancel(t.Context())
	var seen []string
	w := newWorld(func(t task.Task) ([]task.Task, error) {
		if seen = append(seen, t.Batch); len(seen) == 3 {
			stop()
		}
		return nil, nil
	})
	for _, b := range []string{"a", "b", "c"} {
		if err := q.Send(t.Context(), queue.Outgoing{Body: message(t, task.Task{Kind: task.Copy, Run: "j/1", Shard: "0", Batch: b}).Body}); err != nil {
			t.Fatal(err)
		}
	}
	w.Poll(ctx, q, 1, time.Hour)
	slices.Sort(seen)
	if got := strings.Join(seen, ""); got != "abc" {
		t.Errorf("served %q, want abc", got)
	}
	if d, err := q.Depth(t.Context()); err != nil || d != (queue.Depth{}) {
		t.Errorf("left in the queue: %+v, %v, want nothing", d, err)
	}
}

func TestATaskOfAnotherStageIsSentWhereItBelongs(t *testing.T) {
	w := newWorld(nil)
	w.Stage = task.Listing
	if err := w.Process(t.Context(), message(t, copyTask)); err != nil {
		t.Fatal(err)
	}
	if len(w.doer.done) > 0 || len(w.send.sent) != 1 || w.send.sent[0].Attempt != 1 || w.send.delay[0] <= 0 {
		t.Fatalf("done %v, sent %+v after %v, want it sent on, later, and a try spent", w.doer.done, w.send.sent, w.send.delay)
	}
	again := copyTask
	again.Attempt = w.Attempts - 1
	if err := w.Process(t.Context(), message(t, again)); err != nil || len(w.doer.buried) != 1 {
		t.Errorf("its last try: %v, given up %d times, want once: a run must end", err, len(w.doer.buried))
	}
}

func TestADeadLetteredTaskIsGivenUp(t *testing.T) {
	w := newWorld(nil)
	if err := w.Bury(t.Context(), message(t, copyTask)); err != nil || len(w.doer.buried) != 1 {
		t.Errorf("Bury = %v, given up %d times, want nil, once", err, len(w.doer.buried))
	}
	if err := w.Bury(t.Context(), queue.Message{Body: []byte("hello")}); err != nil || len(w.doer.buried) != 1 {
		t.Errorf("Bury(no task) = %v, given up %d, want it dropped", err, len(w.doer.buried))
	}
	if err := w.Bury(t.Context(), queue.Message{Body: []byte(`{"v":99}`)}); fault.KindOf(err) != fault.Newer {
		t.Errorf("Bury(newer) = %v, want %s: it stays", err, fault.Newer)
	}
}

// chains remembers which chain of each task is the newest.
type chains map[string]int64

func (c chains) Waits(_ context.Context, _, chain string, resend int64) (bool, error) {
	if c[chain] > resend {
		return true, nil
	}
	c[chain] = resend
	return false, nil
}

func TestTheOlderOfTwoChainsOfATaskEndsWhenItWouldWait(t *testing.T) {
	waits := func(t task.Task) ([]task.Task, error) { t.Waits++; return []task.Task{t}, nil }
	fails := func(task.Task) ([]task.Task, error) {
		return nil, fault.New(fault.Temporary, "t", "", errors.New("boom"))
	}
	another := func(task.Task) ([]task.Task, error) {
		return []task.Task{{Kind: task.Copy, Run: "j/1", Shard: "0", Batch: "0-a.1abcdefgh"}}, nil
	}
	resent := copyTask
	resent.Resend = 7
	for name, tc := range map[string]struct {
		do   func(task.Task) ([]task.Task, error)
		task task.Task
		want int // messages sent
	}{
		"the older one waits":               {waits, copyTask, 0},
		"the older one failed":              {fails, copyTask, 0},
		"the newer one waits":               {waits, resent, 1},
		"the older one brings it further":   {another, copyTask, 1},
		"another task waits":                {waits, listTask, 1},
		"an event that no record names yet": {waits, eventTask, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(tc.do)
			w.Chains = chains{copyTask.Chain(): 7, eventTask.Batch: 7}
			if err := w.Process(t.Context(), message(t, tc.task)); err != nil || len(w.send.sent) != tc.want {
				t.Errorf("sent %v (%v), want %d messages", w.send.sent, err, tc.want)
			}
		})
	}
}

// TestAPartThatWasPassedOnEndsNoneBesideIt has one of an upload's tasks, which share
// a chain, passed on after a second delivery: it was not sent again from the ledger.
func TestAPartThatWasPassedOnEndsNoneBesideIt(t *testing.T) {
	w := newWorld(func(t task.Task) ([]task.Task, error) { t.Waits++; return []task.Task{t}, nil })
	w.Chains = chains{}
	part := task.Task{Kind: task.Part, Run: "j/1", Shard: "0", Batch: "0-a", From: 1, To: 2, Passed: 1, Resend: task.Touched}
	beside := task.Task{Kind: task.Part, Run: "j/1", Shard: "0", Batch: "0-a", From: 3, To: 4}
	later := part
	later.Waits, later.Passed = 1, 2
	for n, waits := range []task.Task{part, beside, later} {
		if err := w.Process(t.Context(), message(t, waits)); err != nil || len(w.send.sent) != n+1 {
			t.Fatalf("%d messages sent for %d tasks that wait (%v)", len(w.send.sent), n+1, err)
		}
	}
	w.Chains = chains{"0-a": 7}
	part.Waits = 9
	if err := w.Process(t.Context(), message(t, part)); err != nil || len(w.send.sent) != 3 {
		t.Errorf("it waits on (%v) though it has been sent again from the ledger", err)
	}
}

func TestWhatCannotBeNotedNowIsLeftToItsQueue(t *testing.T) {
	w := newWorld(func(task.Task) ([]task.Task, error) { return nil, fault.New(fault.Later, "op", "", nil) })
	for range 2 * w.Attempts {
		if err := w.Process(t.Context(), message(t, listTask)); err == nil || len(w.send.sent)+len(w.doer.buried) > 0 {
			t.Fatalf("Process = %v, sent %v, given up %v, want an error and nothing else", err, w.send.sent, w.doer.buried)
		}
	}
}
