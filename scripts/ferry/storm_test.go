package main

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/ledger"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

func TestAShortStormMeetsEveryFaultAndLosesNothing(t *testing.T) {
	t.Parallel()
	out, errOut, code := execute(t, nil, "demo", "--storm", "3s", "--seed", "1", "--objects", "50", "--json", "--keep", t.TempDir())
	var sum stormSummary
	if err := json.Unmarshal([]byte(out), &sum); err != nil || code != 0 || !sum.OK || sum.Seed != 1 || sum.Verified == 0 {
		t.Fatalf("exit code %d, %v, %+v\n%s", code, err, sum, errOut)
	}
	for _, k := range stormKinds() {
		if sum.Faults[k.name] == 0 || !strings.Contains(errOut, k.what) {
			t.Errorf("%d %s, want some, and a line that says so", sum.Faults[k.name], k.what)
		}
	}
}

func TestABadStormIsRefusedInASentence(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no length":            {[]string{"--storm", "0s"}, "--storm 0s: write how long it rages, as 10m"},
		"a negative length":    {[]string{"--storm", "-1m"}, "--storm -1m0s: write how long"},
		"no duration":          {[]string{"--storm", "long"}, `--storm "long": want`},
		"no seed":              {[]string{"--storm", "1s", "--seed", "x"}, `--seed "x": want a whole number from 0`},
		"a negative seed":      {[]string{"--storm", "1s", "--seed", "-1"}, `--seed "-1": want a whole number from 0`},
		"no platform":          {[]string{"--storm", "1s", "--platform", "azure"}, `--platform "azure": want process, fc or lambda`},
		"pull, which dies not": {[]string{"--storm", "1s", "--platform", "fc", "--pull"}, "leave one of them out"},
		"too few objects":      {[]string{"--storm", "1s", "--objects", "3"}, "want 50 to 100000"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errOut := new(strings.Builder), new(strings.Builder)
			code := run(t.Context(), append([]string{"demo"}, tc.args...), out, errOut)
			if code != exitUsage || !strings.Contains(errOut.String(), tc.want) || strings.Count(errOut.String(), "\n") != 1 {
				t.Errorf("exit code %d, %q, want 2 and a sentence with %q", code, errOut, tc.want)
			}
		})
	}
}

// becalmed is a storm in which nothing happens.
func becalmed(t *testing.T, platform string) *storm {
	t.Helper()
	s, err := newStorm(demoOptions{storm: time.Second, platform: platform, objects: 60, seed: 1}, show.NewTeller(io.Discard), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// counts are those of all kinds.
func (s *storm) counts() map[string]int64 {
	n := map[string]int64{}
	for _, k := range stormKinds() {
		n[k.name] = k.count(s)
	}
	return n
}

func TestEveryFaultThatTheStandInsKnowHasItsCount(t *testing.T) {
	for _, platform := range []string{inProcess, onLambda} {
		s := becalmed(t, platform)
		one := func(what string, inject func()) {
			t.Helper()
			before := s.counts()
			inject()
			rose := 0
			for name, n := range s.counts() {
				if n > before[name] && name != clockKind {
					rose++
				}
			}
			if rose != 1 {
				t.Errorf("%s: %s raises %d counts, want 1", platform, what, rose)
			}
		}
		for _, d := range s.desks() {
			for _, k := range chaos.Kinds() {
				if k != chaos.Status {
					one(string(k), func() { d.Count(k) })
				}
			}
		}
		for a := range acts {
			one("an act", func() { s.moves[0].acts[a].Add(1) })
		}
		one("a kill", func() { s.kills.Add(1) })
		bad := reflect.TypeFor[mns.Misbehaviour]()
		for i := range bad.NumField() {
			if bad.Field(i).Type.Kind() != reflect.Float64 {
				continue
			}
			var m mns.Misbehaviour
			reflect.ValueOf(&m).Elem().Field(i).SetFloat(1)
			one(bad.Field(i).Name, func() { s.disturbed(t, m) })
		}
		rules := map[int]bool{}
		for _, status := range stormStatuses {
			rules[status] = true
		}
		if len(rules) != 5 {
			t.Errorf("statuses %v, want five", stormStatuses)
		}
	}
}

// disturbed sends and receives messages while the queues misbehave so.
func (s *storm) disturbed(t *testing.T, m mns.Misbehaviour) {
	t.Helper()
	s.setQueues(m)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	if m.Refuse > 0 { // it is sent again and again
		ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
	}
	defer cancel()
	for range 2 {
		_ = s.deploy.Queue(task.Copying).Send(ctx, queue.Outgoing{Body: []byte("x")}) // it may be refused
	}
	name := demoQueues + string(task.Copying)
	for most := 1; ; most = 10 { // as many as there are, lest they be met again
		var got int
		if s.world.sqs != nil {
			messages, _ := s.world.sqs.Receive(t.Context(), name, most, 0)
			got = len(messages)
		} else {
			messages, _ := s.world.mns.Receive(t.Context(), name, most, 0)
			got = len(messages)
		}
		if got == 0 {
			break
		}
	}
	s.setQueues(mns.Misbehaviour{})
}

// perfectly has Ferry end as it must for every key of m.
func (m *stormMove) perfectly() {
	m.last.rows = nil
	for _, k := range m.keys {
		r := demoRow{key: k.Key, state: k.want.state, reason: k.want.reason}
		switch {
		case k.own != nil:
			r.state = ledger.Conflict
		case k.want.state == ledger.Copied:
			r.verdict = ledger.Verified
			_ = m.storm.world.oss.Put(m.target, oss.Object{Key: k.Key, Body: k.body})
		}
		if k.there {
			m.last.rows = append(m.last.rows, r)
		}
	}
}

func TestAStormSeesWhatIsNotAsItMustBe(t *testing.T) {
	const key = "app/mine"
	for name, tc := range map[string]struct {
		spoil func(m *stormMove, k *stormKey)
		want  string
	}{
		"all is well":      {func(*stormMove, *stormKey) {}, ""},
		"one is missing":   {func(m *stormMove, k *stormKey) { m.storm.world.oss.Remove(m.target, k.Key) }, "is not in the target"},
		"an older version": {func(m *stormMove, k *stormKey) { k.body = []byte("newer") }, "has other bytes in the target"},
		"one outlives its deletion": {func(m *stormMove, k *stormKey) {
			k.there = false
			m.last.rows = slices.DeleteFunc(m.last.rows, func(r demoRow) bool { return r.key == k.Key })
		}, "and must not be"},
		"a stranger":           {func(m *stormMove, _ *stormKey) { _ = m.storm.world.oss.Put(m.target, oss.Object{Key: "stranger"}) }, "never was in the source"},
		"no row":               {func(m *stormMove, _ *stormKey) { m.last.rows = m.last.rows[1:] }, "has a row: false"},
		"a row twice":          {func(m *stormMove, _ *stormKey) { m.last.rows = append(m.last.rows, m.last.rows[0]) }, "has two rows"},
		"a row not verified":   {func(m *stormMove, _ *stormKey) { m.last.rows[0].verdict = "" }, "is copied"},
		"the application's go": {func(m *stormMove, _ *stormKey) { m.storm.world.oss.Remove(m.target, key) }, `"app/mine" is not in the target`},
		"wrong bytes for a while": {func(m *stormMove, k *stormKey) {
			m.stored(oss.Object{Key: k.Key, Body: []byte("damaged")})
		}, "that the source never had"},
		"the application's are overwritten for a while": {func(m *stormMove, _ *stormKey) {
			m.byKey[key].sums[digest.CRC64(0, nil)] = true
			own := m.byKey[key].own
			_ = m.storm.world.oss.Put(m.target, oss.Object{Key: key})
			m.stored(oss.Object{Key: key})
			_ = m.storm.world.oss.Put(m.target, oss.Object{Key: key, Body: own})
		}, "of the application was overwritten"},
	} {
		t.Run(name, func(t *testing.T) {
			s := becalmed(t, inProcess)
			m := s.moves[0]
			if err := m.write(m.add(life.Item{Key: key}, ending{state: ledger.Copied}, false), s.dice(9)); err != nil {
				t.Fatal(err)
			}
			m.perfectly()
			i := slices.IndexFunc(m.keys, func(k *stormKey) bool { return k.want.state == ledger.Copied })
			m.last.rows[0], m.last.rows[i] = m.last.rows[i], m.last.rows[0]
			tc.spoil(m, m.keys[i])
			found, _, _ := m.check()
			if got := strings.Join(found, "\n"); (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAStormThatDoesNotEndSaysWhatItDidLast(t *testing.T) {
	s := becalmed(t, inProcess)
	var out strings.Builder
	s.tell = show.NewTeller(&out)
	s.begins("photos/20260101T000000Z")
	for i := range stormLines + 1 {
		s.log.note("step %d.", i)
	}
	sum := s.account()
	for _, want := range []string{"run photos/20260101T000000Z did not end within 5m0s of calm", "The last 50 steps:", "step 1.", "step 50."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if sum.OK || strings.Contains(out.String(), "step 0.") {
		t.Errorf("OK %v, want a failure and no step but the last", sum.OK)
	}
}

func TestARunThatNeverBeganIsNotWaitedFor(t *testing.T) {
	s := becalmed(t, inProcess)
	s.begins("photos/20260101T000000Z")
	s.awaitHalfBegun(t.Context())
	if open := s.unended(); len(open) > 0 {
		t.Errorf("%v are waited for, want none: no record of one is in the ledger", open)
	}
}
