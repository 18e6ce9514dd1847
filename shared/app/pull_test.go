package app_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// withPullers deploys the pull function alone.
func withPullers(t *testing.T, instances string) *platform {
	t.Helper()
	p := unconnected(t)
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"FERRY_PULL_INSTANCES": instances}
	for k, v := range p.env {
		env[k] = v
	}
	f := fc.Function{Name: "ferry-pull", Binary: filepath.Join(dir, "pull"), Env: env, Timeout: 10 * time.Minute, Memory: 1024, MaxInstances: 8, Log: p.logs}
	if err := p.cloud.Deploy(f); err != nil {
		t.Fatal(err)
	}
	return p
}

// pulling counts the living pullers.
func (p *platform) pulling(t *testing.T) int {
	t.Helper()
	living, err := live.ReadPulling(t.Context(), p.deploy.Ledger().Folder(), time.Now().Add(-time.Hour), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return len(living)
}

func TestATimersPullersMoveABucketAndAreNoMoreThanAllowed(t *testing.T) {
	t.Parallel()
	p := withPullers(t, "2")
	p.fill(t, 600)
	run := p.began(t)
	tick, err := p.cloud.Timer(fc.TimerConfig{Name: "pull", Function: "ferry-pull"})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := tick.Fire(); err != nil {
			t.Fatal(err)
		}
	}
	rep := p.report(t, run)
	if rep.Result != report.Verified || rep.Objects.Verified != 600 {
		t.Errorf("%+v, want 600 verified\n%s", rep.Summary, tail(p.logs.String()))
	}
	soon(t, "the others have ended", func() bool { return strings.Count(p.logs.String(), "pull ended") >= 3 })
	if n := p.pulling(t); n < 1 || n > 2 {
		t.Errorf("%d pull, want 1 or 2: five ticks came, and two are allowed", n)
	}
	if s := p.cloud.Stats()["ferry-pull"]; s.Failures != 0 {
		t.Errorf("%+v, want no failed invocation\n%s", s, tail(p.logs.String()))
	}
}

func TestAPullerSaysWhatIsWrongWithItsTimer(t *testing.T) {
	p := withPullers(t, "many")
	tick := func(payload string) []byte {
		return fmt.Appendf(nil, `{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"pull","payload":%q}`, payload)
	}
	if _, err := p.cloud.Invoke(t.Context(), "ferry-pull", tick("")); err == nil || !strings.Contains(err.Error(), "FERRY_PULL_INSTANCES") {
		t.Errorf("with an odd FERRY_PULL_INSTANCES: %v, want an error that names it", err)
	}
	q := withPullers(t, "1")
	for name, tc := range map[string]struct {
		event []byte
		says  string
	}{
		"a payload that is no stage": {tick("copy,paste"), `no stage "paste"`},
		"a message of a stream":      {event(t, "ferry-copy", "hello"), "take the stream away"},
	} {
		if _, err := q.cloud.Invoke(t.Context(), "ferry-pull", tc.event); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want an error that says %q", name, err, tc.says)
		}
	}
}

func TestAPullerWorksUntilShortlyBeforeItsEndAndSignsOff(t *testing.T) {
	t.Parallel()
	p := unconnected(t)
	stages := []task.Stage{task.Copying}
	pull := func(most int) int {
		t.Helper()
		end := time.Now().Add(6 * time.Second)
		ctx, cancel := context.WithDeadline(t.Context(), end)
		defer cancel()
		n, err := p.deploy.Pull(ctx, most, stages...)
		if err != nil || !time.Now().Before(end) {
			t.Errorf("Pull = %v, %v before its end, want nil, and some time left", err, time.Until(end))
		}
		return n
	}
	if n := pull(1); n != 0 || len(p.oss.Keys("ledger-bucket")) > 0 {
		t.Errorf("did %d tasks and left %q, want none and nothing: the queue is empty", n, p.oss.Keys("ledger-bucket"))
	}
	if err := p.mns.Send("ferry-copy", []byte("hello"), 0); err != nil {
		t.Fatal(err)
	}
	other := live.Sign{Process: "other", Since: time.Now()}
	if err := live.WritePulling(t.Context(), p.deploy.Ledger().Folder(), other, time.Now()); err != nil {
		t.Fatal(err)
	}
	if n := pull(1); n != 0 || p.held(t)["ferry-copy"] != 1 {
		t.Errorf("did %d tasks, want none: one is at work, and one is allowed", n)
	}
	if n := pull(2); n != 1 || p.held(t)["ferry-copy"] != 0 {
		t.Errorf("did %d tasks, want the one there was", n)
	}
	if n := p.pulling(t); n != 1 {
		t.Errorf("%d pull, want the other alone: this one has signed off", n)
	}
}
