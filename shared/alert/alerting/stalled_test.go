package alerting

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store/mem"
)

// TestAStandstillIsToldOnceAndAgainWhenItComesAgain moves the clock by hand.
func TestAStandstillIsToldOnceAndAgainWhenItComesAgain(t *testing.T) {
	var told atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told.Add(1) }))
	t.Cleanup(s.Close)
	l := ledger.Open(mem.New(mem.OSS), ".ferry/")
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "", func(j *job.Job) {
		j.Alerts = []job.Alert{{To: "FERRY_ALERT_OPS", Kind: job.JSON, Insecure: true}}
	})
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	const run = "photos/20260101T000000Z"
	if _, err := l.Run(run).CreateStarted(t.Context(), ledger.Started{Job: frozen}); err != nil {
		t.Fatal(err)
	}
	var clock atomic.Int64
	now := func() time.Time { return time.Unix(clock.Load(), 0) }
	after := func(d time.Duration) { clock.Add(int64(d / time.Second)) }
	doers := []*Doer{}
	for range 2 { // two processes look
		doers = append(doers, New(nil, l, func(string) string { return s.URL }, slog.New(slog.DiscardHandler), now))
	}
	ctx, stop := context.WithCancel(t.Context())
	ticks, over := make(chan time.Time), make(chan struct{})
	go func() {
		doers[0].WatchStall(ctx, run, 15*time.Minute, ticks)
		close(over)
	}()
	look := func(want int32, why string) {
		t.Helper()
		ticks <- now()
		ticks <- now() // the first look has ended once the second begins
		if got := told.Load(); got != want {
			t.Errorf("%s: told %d times, want %d", why, got, want)
		}
	}
	look(0, "it has just begun")
	after(14 * time.Minute)
	look(0, "14 minutes are not long")
	since := now().Add(-14 * time.Minute)
	after(2 * time.Minute)
	look(1, "16 minutes are")
	doers[1].Stalled(t.Context(), run, since)
	if got := told.Load(); got != 1 {
		t.Errorf("another process saw the same and told it, too: %d times, want 1", got)
	}
	doers[0].Touch(run)
	look(1, "it moves again")
	after(20 * time.Minute)
	look(2, "it stands still again")
	stop()
	<-over
}
