package ledger_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestAJobIsKeptUnderItsNameWithItsKeys(t *testing.T) {
	b := mem.New(mem.OSS)
	l := ledger.Open(b, ".ferry/")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, keys := range [][]string{{"a", "b"}, {"b", "c", "d"}} { // the second in place of the first
		must(l.KeepJob(t.Context(), ledger.KeptJob{Name: "photos", Job: json.RawMessage(`{"v":1}`), At: noon}, keys))
		k, err := l.Job(t.Context(), "photos")
		must(err)
		if got, err := l.JobKeys(t.Context(), k); err != nil || !slices.Equal(got, keys) || string(k.Job) != `{"v":1}` {
			t.Errorf("kept are %s with the keys %q, %v, want %q", k.Job, got, err, keys)
		}
	}
	must(l.KeepJob(t.Context(), ledger.KeptJob{Name: "avatars", Job: json.RawMessage(`{}`)}, nil))
	if _, err := l.Seal(t.Context(), "photos", noon); err != nil {
		t.Fatal(err)
	}
	if names, err := l.Jobs(t.Context()); err != nil || !slices.Equal(names, []string{"avatars", "photos"}) {
		t.Errorf("the jobs are %q, %v, want both, and no seal for one", names, err)
	}
	for range 2 { // removing is idempotent
		must(l.DropJob(t.Context(), "photos"))
	}
	if _, err := l.Job(t.Context(), "photos"); !ledger.Missing(err) {
		t.Errorf("a job that was removed: %v, want not_found", err)
	}
	if got := b.Keys(); !slices.Equal(got, []string{".ferry/jobs/avatars.json", ".ferry/jobs/photos.sealed"}) {
		t.Errorf("left are %q, want the other job and the seal", got)
	}
}

func TestTheFirstSealStands(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), "")
	if _, sealed, err := l.Sealed(t.Context(), "photos"); sealed || err != nil {
		t.Errorf("sealed %v, %v before anybody did", sealed, err)
	}
	for i := range 2 {
		since, err := l.Seal(t.Context(), "photos", noon.Add(time.Duration(i)*time.Hour))
		if err != nil || !since.Equal(noon) {
			t.Errorf("sealed since %s, %v, want %s", since, err, noon)
		}
	}
}

func TestHowARunStandsIsToldByWhatIsThere(t *testing.T) {
	report := func(r *ledger.Run) error { _, err := r.Finish(t.Context(), []byte("{}")); return err }
	steer := func(s ledger.Standing) func(*ledger.Ledger, *ledger.Run) error {
		return func(_ *ledger.Ledger, r *ledger.Run) error { return r.Steer(t.Context(), s, noon) }
	}
	seal := func(l *ledger.Ledger, _ *ledger.Run) error { _, err := l.Seal(t.Context(), "j", noon); return err }
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
			if got, _, err := run.Standing(t.Context()); got != tc.want || got.Stopped() != tc.stopped || err != nil {
				t.Errorf("it stands %q (stopped %v), %v, want %q", got, got.Stopped(), err, tc.want)
			}
		})
	}
}

func TestTheNewestRunIsFoundHoweverOldItIs(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), ".ferry/")
	if got, err := l.Newest(t.Context(), "j", noon); got != "" || err != nil {
		t.Errorf("the newest of none is %q, %v", got, err)
	}
	for _, age := range []time.Duration{1000 * 24 * time.Hour, 24 * time.Hour, 30 * time.Minute, -time.Minute} {
		name := "j/" + noon.Add(-age).Format(ledger.RunTime)
		for _, file := range []string{name, "other/" + noon.Format(ledger.RunTime), "j-2/" + noon.Format(ledger.RunTime)} {
			if _, err := l.Run(file).Start(t.Context(), ledger.Started{Job: []byte(`{}`)}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := l.Newest(t.Context(), "j", noon); got != name || err != nil {
			t.Errorf("the newest is %q, %v, want %q", got, err, name)
		}
	}
}

func TestOneTickIsSkippedOnceAndOneStallNotedOnce(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), ".ferry/")
	for i := range 3 {
		for _, why := range []string{"the first", "delivered again"} {
			if err := l.Skip(t.Context(), ledger.Skip{Job: "j", At: noon.Add(time.Duration(i) * time.Hour), Why: why}); err != nil {
				t.Fatal(err)
			}
		}
	}
	skips, err := l.Skips(t.Context(), "j", noon)
	if err != nil || len(skips) != 2 || skips[0].Why != "the first" || !skips[1].At.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("skipped after the first are %+v, %v, want two, each as first told", skips, err)
	}
	run := l.Run("j/1")
	var firsts []bool
	for _, since := range []time.Duration{0, 0, time.Hour} {
		first, err := run.Stall(t.Context(), noon.Add(since), noon.Add(since+20*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		firsts = append(firsts, first)
	}
	if fmt.Sprint(firsts) != "[true false true]" {
		t.Errorf("noted first: %v, want once for each stall", firsts)
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
	must(run.Start(t.Context(), ledger.Started{Job: []byte(`{}`), Root: ledger.ShardRef{Shard: "0"}}))
	again := ledger.AgainShard("0")
	must(run.Close(t.Context(), ledger.Closed{Shard: "0", Batches: []ledger.BatchRef{ref("0-a00000"), ref("0-a00001")}, Children: []ledger.ShardRef{{Shard: "b", Range: store.Range{After: "m"}}}}))
	must(run.Close(t.Context(), ledger.Closed{Shard: "b", Batches: []ledger.BatchRef{ref("b-a00000")}, Deletes: []ledger.BatchRef{ref("b-ax0000")}}))
	must(nil, run.Seal(t.Context(), "b-a00000.1aaaaaaaa", rows))
	must(run.WriteOff(t.Context(), "b-a00000", ledger.WriteOff{Rest: []ledger.BatchRef{ref("b-a00000.1aaaaaaaa")}}))
	must(run.WriteOff(t.Context(), "0-a00000", ledger.WriteOff{Rows: rows}))
	must(run.WriteOff(t.Context(), "0-a00001", ledger.WriteOff{Rows: rows}))
	next := ledger.Closed{Shard: again, Batches: []ledger.BatchRef{ref(again + "-a00000")}}
	closed, err := run.Closed(t.Context(), "0")
	must(nil, err)
	must(run.Prove(t.Context(), ledger.Proved{Shard: "0", Next: &next, Was: closed.Was()}))
	for name, look := range map[string]func() (ledger.Progress, error){
		"Walk":   func() (ledger.Progress, error) { return run.Walk(t.Context()) },
		"Glance": func() (ledger.Progress, error) { return run.Glance(t.Context()) },
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
