package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/ledgertest"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

const (
	vastShards   = 20_000
	vastBatches  = 12 // of a shard
	vastLatency  = 30 * time.Millisecond
	vastFailures = ledger.MaxFailures
)

// vastRun began a day ago: the queues may still hold what it sent.
var vastRun = "j/" + time.Now().UTC().Add(-24*time.Hour).Format(ledger.RunTime)

// newVast is a ledger of a run of j that began a day ago.
func newVast(b testing.TB, j job.Job, shards int, proved bool) (*ledgertest.Vast, *ledger.Ledger) {
	b.Helper()
	frozen, err := job.Encode(j)
	if err != nil {
		b.Fatal(err)
	}
	started := ledger.Started{Job: frozen, At: time.Now().Add(-24 * time.Hour), Deployed: true}
	return ledgertest.NewVast(b, vastRun, started, shards, vastBatches, proved)
}

// measured runs do and tells how long it takes and what it holds at most.
func measured(b *testing.B, v *ledgertest.Vast, do func() error) {
	b.Helper()
	runtime.GC()
	v.Requests.Store(0)
	stop := ledgertest.PeakHeap()
	began := time.Now()
	err := do()
	b.ReportMetric(time.Since(began).Seconds(), "s")
	most := stop()
	b.ReportMetric(float64(most)/(1<<20), "MiB-most")
	b.ReportMetric(float64(v.Requests.Load()), "requests")
	if err != nil {
		b.Fatal(err)
	}
}

// newVastOffice is a deployment that knows its one run from a vast ledger.
func newVastOffice(b testing.TB, shards int, proved bool) (*ledgertest.Vast, *ledger.Ledger, *app.Deployment) {
	b.Helper()
	o := newOffice(b)
	v, l := newVast(b, o.job(b), shards, proved)
	src, dst := mem.New(mem.Kodo), mem.New(mem.OSS)
	d, err := app.Load(func(k string) string { return o.env[k] }).Deploy(slog.New(slog.DiscardHandler), func(c *pipeline.Config) {
		c.Ledger = l
		c.Open = func(context.Context, job.Job) (store.Source, pipeline.Target, error) { return src, dst, nil }
	})
	if err != nil {
		b.Fatal(err)
	}
	d.Reopen(l)
	// A queue that counts: what the others tell is to be relied on, too.
	if err := d.Queue(task.Listing).Send(b.Context(), queue.Outgoing{Body: []byte("of another run")}); err != nil {
		b.Fatal(err)
	}
	return v, l, d
}

// TestASweepThatIsCutOffHasSentWhatItNoted ends a sweep of many lost batches while it
// notes that they are sent again: what it noted and did not send is let be for long.
func TestASweepThatIsCutOffHasSentWhatItNoted(t *testing.T) {
	v, _, d := newVastOffice(t, 200, false)
	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	var noted atomic.Int64
	v.Putting = func(key string) {
		if strings.Contains(key, "/sent/chain-") && noted.Add(1) == 2200 {
			cut()
		}
	}
	if err := d.Sweep(ctx, 30*time.Minute, time.Now()); err == nil {
		t.Error("a sweep that was cut off says nothing")
	}
	depth, err := d.Queue(task.Copying).Depth(t.Context())
	if held := depth.Ready + depth.Delayed; err != nil || held < 2000 {
		t.Errorf("of %d batches that it noted it sent %d (%v), want at least 2,000", noted.Load(), held, err)
	}
}

// BenchmarkAVastRun takes minutes: what a status, a sweep and a report of a run of
// 20,000 shards cost, where all objects failed and where none is copied yet, and
// each request to the ledger takes 30 ms. The bounds are 256 MiB and 4 minutes.
func BenchmarkAVastRun(b *testing.B) {
	for _, proved := range []bool{true, false} {
		name := map[bool]string{true: "all failed", false: "all open"}[proved]
		open := func(b *testing.B) (*ledgertest.Vast, *ledger.Ledger, *app.Deployment) {
			v, l, d := newVastOffice(b, vastShards, proved)
			v.Slow = vastLatency
			return v, l, d
		}
		b.Run(name+"/status", func(b *testing.B) {
			v, l, _ := open(b)
			measured(b, v, func() error { // as ferry status does
				run := l.Run(vastRun)
				p, err := progress.Glance(b.Context(), run)
				if err == nil && len(p.Shards) != vastShards {
					err = fmt.Errorf("%d shards", len(p.Shards))
				}
				if err == nil {
					_, _, err = run.Steering().ReadStanding(b.Context())
				}
				if err == nil {
					_, err = progress.NewestUnwalked(b.Context(), run)
				}
				return err
			})
		})
		b.Run(name+"/sweep", func(b *testing.B) {
			v, _, d := open(b)
			measured(b, v, func() error { return d.Sweep(b.Context(), 30*time.Minute, time.Now()) })
			for _, s := range task.Stages {
				depth, err := d.Queue(s).Depth(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(depth.Ready+depth.Delayed), string(s)+"-tasks")
			}
		})
		if !proved {
			continue
		}
		b.Run(name+"/report", func(b *testing.B) {
			v, l, d := open(b)
			body, err := task.Encode(task.Task{Kind: task.Report, Run: vastRun})
			if err != nil {
				b.Fatal(err)
			}
			measured(b, v, func() error {
				return d.Worker(task.Verifying).Process(b.Context(), queue.Message{Body: body, Deliveries: 1})
			})
			rep, err := report.Read(b.Context(), l.Run(vastRun))
			if err != nil || rep.Result != report.Incomplete || rep.Shards != vastShards || len(rep.Failures) != vastFailures || !rep.Balanced {
				b.Fatalf("%+v, %d shards, %d failures, %v", rep.Summary, rep.Shards, len(rep.Failures), err)
			}
		})
	}
}
