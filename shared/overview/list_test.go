package overview_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/ledgertest"
	"kodoferry/shared/overview"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestRunsAreListedTheNewestFirst has runs of two jobs: one over, one paused, one that is
// going on, one that never started, and one whose record is damaged.
func TestRunsAreListedTheNewestFirst(t *testing.T) {
	b := mem.New(mem.OSS)
	b.Now = func() time.Time { return noon }
	l := ledger.Open(b, ".ferry/")
	begin := func(job string, ago time.Duration) *ledger.Run {
		t.Helper()
		run := l.Run(job + "/" + noon.Add(-ago).Format(ledger.RunTime))
		if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: ledgertest.Job(t), At: noon.Add(-ago), Root: ledger.ShardRef{Shard: ledger.RootShard}}); err != nil {
			t.Fatal(err)
		}
		return run
	}
	over := begin("photos", 40*24*time.Hour)
	if _, err := over.Results().CreateReport(t.Context(), []byte(`{"v":2,"result":"verified","objects":{"listed":7,"copied":7,"verified":7},"started":"2026-01-20T12:00:00Z","finished":"2026-01-20T12:05:00Z","balanced":true}`)); err != nil {
		t.Fatal(err)
	}
	paused := begin("photos", 50*time.Hour)
	if err := paused.Steering().WriteStanding(t.Context(), ledger.Paused, noon); err != nil {
		t.Fatal(err)
	}
	begin("videos", 49*time.Hour)
	if err := l.Run("videos/"+noon.Format(ledger.RunTime)).Results().WriteFile(t.Context(), "live/x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	damaged := l.Run("videos/" + noon.Add(-time.Hour).Format(ledger.RunTime))
	if err := damaged.Results().WriteFile(t.Context(), "job.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		job  string
		most int
		want string
	}{
		"all of them":    {"", 10, "videos/20260301T110000Z damaged, videos/20260227T110000Z listing, photos/20260227T100000Z state.paused, photos/20260120T120000Z verified"},
		"of one job":     {"photos", 10, "photos/20260227T100000Z state.paused, photos/20260120T120000Z verified"},
		"the newest two": {"", 2, "videos/20260301T110000Z damaged, videos/20260227T110000Z listing"},
		"of none":        {"music", 10, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := overview.NewViewers(l, overview.Options{Now: func() time.Time { return noon }}).List(t.Context(), tc.job, tc.most)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range all {
				how := string(e.State)
				switch {
				case e.Error != "":
					how = "damaged"
				case e.Result != "":
					how = e.Result
				case e.Standing == ledger.Paused:
					how = e.Says.Code
				}
				got = append(got, fmt.Sprint(e.Run, " ", how))
			}
			if g := strings.Join(got, ", "); g != tc.want {
				t.Errorf("listed are %q, want %q", g, tc.want)
			}
		})
	}
}

// TestAListIsReadOnceForAll who look, and of runs that are over only which there are.
func TestAListIsReadOnceForAll(t *testing.T) {
	b := &counted{Bucket: mem.New(mem.OSS)}
	b.Now = func() time.Time { return noon }
	l := ledger.Open(b, ".ferry/")
	for i := range 40 {
		run := l.Run("photos/" + noon.Add(-time.Duration(i)*time.Hour).Format(ledger.RunTime))
		if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: ledgertest.Job(t), At: noon, Root: ledger.ShardRef{Shard: ledger.RootShard}}); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Results().CreateReport(t.Context(), []byte(`{"v":2,"result":"verified","objects":{"listed":7,"copied":7,"verified":7},"balanced":true}`)); err != nil {
			t.Fatal(err)
		}
	}
	now := noon
	all := overview.NewViewers(l, overview.Options{Now: func() time.Time { return now }})
	look := func(people int) int64 {
		t.Helper()
		b.opened.Store(0)
		for range people {
			entries, err := all.List(t.Context(), "", 40)
			if err != nil || len(entries) != 40 || entries[39].Result != "verified" {
				t.Fatalf("%d runs are listed, %v, want 40 that are verified", len(entries), err)
			}
			entries[0] = overview.Entry{} // the list of who asks is his own
		}
		return b.opened.Load()
	}
	if n := look(10); n == 0 || n > 80 {
		t.Errorf("ten who look first read %d records, want those of one", n)
	}
	now = noon.Add(5 * time.Second)
	if n := look(10); n != 0 {
		t.Errorf("ten who look again read %d records, want none: they never change", n)
	}
}

// counted counts the records that are read.
type counted struct {
	*mem.Bucket
	opened atomic.Int64
}

func (c *counted) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	c.opened.Add(1)
	return c.Bucket.Open(ctx, o, off, n)
}
