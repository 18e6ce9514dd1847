package index

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// distant is a bucket each of whose pages takes a second to come, and which counts them.
type distant struct {
	*mem.Bucket
	asked atomic.Int64
}

func (d *distant) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	d.asked.Add(1)
	time.Sleep(time.Second)
	return d.Bucket.List(ctx, r)
}

// TestRunsAreSoughtSideBySide has a job of so many runs, and counts the requests and how many
// of them wait for another.
func TestRunsAreSoughtSideBySide(t *testing.T) {
	every := func(n int, d time.Duration, before ...time.Duration) (ago []time.Duration) {
		for i := range n {
			ago = append(ago, time.Duration(i)*d+time.Minute)
		}
		return append(ago, before...)
	}
	all := func(ctx context.Context, l *ledger.Ledger) ([]string, error) { return Runs(ctx, l, "j") }
	newest := func(ctx context.Context, l *ledger.Ledger) ([]string, error) {
		return LatestOrdinary(ctx, l, "j", time.Now(), 1)
	}
	for name, tc := range map[string]struct {
		ago          []time.Duration
		list         func(context.Context, *ledger.Ledger) ([]string, error)
		asked, inRow int64
		most         int // how many names there may be; 0: all
	}{
		"none":           {nil, all, 1, 1, 0},
		"a few":          {every(3, time.Hour), all, 4, 4, 0},
		"a year of days": {every(365, 24*time.Hour), all, 400, 30, 0},
		"a year of days, and a week of minutes long before": {append(every(365, 24*time.Hour), func() (ago []time.Duration) {
			for i := range 500 {
				ago = append(ago, 9000*time.Hour+time.Duration(i)*10*time.Minute)
			}
			return ago
		}()...), all, 1500, 100, 0},
		"in one second's neighbourhood":         {every(40, time.Second), all, 80, 12, 0},
		"dated ahead by a clock that was wrong": {every(30, time.Hour, -48*time.Hour, -72*time.Hour), all, 60, 12, 0},
		"the newest of a year of days":          {every(365, 24*time.Hour), newest, 2, 2, 1},
		"the newest of a year of hours":         {every(2000, time.Hour), newest, 2, 2, 1},
		"the newest, of months ago":             {every(100, 24*time.Hour, 0)[60:61], newest, 5, 5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &distant{Bucket: mem.New(mem.OSS)}
				l := ledger.Open(d, ".ferry/")
				time.Sleep(300 * 24 * time.Hour)
				var want []string
				for _, ago := range tc.ago {
					run := "j/" + time.Now().Add(-ago).UTC().Format(ledger.RunTime)
					want = append(want, run)
					for _, file := range []string{"closed/0", "job.json"} {
						if _, err := d.Put(t.Context(), store.Object{Key: ".ferry/runs/" + run + "/" + file}, nil, store.Put{}); err != nil {
							t.Fatal(err)
						}
					}
				}
				if _, err := d.Put(t.Context(), store.Object{Key: ".ferry/runs/j2/20000101T000000Z/job.json"}, strings.NewReader(""), store.Put{}); err != nil {
					t.Fatal(err)
				}
				slices.Sort(want)
				if tc.most > 0 {
					want = want[len(want)-tc.most:]
				}
				begun := time.Now()
				got, err := tc.list(t.Context(), l)
				if err != nil || !slices.Equal(got, want) {
					t.Fatalf("%d runs, %v, want %d", len(got), err, len(want))
				}
				row := int64(time.Since(begun) / time.Second)
				t.Logf("%d requests, %d in a row", d.asked.Load(), row)
				if row > tc.inRow || d.asked.Load() > tc.asked {
					t.Errorf("%d requests, %d of them in a row; want at most %d and %d", d.asked.Load(), row, tc.asked, tc.inRow)
				}
			})
		})
	}
}
