package pipeline_test

import (
	"context"
	"io"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// tallying is a ledger whose requests are counted: a page of a listing is one.
type tallying struct {
	*mem.Bucket
	reads, pages atomic.Int64
}

func (c *tallying) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	c.reads.Add(1)
	return c.Bucket.Open(ctx, o, off, n)
}

func (c *tallying) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		c.pages.Add(1)
		n := 0
		for o, err := range c.Bucket.List(ctx, r) {
			if n++; n%1000 == 0 {
				c.pages.Add(1)
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// The tasks of an object's parts find out that they were the last by few
// requests each, in whatever order they end and whatever they leave to others.
func TestTheLastPartIsFoundByFewRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		n     int
		order func(n int) []int
		left  bool // each task leaves its second part to another
	}{
		"in order":                        {1000, inOrder, false},
		"in any order":                    {1000, rand.New(rand.NewPCG(1, 2)).Perm, false},
		"in any order, with what is left": {250, rand.New(rand.NewPCG(1, 2)).Perm, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := tc.n
			w := newWorld(t)
			w.start()
			led := &tallying{Bucket: w.led}
			w.config.Ledger = ledger.Open(led, w.job.Ledger.Prefix)
			w.pipe = pipeline.New(w.config)
			run := w.config.Ledger.Run(runName)
			const batch = "0-b00000"
			u := upload.Upload{Batch: batch, Shard: "0", ID: "u", PartSize: 4 << 20, PerTask: 2, Row: ledger.Row{Src: store.Object{Key: "big", Size: int64(2*n) * 4 << 20}}}
			if _, err := upload.Create(t.Context(), run, u); err != nil {
				t.Fatal(err)
			}
			tasks, finishes := 0, 0
			end := func(p upload.Parts, last bool) {
				t.Helper()
				if _, err := upload.CreateParts(t.Context(), run, batch, p); err != nil {
					t.Fatal(err)
				}
				tasks++
				next, err := w.pipe.Do(t.Context(), task.Task{Kind: task.Part, Run: runName, Shard: "0", Batch: batch, From: p.From, To: p.To})
				if err != nil {
					t.Fatal(err)
				}
				if len(next) == 1 && next[0].Kind == task.Finish {
					finishes++
				}
				if last != (finishes == 1) {
					t.Fatalf("%d of %d–%d: %d Finish tasks, last %v", tasks, p.From, p.To, finishes, last)
				}
			}
			row := func(n int) upload.PartRow {
				return upload.PartRow{Number: n, Size: 4 << 20, ETag: "e", Blocks: make([]byte, 20)}
			}
			for i, k := range tc.order(n) {
				p := upload.Parts{From: 2*k + 1, To: 2*k + 2, Done: []upload.PartRow{row(2*k + 1)}}
				if tc.left {
					p.Next = []upload.PartRange{{From: 2*k + 2, To: 2*k + 2}}
				} else {
					p.Done = append(p.Done, row(2*k+2))
				}
				end(p, i == n-1 && !tc.left)
			}
			if tc.left {
				for i, k := range tc.order(n) {
					end(upload.Parts{From: 2*k + 2, To: 2*k + 2, Done: []upload.PartRow{row(2*k + 2)}}, i == n-1)
				}
			}
			// Three reads are the task's own: of the write-off, the upload and its record.
			reads, pages := led.reads.Load()-int64(3*tasks), led.pages.Load()
			t.Logf("%d tasks: %d reads and %d pages to find the last", tasks, reads, pages)
			if reads > int64(16*tasks) || pages > int64(6*tasks) {
				t.Errorf("%d tasks took %d reads and %d pages of names, want at most 16 and 6 each", tasks, reads, pages)
			}
		})
	}
}

func inOrder(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
