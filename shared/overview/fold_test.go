package overview_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/ledgertest"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/ledger/timeline"
	"kodoferry/shared/overview"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// standing is a run in an empty ledger whose clock, and that of who looks, is now.
type standing struct {
	t   *testing.T
	now time.Time
	b   *mem.Bucket
	l   *ledger.Ledger
	run *ledger.Run
}

func begun(t *testing.T, deployed bool) *standing {
	t.Helper()
	s := &standing{t: t, now: noon, b: mem.New(mem.OSS)}
	s.b.Now = func() time.Time { return s.now }
	s.l = ledger.Open(s.b, ".ferry/")
	s.run = s.l.Run("photos/20260301T115000Z")
	_, err := s.run.CreateStarted(t.Context(), ledger.Started{Job: ledgertest.Job(t), At: noon.Add(-10 * time.Minute), Root: ledger.ShardRef{Shard: ledger.RootShard}, Deployed: deployed})
	s.must(err)
	return s
}

func (s *standing) must(errs ...error) {
	s.t.Helper()
	for _, err := range errs {
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// closed lists a shard of so many batches of ten objects, 100 bytes in all.
func (s *standing) closed(shard, after, upTo string, batches int, children ...ledger.ShardRef) {
	s.t.Helper()
	c := ledger.Closed{Shard: shard, Range: store.Range{After: after, UpTo: upTo}, Children: children, At: s.now}
	for i := range batches {
		c.Batches = append(c.Batches, ledger.BatchRef{ID: batch(shard, i), Rows: 10, Pending: 10, Bytes: 100})
	}
	c.Counts.Listed = ledger.Tally{Objects: int64(10 * batches), Bytes: int64(100 * batches)}
	_, err := s.run.Shards().CreateListed(s.t.Context(), c)
	s.must(err)
}

func batch(shard string, i int) string { return shard + "-aaaaaaaa0000" + string(rune('0'+i)) }

func (s *standing) writeOff(shard string, i int, rest ...ledger.BatchRef) {
	s.t.Helper()
	_, err := s.run.Batches().CreateWriteOff(s.t.Context(), batch(shard, i), ledger.WriteOff{Rest: rest})
	s.must(err)
}

func (s *standing) look() overview.Overview {
	s.t.Helper()
	o, err := overview.NewViewer(s.run, overview.Options{Now: func() time.Time { return s.now }}).Overview(s.t.Context())
	s.must(err)
	return o
}

func TestWhatBecameOfEachShardIsAddedUp(t *testing.T) {
	s := begun(t, false)
	ref := func(name, after string) ledger.ShardRef {
		return ledger.ShardRef{Shard: name, Range: store.Range{After: after}}
	}
	s.closed(ledger.RootShard, "", "b", 3, ref("s1", "b"), ref("s2", "m"), ref("s3", "p"), ref("s4", "x"))
	s.closed("s1", "b", "m", 2)
	s.closed("s2", "m", "p", 1)
	_, err := s.run.Shards().CreateListed(t.Context(), ledger.Closed{Shard: "s3", Range: store.Range{After: "p", UpTo: "x"}, Failed: "asked 15 times"})
	s.must(err)
	for i := range 3 {
		s.writeOff(ledger.RootShard, i)
	}
	// Of s1 one batch is handed on in part, and one is open.
	rest := ledger.BatchRef{ID: batch("s1", 0) + ".1bbbbbbbb", Rows: 4, Pending: 4, Bytes: 40}
	s.must(s.run.Batches().WriteRows(t.Context(), rest.ID, []ledger.Row{{Src: store.Object{Key: "c"}, State: ledger.Pending}}))
	s.writeOff("s1", 0, rest)
	all := ledger.Tally{Objects: 30, Bytes: 300}
	profile := ledger.Profile{}
	profile.Times.Count(noon.Add(-2*time.Minute), timeline.Tick{Objects: 28, Bytes: 280, Failed: 2, Throttled: 3})
	_, err = s.run.Shards().CreateVerified(t.Context(), ledger.Proved{
		Shard: ledger.RootShard, Profile: &profile,
		Counts: ledger.Counts{Listed: all, States: map[ledger.State]ledger.Tally{ledger.Copied: {Objects: 28, Bytes: 280}, ledger.Failed: {Objects: 2, Bytes: 20}}, Verdicts: map[ledger.Verdict]ledger.Tally{ledger.Verified: {Objects: 28, Bytes: 280}}},
		Failures: []ledger.Failure{
			{Key: "a1", State: ledger.Failed, Cause: "the source does not serve it; see to it", Reason: "the source does not serve it: 500; see to it"},
			{Key: "a2", State: ledger.Failed, Cause: "the source does not serve it; see to it", Reason: "the source does not serve it: 500; see to it"},
		},
	})
	s.must(err)
	o := s.look()
	c := o.Counts
	if c.Listed.Objects != 60 || c.ToCopy.Objects != 60 || c.Open != (ledger.Tally{Objects: 4 + 10 + 10, Bytes: 40 + 100 + 100}) || c.Ended.Objects != 36 || c.Verified.Objects != 28 || c.Checked.Objects != 30 || c.Failed.Objects != 2 {
		t.Errorf("counts %+v, want 60 listed, 36 ended, the rest of a batch and two whole ones open", c)
	}
	if o.State != overview.Listing || !o.Exact || o.Shards != (overview.Shards{Known: 5, Listed: 4, Verified: 1, GivenUp: 1}) {
		t.Errorf("%s, exact %v, %+v, want listing, with one of five shards to list", o.State, o.Exact, o.Shards)
	}
	var how []overview.Progress
	for _, p := range o.Space {
		how = append(how, p.Progress)
	}
	if want := []overview.Progress{overview.VerifiedProof, overview.Listed, overview.Listed, overview.GivenUp, overview.Unlisted}; !slices.Equal(how, want) {
		t.Errorf("the key space is %v, want %v", how, want)
	}
	if b := o.Books; !b.Balanced || b.Final || len(b.Lines) != 4 || b.Lines[1].State != ledger.Failed || b.Lines[2] != (overview.Line{State: overview.EndedLine, Tally: ledger.Tally{Objects: 6, Bytes: 60}, Share: 0.1}) {
		t.Errorf("books %+v, want 28 copied, 2 failed, 6 ended and not verified, 24 open", b)
	}
	if len(o.Failures) != 1 || o.Failures[0].Objects != 2 || o.Failures[0].Cure != "See to it" || !slices.Equal(o.Failures[0].Keys, []string{"a1", "a2"}) {
		t.Errorf("failures %+v, want both under one cause", o.Failures)
	}
	var sum, failed, slowed int64
	for i := range o.Series.Objects {
		sum, failed, slowed = sum+o.Series.Objects[i], failed+o.Series.Failed[i], slowed+o.Series.Throttled[i]
	}
	if sum != 28+10 || failed != 2 || slowed != 3 {
		t.Errorf("the curves have %d objects, %d failed, %d throttled, want 38 (one batch is not verified), 2 and 3", sum, failed, slowed)
	}
	if _, err := json.Marshal(o); err != nil {
		t.Error(err)
	}
}

// TestHowARunStandsIsSaidWithWhatToDo goes through what a run may be at.
func TestHowARunStandsIsSaidWithWhatToDo(t *testing.T) {
	steer := func(to ledger.Standing) func(*standing) {
		return func(s *standing) { s.must(s.run.Steering().WriteStanding(s.t.Context(), to, s.now)) }
	}
	works := func(s *standing) {
		s.must(live.WriteWork(s.t.Context(), s.run.Folder(), live.Work{Process: "p", Host: "rack-3", Since: s.now.Add(-time.Minute), At: s.now, Copies: true, Binds: "bandwidth"}))
	}
	for name, tc := range map[string]struct {
		deployed    bool
		do          func(*standing)
		later       time.Duration
		says, next  string
		alive       int
		bound, left string
	}{
		"somebody works on it":          {do: works, says: "state.copying", alive: 1, bound: "bandwidth", left: "left.none"},
		"paused":                        {do: steer(ledger.Paused), says: "state.paused", next: "next.resume", left: "left.stopped"},
		"cancelled":                     {do: steer(ledger.Cancelled), says: "state.cancelling", next: "next.cancel", left: "left.stopped"},
		"its job was sealed":            {do: func(s *standing) { _, err := s.l.CreateSeal(s.t.Context(), "photos", s.now); s.must(err) }, says: "state.sealed", next: "next.seal", left: "left.stopped"},
		"nobody works on it for long":   {do: works, later: 5 * time.Minute, says: "state.nobody", next: "next.copy", left: "left.stopped"},
		"somebody did a minute ago":     {do: works, later: time.Minute, says: "state.copying", left: "left.none"},
		"functions may wait for longer": {deployed: true, do: works, later: 5 * time.Minute, says: "state.copying", left: "left.none"},
		"not for hours":                 {deployed: true, do: works, later: 2 * time.Hour, says: "state.nobody", next: "next.agent", left: "left.stopped"},
		"who held it said that it ended": {do: func(s *standing) {
			_, err := live.CreateHolder(s.t.Context(), s.run.Folder(), live.Holder{Process: "h", Host: "rack-3", Since: s.now, Ended: true, N: 1})
			s.must(err)
		}, says: "state.nobody", next: "next.copy", left: "left.stopped"},
		"who holds it lives": {do: func(s *standing) {
			_, err := live.CreateHolder(s.t.Context(), s.run.Folder(), live.Holder{Process: "h", Host: "rack-3", Since: s.now, N: 1})
			s.must(err)
		}, later: 30 * time.Second, says: "state.copying", alive: 1, left: "left.none"},
		"a sweep found it stalled": {deployed: true, do: func(s *standing) {
			_, err := progress.CreateStalled(s.t.Context(), s.run, s.now, s.now)
			s.must(err)
		}, later: time.Minute, says: "state.stalled", next: "next.stalled", left: "left.none"},
		"a side does not answer": {do: func(s *standing) {
			works(s)
			s.must(live.WriteOutage(s.t.Context(), s.run.Folder(), live.Outage{Side: "source", Since: s.now.Add(-time.Minute), Asked: s.now, Why: "503"}))
		}, says: "state.waits", next: "next.side", alive: 1, bound: "outage", left: "left.none"},
	} {
		t.Run(name, func(t *testing.T) {
			s := begun(t, tc.deployed)
			s.closed(ledger.RootShard, "", "", 2)
			tc.do(s)
			s.now = s.now.Add(tc.later)
			o := s.look()
			if o.Says.Code != tc.says || o.Next.Code != tc.next || o.Work.Alive != tc.alive || o.Binds.Code != tc.bound || o.Left.Rests.Code != tc.left {
				t.Errorf("it says %s, next %s, %d at work, bound by %q, left %s, want %s, %s, %d, %q, %s", o.Says.Code, o.Next.Code, o.Work.Alive, o.Binds.Code, o.Left.Rests.Code, tc.says, tc.next, tc.alive, tc.bound, tc.left)
			}
		})
	}
}

// TestARunThatEndedLongAgoHasItsCurves has the records of one shard, as a month ago.
func TestARunThatEndedLongAgoHasItsCurves(t *testing.T) {
	s := begun(t, false)
	s.closed(ledger.RootShard, "", "", 1)
	s.writeOff(ledger.RootShard, 0)
	profile := ledger.Profile{}
	for i := range 100 {
		profile.Times.Count(noon.Add(time.Duration(i)*time.Second), timeline.Tick{Objects: 2, Bytes: 10})
	}
	_, err := s.run.Shards().CreateVerified(t.Context(), ledger.Proved{Shard: ledger.RootShard, Profile: &profile})
	s.must(err)
	_, err = s.run.Results().CreateReport(t.Context(), []byte(`{"v":2,"result":"incomplete","objects":{"listed":200,"copied":199,"failed":1,"verified":199},"started":"2026-03-01T12:00:00Z","finished":"2026-03-01T12:02:00Z","balanced":true,"shards":1,"profile":{"times":{"from":1772366400,"each":60,"ticks":[{"objects":200,"bytes":1000}]}}}`))
	s.must(err)
	s.now = s.now.Add(30 * 24 * time.Hour)
	o := s.look()
	if o.State != overview.Over || o.Result != "incomplete" || o.Next.Code != "next.retry" || o.Work.Nobody || !o.Books.Final || !o.Books.Balanced {
		t.Errorf("%s, %s, next %s, books %+v, want it over and its failures to be tried again", o.State, o.Result, o.Next.Code, o.Books)
	}
	if n := len(o.Series.Objects); n < 50 || n > overview.MaxPoints || o.Series.Each != 1 || o.Series.Objects[10] != 2 {
		t.Errorf("%d points of %d s, want those of its shards", n, o.Series.Each)
	}
	if o.Verification.Last.IsZero() {
		t.Error("it does not tell when it was verified")
	}
}

// TestWhatFailsAgainUntilItIsSeenToIsNotJustTriedAgain has reports of failures that a retry mends,
// that it does not, and of both.
func TestWhatFailsAgainUntilItIsSeenToIsNotJustTriedAgain(t *testing.T) {
	const (
		denied   = `{"key":"a","state":"failed","reason":"the keys may not write it; grant them oss:PutObject","cause":"the keys may not write it; grant them oss:PutObject"}`
		slow     = `{"key":"b","state":"failed","reason":"oss.Put: temporary: reset","cause":"oss.Put: temporary: reset"}`
		slower   = `{"key":"c","state":"failed","reason":"oss.Put: temporary: reset","cause":"oss.Put: temporary: reset"}`
		conflict = `{"key":"d","state":"conflict","reason":"it is another's; take overwrite: changed","cause":"it is another's; take overwrite: changed"}`
	)
	for name, tc := range map[string]struct{ failures, next, cure string }{
		"what a retry mends":      {slow, "next.retry", ""},
		"what it does not":        {denied, "next.cure", "Grant them oss:PutObject"},
		"both":                    {slow + "," + slower + "," + denied, "next.cure", "Grant them oss:PutObject"},
		"a conflict beside":       {slow + "," + conflict, "next.retry", ""},
		"none, of an old version": {"", "next.retry", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := begun(t, false)
			_, err := s.run.Results().CreateReport(t.Context(), []byte(`{"v":2,"result":"incomplete","objects":{"listed":200,"copied":199,"failed":1},"started":"2026-03-01T12:00:00Z","finished":"2026-03-01T12:02:00Z","failures":[`+tc.failures+`]}`))
			s.must(err)
			next := s.look().Next
			cure := ""
			for _, a := range next.Args {
				if a.Name == "cure" {
					cure = a.Text
				}
			}
			if next.Code != tc.next || cure != tc.cure {
				t.Errorf("next is %s, %q, want %s, %q", next.Code, cure, tc.next, tc.cure)
			}
		})
	}
}

// TestWhatIsIncompleteSaysWhy has reports in which no object failed.
func TestWhatIsIncompleteSaysWhy(t *testing.T) {
	for name, tc := range map[string]struct{ fields, says string }{
		"a reason":             {`"reason":"there was nothing to copy","balanced":true`, "over, and not complete: there was nothing to copy"},
		"a stretch given up":   {`"unknown":[{"shard":"0","reason":"not listed"}]`, "over, and not complete: stretches of the source not listed or verified to their end: 1"},
		"books that are off":   {`"shards":1`, "over, and not complete: the books do not balance"},
		"deletions refused":    {`"balanced":true,"mirror":{"refused":"more than half would go"}`, "over, and not complete: more than half would go"},
		"deletions that fail":  {`"balanced":true,"mirror":{"failed":{"objects":2,"bytes":9}}`, "over, and not complete: could not be deleted from the target: 2"},
		"what is not verified": {`"balanced":true`, "over, and not complete: 198 of 199 copied or unchanged objects are verified"},
	} {
		t.Run(name, func(t *testing.T) {
			s := begun(t, false)
			_, err := s.run.Results().CreateReport(t.Context(), []byte(`{"v":2,"result":"incomplete","objects":{"listed":200,"copied":199,"verified":198},"started":"2026-03-01T12:00:00Z","finished":"2026-03-01T12:02:00Z",`+tc.fields+`}`))
			s.must(err)
			says := s.look().Says.In(nil, func(a overview.Arg) string { return cmp.Or(a.Text, strconv.FormatInt(a.Number, 10)) })
			if says != tc.says {
				t.Errorf("it says %q, want %q", says, tc.says)
			}
		})
	}
}
