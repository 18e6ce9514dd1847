package ledger_test

import (
	"reflect"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestTheFirstSealStands(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), "")
	if _, sealed, err := l.ReadSeal(t.Context(), "photos"); sealed || err != nil {
		t.Errorf("sealed %v, %v before anybody did", sealed, err)
	}
	for i := range 2 {
		since, err := l.CreateSeal(t.Context(), "photos", noon.Add(time.Duration(i)*time.Hour))
		if err != nil || !since.Equal(noon) {
			t.Errorf("sealed since %s, %v, want %s", since, err, noon)
		}
	}
}

func TestHowARunStandsIsToldByWhatIsThere(t *testing.T) {
	report := func(r *ledger.Run) error { _, err := r.Results().CreateReport(t.Context(), []byte("{}")); return err }
	steer := func(s ledger.Standing) func(*ledger.Ledger, *ledger.Run) error {
		return func(_ *ledger.Ledger, r *ledger.Run) error { return r.Steering().WriteStanding(t.Context(), s, noon) }
	}
	seal := func(l *ledger.Ledger, _ *ledger.Run) error {
		_, err := l.CreateSeal(t.Context(), "j", noon)
		return err
	}
	over := func(_ *ledger.Ledger, r *ledger.Run) error { return report(r) }
	for name, tc := range map[string]struct {
		done    []func(*ledger.Ledger, *ledger.Run) error
		want    ledger.Standing
		stopped bool
	}{
		"nothing was said":              {nil, ledger.Going, false},
		"paused":                        {[]func(*ledger.Ledger, *ledger.Run) error{steer(ledger.Paused)}, ledger.Paused, true},
		"paused, then resumed":          {[]func(*ledger.Ledger, *ledger.Run) error{steer(ledger.Paused), steer(ledger.Going)}, ledger.Going, false},
		"being resumed":                 {[]func(*ledger.Ledger, *ledger.Run) error{steer(ledger.Resuming)}, ledger.Resuming, false},
		"cancelled":                     {[]func(*ledger.Ledger, *ledger.Run) error{steer(ledger.Cancelled)}, ledger.Cancelled, true},
		"its job was sealed":            {[]func(*ledger.Ledger, *ledger.Run) error{seal}, ledger.Sealed, true},
		"paused, and its job sealed":    {[]func(*ledger.Ledger, *ledger.Run) error{steer(ledger.Paused), seal}, ledger.Sealed, true},
		"over":                          {[]func(*ledger.Ledger, *ledger.Run) error{over}, ledger.Over, true},
		"cancelled, and the report out": {[]func(*ledger.Ledger, *ledger.Run) error{steer(ledger.Cancelled), seal, over}, ledger.Over, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledger.Open(mem.New(mem.OSS), ".ferry/")
			run := l.Run("j/20260101T000000Z")
			for _, do := range tc.done {
				if err := do(l, run); err != nil {
					t.Fatal(err)
				}
			}
			if got, _, err := run.Steering().ReadStanding(t.Context()); got != tc.want || got.Stopped() != tc.stopped || err != nil {
				t.Errorf("it stands %q (stopped %v), %v, want %q", got, got.Stopped(), err, tc.want)
			}
		})
	}
}

func TestTheNewestRunIsFoundHoweverOldItIs(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), ".ferry/")
	if got, err := index.Newest(t.Context(), l, "j", noon); got != "" || err != nil {
		t.Errorf("the newest of none is %q, %v", got, err)
	}
	for _, age := range []time.Duration{1000 * 24 * time.Hour, 24 * time.Hour, 30 * time.Minute, -time.Minute} {
		name := "j/" + noon.Add(-age).Format(ledger.RunTime)
		for _, file := range []string{name, "other/" + noon.Format(ledger.RunTime), "j-2/" + noon.Format(ledger.RunTime)} {
			if _, err := l.Run(file).CreateStarted(t.Context(), ledger.Started{Job: []byte(`{}`)}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := index.Newest(t.Context(), l, "j", noon); got != name || err != nil {
			t.Errorf("the newest is %q, %v, want %q", got, err, name)
		}
	}
}

func TestAWalkFollowsRetriesAndWhatWasSealedAgain(t *testing.T) {
	run := ledger.Open(mem.New(mem.OSS), ".ferry/").Run("j/1")
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	rows := []ledger.Row{{Src: store.Object{Key: "a"}, State: ledger.Pending}}
	ref := func(id string) ledger.BatchRef {
		return ledger.BatchRef{ID: id, First: "a", Last: "a", Rows: 1, Pending: 1}
	}
	must(run.CreateStarted(t.Context(), ledger.Started{Job: []byte(`{}`), Root: ledger.ShardRef{Shard: "0"}}))
	again := ledger.AgainShard("0")
	must(run.Shards().CreateListed(t.Context(), ledger.Closed{Shard: "0", Batches: []ledger.BatchRef{ref("0-a00000"), ref("0-a00001")}, Children: []ledger.ShardRef{{Shard: "b", Range: store.Range{After: "m"}}}}))
	must(run.Shards().CreateListed(t.Context(), ledger.Closed{Shard: "b", Batches: []ledger.BatchRef{ref("b-a00000")}, Deletes: []ledger.BatchRef{ref("b-ax0000")}}))
	must(nil, run.Batches().WriteRows(t.Context(), "b-a00000.1aaaaaaaa", rows))
	must(run.Batches().CreateWriteOff(t.Context(), "b-a00000", ledger.WriteOff{Rest: []ledger.BatchRef{ref("b-a00000.1aaaaaaaa")}}))
	must(run.Batches().CreateWriteOff(t.Context(), "0-a00000", ledger.WriteOff{Rows: rows}))
	must(run.Batches().CreateWriteOff(t.Context(), "0-a00001", ledger.WriteOff{Rows: rows}))
	next := ledger.Closed{Shard: again, Batches: []ledger.BatchRef{ref(again + "-a00000")}}
	closed, err := run.Shards().ReadListed(t.Context(), "0")
	must(nil, err)
	must(run.Shards().CreateVerified(t.Context(), ledger.Proved{Shard: "0", Next: &next, Was: closed.Was()}))
	for name, look := range map[string]func() (progress.Run, error){
		"Walk":   func() (progress.Run, error) { return progress.Walk(t.Context(), run) },
		"Glance": func() (progress.Run, error) { return progress.Glance(t.Context(), run) },
	} {
		p, err := look()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range p.Shards {
			for _, b := range append(s.Open, s.Extra...) {
				got = append(got, b.ID)
			}
		}
		want := []string{again + "-a00000", "b-a00000.1aaaaaaaa", "b-ax0000"}
		if !reflect.DeepEqual(got, want) || len(p.Shards) != 3 || p.Shards[0].Sealed.Batches != 2 {
			t.Errorf("%s: open are %q in %d shards, want %q in 3", name, got, len(p.Shards), want)
		}
	}
}
func TestTheLastWriterOfTheLimitsWins(t *testing.T) {
	run := open(mem.New(mem.OSS))
	if _, err := run.Steering().ReadLimits(t.Context()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("limits that nobody wrote: %v, want not_found", err)
	}
	for _, l := range []string{`{"requests":1}`, `{"requests":2}`} {
		if err := run.Steering().WriteLimits(t.Context(), []byte(l), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := run.Steering().ReadLimits(t.Context()); string(got) != `{"requests":2}` || err != nil {
		t.Errorf("the limits are %s, %v, want those written last", got, err)
	}
}
