package metrics

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func TestAQueueThatCannotBeReadIsNotWell(t *testing.T) {
	m := New()
	m.Answered("ferry-copy", nil)
	m.Answered("ferry-list", os.ErrDeadlineExceeded)
	if bad := m.Unread(time.Hour); len(bad) > 0 {
		t.Errorf("unread for an hour: %v, want none: it has just failed", bad)
	}
	if bad := m.Unread(0); len(bad) != 1 || bad[0] != "ferry-list" {
		t.Errorf("unread: %v, want the one that failed", bad)
	}
	m.Answered("ferry-list", nil)
	if bad := m.Unread(0); len(bad) > 0 {
		t.Errorf("unread: %v, want none once it answers", bad)
	}
}

func TestWhatAnAgentCounts(t *testing.T) {
	boom := errors.New("boom")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx  context.Context
		err  error
		want string
	}{
		"a task that was done":              {t.Context(), nil, "done"},
		"one that failed":                   {t.Context(), boom, "failed"},
		"one that was told to slow down":    {t.Context(), fault.Throttle("op", "", 0, boom), "throttled"},
		"one that a newer version must do":  {t.Context(), fault.New(fault.Newer, "op", "", boom), "newer"},
		"one that was cut off by the drain": {ended, boom, "cut_off"},
	} {
		t.Run(name, func(t *testing.T) {
			m := New()
			running := int64(0)
			d := m.Count(doing(func() error { running = m.Running(); return tc.err }))
			_, _ = d.Do(tc.ctx, task.Task{Kind: task.Copy}) // its error is the one given
			_, _ = d.GiveUp(tc.ctx, task.Task{Kind: task.List}, boom)
			var text strings.Builder
			m.Write(&text)
			for _, want := range []string{`ferry_tasks_total{kind="copy",outcome="` + tc.want + `"} 1`, `ferry_tasks_total{kind="list",outcome="given_up"} 1`, `ferry_task_duration_seconds_count{kind="copy"} 1`} {
				if !strings.Contains(text.String(), want+"\n") {
					t.Errorf("it does not say %s", want)
				}
			}
			if running != 1 || m.Running() != 0 {
				t.Errorf("running: %d during the task, %d after it, want 1, 0", running, m.Running())
			}
		})
	}
}

func TestTasksOfEveryKindAreCountedWhileTheyRun(t *testing.T) {
	m := New()
	for _, kind := range task.Kinds {
		var during, after strings.Builder
		d := m.Count(doing(func() error { m.Write(&during); return nil }))
		if _, err := d.Do(t.Context(), task.Task{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		m.Write(&after)
		gauge := `ferry_tasks_running{kind="` + string(kind) + `"} `
		if !strings.Contains(during.String(), gauge+"1\n") || !strings.Contains(after.String(), gauge+"0\n") {
			t.Errorf("%s: want 1 while it runs and 0 after", strings.TrimSpace(gauge))
		}
	}
}

// doing does tasks as a test says, and gives each up.
type doing func() error

func (d doing) Do(context.Context, task.Task) ([]task.Task, error) { return nil, d() }

func (d doing) GiveUp(context.Context, task.Task, error) ([]task.Task, error) { return nil, nil }

func TestTheBytesOfAnObjectInPartsAreCountedOnce(t *testing.T) {
	m := New()
	copied := func(size int64, by task.Kind) watch.Progress {
		return watch.Progress{Kind: watch.Settled, Row: ledger.Row{State: ledger.Copied, Src: store.Object{Size: size}}, Task: task.Task{Kind: by}}
	}
	for _, e := range []watch.Progress{
		copied(5, ""), {Kind: watch.PartCopied, Bytes: 100}, {Kind: watch.PartCopied, Bytes: 20}, copied(120, task.Finish),
		{Kind: watch.Settled, Row: ledger.Row{State: ledger.Failed, Src: store.Object{Size: 1000}}},
		{Kind: watch.Slowed}, {Kind: watch.Caught, Err: fault.New(fault.Corrupt, "op", "k", nil)},
	} {
		m.Watch(e)
	}
	var text strings.Builder
	m.Write(&text)
	for _, want := range []string{
		"ferry_copied_bytes_total 125", `ferry_objects_total{state="copied"} 2`, `ferry_objects_total{state="failed"} 1`,
		"ferry_throttles_total 1", `ferry_faults_total{fault="corrupt"} 1`,
	} {
		if !strings.Contains(text.String(), want+"\n") {
			t.Errorf("it does not say %s", want)
		}
	}
	if tasks, objects, bytes := m.Sum(); tasks != 0 || objects != 2 || bytes != 125 {
		t.Errorf("%d tasks, %d objects, %d bytes, want none, 2 and 125", tasks, objects, bytes)
	}
}
