package ledger

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"kodoferry/shared/ledger/timeline"
	"kodoferry/shared/store"
)

// life is n rows of every state, class and size, over some time.
func life(r *rand.Rand, n int, over time.Duration) []Row {
	begin := time.Date(2026, 3, 1, 23, 59, 30, 0, time.UTC)
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{Src: store.Object{Size: r.Int64() >> r.IntN(63), Class: store.Class([]string{"", "standard", "ia", "GLACIER_OF_OURS"}[r.IntN(4)])}, State: Finals[r.IntN(len(Finals))]}
		if r.IntN(10) > 0 {
			rows[i].At = begin.Add(time.Duration(r.Int64N(int64(over))))
		}
	}
	return rows
}

func TestAProfileIsTheSameHoweverItsRowsAreDivided(t *testing.T) {
	for name, over := range map[string]time.Duration{"a second": time.Second, "some minutes": 7 * time.Minute, "a day": 24 * time.Hour, "years": 9 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			rows := life(r, 5000, over)
			var whole Profile
			for _, row := range rows {
				whole.Count(row)
			}
			parts := make([]Profile, 13)
			for _, row := range rows {
				parts[r.IntN(len(parts))].Count(row)
			}
			var sum Profile
			for _, i := range r.Perm(len(parts)) {
				var read Profile // as it comes out of a record
				if data, err := json.Marshal(parts[i]); err != nil || json.Unmarshal(data, &read) != nil {
					t.Fatal(err)
				}
				sum.Add(&read)
			}
			if !reflect.DeepEqual(sum, whole) {
				t.Errorf("the sum of parts is %+v, the whole %+v", sum, whole)
			}
			written, dated := Tally{}, Tally{}
			for _, row := range rows {
				if row.State.Wrote() && !row.At.IsZero() {
					dated.Add(1, row.Src.Size)
				}
			}
			for _, tick := range whole.Times.Ticks {
				written.Add(tick.Objects, tick.Bytes)
			}
			if written != dated {
				t.Errorf("the timeline has %+v, the rows %+v", written, dated)
			}
			if n := len(whole.Times.Ticks); n > timeline.MaxTicks {
				t.Errorf("%d stretches, want at most %d", n, timeline.MaxTicks)
			}
		})
	}
}

func TestADamagedProfileBreaksNoBound(t *testing.T) {
	for name, times := range map[string]timeline.Timeline{
		"a width that is none":     {From: 0, Each: 7, Ticks: []timeline.Tick{{Failed: 1}}},
		"no width":                 {From: 0, Each: 0, Ticks: []timeline.Tick{{Failed: 1}}},
		"a time before all time":   {From: math.MinInt64, Each: 1, Ticks: []timeline.Tick{{Failed: 1}}},
		"a time behind all time":   {From: math.MaxInt64, Each: 1, Ticks: []timeline.Tick{{Failed: 1}}},
		"more stretches than told": {From: 0, Each: 1, Ticks: make([]timeline.Tick, timeline.MaxTicks+1)},
	} {
		t.Run(name, func(t *testing.T) {
			var p Profile
			p.Count(Row{State: Failed, At: time.Unix(1_700_000_000, 0)})
			p.Add(&Profile{Sizes: make([]Tally, 5000), Classes: map[ClassName]Tally{"x": {1, 1}, "y": {1, 1}}, Times: times})
			if len(p.Sizes) > 64 || len(p.Times.Ticks) != 1 || p.Classes[OtherClass] != (Tally{2, 2}) {
				t.Errorf("it became %d sizes, %d stretches, %v", len(p.Sizes), len(p.Times.Ticks), p.Classes)
			}
		})
	}
}

func TestAProfileIsAsLargeAsItsCommentSays(t *testing.T) {
	var p Profile
	for i := range int64(timeline.MaxTicks) {
		p.Count(Row{Src: store.Object{Size: math.MaxInt64 >> (i % 64)}, State: Copied, At: time.Unix(1_700_000_000+i, 0)})
	}
	data, err := json.Marshal(p)
	if err != nil || len(data) > 10<<10 {
		t.Errorf("%d bytes (%v), want some 8 KiB", len(data), err)
	}
}
