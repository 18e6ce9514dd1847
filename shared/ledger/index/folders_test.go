package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/ledgertest"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// TestRunsAreFoundWithinFewRequests has a job of so many runs, and counts the requests and how
// many of them wait for another.
func TestRunsAreFoundWithinFewRequests(t *testing.T) {
	every := func(n int, d time.Duration, before ...time.Duration) (ago []time.Duration) {
		for i := range n {
			ago = append(ago, time.Duration(i)*d+time.Minute)
		}
		return append(ago, before...)
	}
	all := func(ctx context.Context, l *ledger.Ledger) ([]string, error) { return Runs(ctx, l, "j") }
	newest := func(ctx context.Context, l *ledger.Ledger) ([]string, error) {
		run, err := Newest(ctx, l, "j", time.Now())
		return []string{run}, err
	}
	for name, tc := range map[string]struct {
		ago          []time.Duration
		list         func(context.Context, *ledger.Ledger) ([]string, error)
		asked, inRow int64
		most         int // how many names there may be; 0: all
	}{
		"none":           {nil, all, 1, 1, 0},
		"a few":          {every(3, time.Hour), all, 1, 1, 0},
		"a year of days": {every(365, 24*time.Hour), all, 1, 1, 0},
		"a year of days, and a week of minutes long before": {append(every(365, 24*time.Hour), func() (ago []time.Duration) {
			for i := range 500 {
				ago = append(ago, 9000*time.Hour+time.Duration(i)*10*time.Minute)
			}
			return ago
		}()...), all, 1, 1, 0},
		"in one second's neighbourhood":         {every(40, time.Second), all, 1, 1, 0},
		"dated ahead by a clock that was wrong": {every(30, time.Hour, -48*time.Hour, -72*time.Hour), all, 1, 1, 0},
		"a year of hours":                       {every(8760, time.Hour), all, 9, 9, 0},
		"the newest of a year of days":          {every(365, 24*time.Hour), newest, 2, 1, 1},
		"the newest of a year of hours":         {every(8760, time.Hour), newest, 3, 1, 1},
		"the newest of hours, after a weekend":  {every(8760, time.Hour)[63:], newest, 5, 2, 1},
		"the newest of hours, after a month":    {every(8760, time.Hour)[27*24:], newest, 7, 3, 1},
		"the newest, of months ago":             {every(100, 24*time.Hour, 0)[60:61], newest, 3, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &ledgertest.Distant{Bucket: mem.New(mem.OSS), Trip: time.Second}
				l := ledger.Open(d, ".ferry/")
				time.Sleep(300 * 24 * time.Hour)
				var want []string
				for _, ago := range tc.ago {
					run := "j/" + time.Now().Add(-ago).UTC().Format(ledger.RunTime)
					want = append(want, run)
					for _, file := range []string{"closed/0", "job.json"} {
						if _, err := d.Bucket.Put(t.Context(), store.Object{Key: ".ferry/runs/" + run + "/" + file}, nil, store.Put{}); err != nil {
							t.Fatal(err)
						}
					}
				}
				if _, err := d.Bucket.Put(t.Context(), store.Object{Key: ".ferry/runs/j2/20000101T000000Z/job.json"}, strings.NewReader(""), store.Put{}); err != nil {
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
				t.Logf("%d requests, %d in a row", d.Requests.Load(), row)
				if row > tc.inRow || d.Requests.Load() > tc.asked {
					t.Errorf("%d requests, %d of them in a row; want at most %d and %d", d.Requests.Load(), row, tc.asked, tc.inRow)
				}
			})
		})
	}
}

// TestJobsAreToldInOrderAThousandARequest, each once, however much lies below it, and what is no
// folder as well.
func TestJobsAreToldInOrderAThousandARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &ledgertest.Distant{Bucket: mem.New(mem.OSS), Trip: time.Second}
		put := func(key string) {
			t.Helper()
			if _, err := d.Bucket.Put(t.Context(), store.Object{Key: ".ferry/runs/" + key}, nil, store.Put{}); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"a", "a-b", "b", "odd"}
		for _, key := range []string{"a/20260101T000000Z/job.json", "a/20260101T000000Z/report.json", "a-b/20260101T000000Z/job.json", "b/x", "b", "odd"} {
			put(key)
		}
		for i := range 2100 {
			want = append(want, fmt.Sprintf("photos-%04d", i))
			put(want[len(want)-1] + "/20260101T000000Z/job.json")
		}
		if got, err := Ran(t.Context(), ledger.Open(d, ".ferry/")); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d jobs, %v, want %d", len(got), err, len(want))
		}
		if n := d.Requests.Load(); n > 3 {
			t.Errorf("it took %d requests, want 3", n)
		}
	})
}

// TestASearchOfRunsGoesOnBehindTheOneItEndedAt and loses none: of a job after the other, of
// events as well.
func TestASearchOfRunsGoesOnBehindTheOneItEndedAt(t *testing.T) {
	b := mem.New(mem.OSS)
	all := []string{"a/20260101-2", "a/20260101", "a/20260101T000000Z", "a-b/20260101T000000Z", "a-b/20260102T000000Z", "b/20260101T000000Z"}
	for _, run := range all {
		for _, file := range []string{"job.json", "closed/0"} {
			if _, err := b.Put(t.Context(), store.Object{Key: ".ferry/runs/" + run + "/" + file}, nil, store.Put{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for most := 1; most <= len(all)+1; most++ {
		var got []string
		for after, more := "", true; more; {
			some, err := runsBehind(t.Context(), ledger.Open(b, ".ferry/"), after, most)
			if err != nil {
				t.Fatal(err)
			}
			if more = len(some) == most; more {
				after = some[most-1]
			}
			got = append(got, some...)
		}
		if !slices.Equal(got, all) {
			t.Errorf("%d at a time, %q are found, want %q", most, got, all)
		}
	}
}
