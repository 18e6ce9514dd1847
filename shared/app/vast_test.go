package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// vast is the ledger of a run of many shards in a chain. All of them are listed,
// and either verified, with as many failures as a record names, or nothing of them
// is copied. Their records are made up when somebody asks, so that they take no memory.
type vast struct {
	*mem.Bucket
	base            string
	shards, batches int
	proved          bool
	slow            time.Duration // each request
	requests        atomic.Int64
	failures        []byte
	putting         func(key string) // before each PUT; may be nil
}

const (
	vastShards   = 20_000
	vastBatches  = 12 // of a shard
	vastLatency  = 30 * time.Millisecond
	vastFailures = ledger.MaxFailures
)

// vastRun began a day ago: the queues may still hold what it sent.
var vastRun = "j/" + time.Now().UTC().Add(-24*time.Hour).Format(ledger.RunTime)

func newVast(b testing.TB, j job.Job, shards int, proved bool) (*vast, *ledger.Ledger) {
	b.Helper()
	v := &vast{Bucket: mem.New(mem.OSS), shards: shards, batches: vastBatches, proved: proved}
	l := ledger.Open(v, ".ferry/")
	v.base = l.Run(vastRun).Path("")
	frozen, err := job.Encode(j)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now().Add(-24 * time.Hour)
	v.Now = func() time.Time { return began }
	if _, err := l.Run(vastRun).Start(b.Context(), ledger.Started{Job: frozen, At: began, Deployed: true, Root: ledger.ShardRef{Shard: vastName(0)}}); err != nil {
		b.Fatal(err)
	}
	v.Now = time.Now
	var all []ledger.Failure
	for k := range vastFailures {
		all = append(all, ledger.Failure{Key: fmt.Sprintf("photos/2021/02/@@@@@@@@/%08d.jpg", k), State: ledger.Failed, Reason: "the source does not serve it: 500, asked 15 times; see whether its owner can read it"})
	}
	v.failures, _ = json.Marshal(all)
	return v, l
}

func vastName(i int) string {
	if i == 0 {
		return ledger.RootShard
	}
	return fmt.Sprintf("s%07d", i)
}

func (v *vast) closing(i int) ledger.Closed {
	at := func(i int) string { return "photos/2021/02/" + vastName(i) }
	c := ledger.Closed{V: ledger.Version, Shard: vastName(i), Range: store.Range{After: at(i)}}
	c.Counts.Listed = ledger.Tally{Objects: int64(500 * v.batches), Bytes: 1 << 30}
	for k := range v.batches {
		id := fmt.Sprintf("%s-abcdefgh%05d", c.Shard, k)
		c.Batches = append(c.Batches, ledger.BatchRef{ID: id, First: fmt.Sprintf("%s/%08d.jpg", at(i), k), Last: fmt.Sprintf("%s/%08d.jpg", at(i), k+1), Rows: 500, Pending: 500, Bytes: 1 << 20})
	}
	if i+1 < v.shards {
		c.Children = []ledger.ShardRef{{Shard: vastName(i + 1), Range: store.Range{After: at(i + 1)}}}
	}
	return c
}

func (v *vast) wait() {
	v.requests.Add(1)
	time.Sleep(v.slow)
}

func (v *vast) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	v.wait()
	folder, shard, _ := strings.Cut(strings.TrimPrefix(o.Key, v.base), "/")
	if folder != "closed" && folder != "verified" {
		return v.Bucket.Open(ctx, o, off, n)
	}
	var i int
	_, _ = fmt.Sscanf(shard, "s%d", &i)
	c := v.closing(i)
	data, _ := json.Marshal(c)
	if folder == "verified" {
		all := ledger.Tally{Objects: int64(500 * v.batches), Bytes: 1 << 30}
		p := ledger.Proved{V: ledger.Version, Shard: shard, Was: c.Was(), Counts: ledger.Counts{Listed: all, States: map[ledger.State]ledger.Tally{ledger.Failed: all}}}
		p.Objects = ledger.File{Name: "objects/" + shard + "-abcdefgh.csv.gz", Rows: all.Objects, SHA256: strings.Repeat("0", 64)}
		data, _ = json.Marshal(p)
		data = append(append(data[:len(data)-1:len(data)-1], `,"failures":`...), bytes.ReplaceAll(v.failures, []byte("@@@@@@@@"), []byte(shard))...)
		data = append(data, '}')
	}
	o.Size = int64(len(data))
	return o, io.NopCloser(bytes.NewReader(data)), nil
}

func (v *vast) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	v.wait()
	if v.putting != nil {
		v.putting(o.Key)
	}
	return v.Bucket.Put(ctx, o, body, how)
}

func (v *vast) Stat(ctx context.Context, key string) (store.Object, error) {
	v.wait()
	return v.Bucket.Stat(ctx, key)
}

func (v *vast) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	folder := strings.TrimPrefix(r.Prefix, v.base)
	if folder != "closed/" && (folder != "verified/" || !v.proved) {
		v.wait()
		return v.Bucket.List(ctx, r)
	}
	return func(yield func(store.Object, error) bool) {
		size := int64(len(v.failures))
		if folder == "closed/" {
			size = int64(150 * (v.batches + 2))
		}
		for i := range v.shards {
			if i%1000 == 0 {
				v.wait()
			}
			o := store.Object{Key: r.Prefix + vastName(i), Size: size}
			if o.Key > r.After && !yield(o, nil) {
				return
			}
		}
	}
}

// measured runs do and tells how long it takes and what it holds at most.
func measured(b *testing.B, v *vast, do func() error) {
	b.Helper()
	runtime.GC()
	v.requests.Store(0)
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		top := uint64(0)
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				most <- top
				return
			case <-time.After(50 * time.Millisecond):
				runtime.ReadMemStats(&m)
				top = max(top, m.HeapInuse)
			}
		}
	}()
	began := time.Now()
	err := do()
	b.ReportMetric(time.Since(began).Seconds(), "s")
	close(stop)
	b.ReportMetric(float64(<-most)/(1<<20), "MiB-most")
	b.ReportMetric(float64(v.requests.Load()), "requests")
	if err != nil {
		b.Fatal(err)
	}
}

// newVastOffice is a deployment that knows its one run from a vast ledger.
func newVastOffice(b testing.TB, shards int, proved bool) (*vast, *ledger.Ledger, *app.Deployment) {
	b.Helper()
	o := newOffice(b)
	v, l := newVast(b, o.job(b), shards, proved)
	src, dst := mem.New(mem.Kodo), mem.New(mem.OSS)
	d, err := app.Load(func(k string) string { return o.env[k] }).Deploy(slog.New(slog.DiscardHandler), func(c *pipeline.Config) {
		c.Ledger = l
		c.Open = func(context.Context, job.Job) (pipeline.Source, pipeline.Target, error) { return src, dst, nil }
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
	v.putting = func(key string) {
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
		open := func(b *testing.B) (*vast, *ledger.Ledger, *app.Deployment) {
			v, l, d := newVastOffice(b, vastShards, proved)
			v.slow = vastLatency
			return v, l, d
		}
		b.Run(name+"/status", func(b *testing.B) {
			v, l, _ := open(b)
			measured(b, v, func() error { // as ferry status does
				run := l.Run(vastRun)
				p, err := run.Glance(b.Context())
				if err == nil && len(p.Shards) != vastShards {
					err = fmt.Errorf("%d shards", len(p.Shards))
				}
				if err == nil {
					_, _, err = run.Standing(b.Context())
				}
				if err == nil {
					_, err = run.Moved(b.Context())
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
