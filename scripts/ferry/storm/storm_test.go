package storm

import (
	"context"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/ledger"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

// becalmed is a storm in which nothing happens.
func becalmed(t *testing.T, platform string) *storm {
	t.Helper()
	s, err := newStorm(Options{Length: time.Second, Objects: 60, Dir: t.TempDir(), StandIns: standins.Options{Platform: platform, Seed: 1}}, show.NewTeller(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// counts are those of all kinds.
func (s *storm) counts() map[string]int64 {
	n := map[string]int64{}
	for _, k := range Kinds() {
		n[k.Name] = k.count(s)
	}
	return n
}

func TestEveryFaultThatTheStandInsKnowHasItsCount(t *testing.T) {
	for _, platform := range []string{standins.InProcess, standins.Lambda} {
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
		for _, d := range s.faults.desks() {
			for _, k := range chaos.Kinds() {
				if k != chaos.Status {
					one(string(k), func() { d.Count(k) })
				}
			}
		}
		for a := range acts {
			one("an act", func() { s.moves[0].acts[a].Add(1) })
		}
		one("a kill", func() { s.faults.kills.Add(1) })
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
		for _, status := range statuses {
			rules[status] = true
		}
		if len(rules) != 5 {
			t.Errorf("statuses %v, want five", statuses)
		}
	}
}

// disturbed sends and receives messages while the queues misbehave so.
func (s *storm) disturbed(t *testing.T, m mns.Misbehaviour) {
	t.Helper()
	s.faults.setQueues(m)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	if m.Refuse > 0 { // it is sent again and again
		ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
	}
	defer cancel()
	for range 2 {
		_ = s.deploy.Queue(task.Copying).Send(ctx, queue.Outgoing{Body: []byte("x")}) // it may be refused
	}
	name := standins.Queues + string(task.Copying)
	for most := 1; ; most = 10 { // as many as there are, lest they be met again
		var got int
		if s.clouds.SQS != nil {
			messages, _ := s.clouds.SQS.Receive(t.Context(), name, most, 0)
			got = len(messages)
		} else {
			messages, _ := s.clouds.MNS.Receive(t.Context(), name, most, 0)
			got = len(messages)
		}
		if got == 0 {
			break
		}
	}
	s.faults.setQueues(mns.Misbehaviour{})
}

// perfectly has Ferry end as it must for every key of m.
func (m *move) perfectly() {
	m.last.Rows = nil
	for _, k := range m.keys {
		r := outcome.Row{Key: k.Key, State: k.want.State, Reason: k.want.Reason}
		switch {
		case k.own != nil:
			r.State = ledger.Conflict
		case k.want.State == ledger.Copied:
			r.Verdict = ledger.Verified
			_ = m.storm.clouds.OSS.Put(m.target, oss.Object{Key: k.Key, Body: k.body})
		}
		if k.there {
			m.last.Rows = append(m.last.Rows, r)
		}
	}
}

func TestAStormSeesWhatIsNotAsItMustBe(t *testing.T) {
	const key = "app/mine"
	for name, tc := range map[string]struct {
		spoil func(m *move, k *object)
		want  string
	}{
		"all is well":      {func(*move, *object) {}, ""},
		"one is missing":   {func(m *move, k *object) { m.storm.clouds.OSS.Remove(m.target, k.Key) }, "is not in the target"},
		"an older version": {func(m *move, k *object) { k.body = []byte("newer") }, "has other bytes in the target"},
		"one outlives its deletion": {func(m *move, k *object) {
			k.there = false
			m.last.Rows = slices.DeleteFunc(m.last.Rows, func(r outcome.Row) bool { return r.Key == k.Key })
		}, "and must not be"},
		"a stranger":           {func(m *move, _ *object) { _ = m.storm.clouds.OSS.Put(m.target, oss.Object{Key: "stranger"}) }, "never was in the source"},
		"no row":               {func(m *move, _ *object) { m.last.Rows = m.last.Rows[1:] }, "has a row: false"},
		"a row twice":          {func(m *move, _ *object) { m.last.Rows = append(m.last.Rows, m.last.Rows[0]) }, "has two rows"},
		"a row not verified":   {func(m *move, _ *object) { m.last.Rows[0].Verdict = "" }, "is copied"},
		"the application's go": {func(m *move, _ *object) { m.storm.clouds.OSS.Remove(m.target, key) }, `"app/mine" is not in the target`},
		"wrong bytes for a while": {func(m *move, k *object) {
			m.stored(oss.Object{Key: k.Key, Body: []byte("damaged")})
		}, "that the source never had"},
		"the application's are overwritten for a while": {func(m *move, _ *object) {
			m.byKey[key].sums[digest.CRC64(0, nil)] = true
			own := m.byKey[key].own
			_ = m.storm.clouds.OSS.Put(m.target, oss.Object{Key: key})
			m.stored(oss.Object{Key: key})
			_ = m.storm.clouds.OSS.Put(m.target, oss.Object{Key: key, Body: own})
		}, "of the application was overwritten"},
	} {
		t.Run(name, func(t *testing.T) {
			s := becalmed(t, standins.InProcess)
			m := s.moves[0]
			if err := m.write(m.add(life.Item{Key: key}, outcome.Ending{State: ledger.Copied}, false), s.dice(9)); err != nil {
				t.Fatal(err)
			}
			m.perfectly()
			i := slices.IndexFunc(m.keys, func(k *object) bool { return k.want.State == ledger.Copied })
			m.last.Rows[0], m.last.Rows[i] = m.last.Rows[i], m.last.Rows[0]
			tc.spoil(m, m.keys[i])
			found, _, _ := m.check()
			if got := strings.Join(found, "\n"); (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAStormThatDoesNotEndSaysWhatItDidLast(t *testing.T) {
	s := becalmed(t, standins.InProcess)
	var out strings.Builder
	s.tell = show.NewTeller(&out)
	s.runs.begins("photos/20260101T000000Z")
	for i := range keptLines + 1 {
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
	s := becalmed(t, standins.InProcess)
	s.runs.begins("photos/20260101T000000Z")
	s.runs.awaitHalfBegun(t.Context())
	if open := s.runs.unended(); len(open) > 0 {
		t.Errorf("%v are waited for, want none: no record of one is in the ledger", open)
	}
}
