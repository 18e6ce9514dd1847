package overview

import (
	"cmp"
	"slices"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview/curve"
	"kodoferry/shared/overview/reading"
)

// fold is how the run stands by what was read. The caller is the one that refreshes.
func fold(r *reading.Reader, o Options) Overview {
	v := Overview{
		Run: r.Run.Name, Job: r.Run.Job(), Source: r.Job.Source.Place(), Target: r.Job.Target.Place(), Standing: r.Standing, Deployed: r.Started.Deployed,
		At: r.Now().UTC(), Started: r.Started.At, Newest: r.Newest, Exact: true, Requests: r.Requests(), Failures: []Failure{}, Space: []Stretch{},
	}
	v.Verification.First, v.Verification.Last = r.FirstVerified, r.LastVerified
	v.Work = foldWork(r)
	if r.Ended != nil {
		foldEnded(r, &v)
	} else {
		foldGoing(r, &v)
	}
	if o.Prices != nil {
		v.Money = foldMoney(r, &v, *o.Prices)
	}
	return v
}

// foldEnded fills in what is told of a run that is over.
func foldEnded(r *reading.Reader, v *Overview) {
	v.ended(*r.Ended)
	v.Series = seriesOf(&r.Base)
	v.Batches.UnderWay, v.Work.Nobody = 0, false
	v.Shards = Shards{Known: r.Ended.Shards, Listed: r.Ended.Shards, Verified: r.Ended.Shards - len(r.Ended.Unknown), GivenUp: len(r.Ended.Unknown)}
	if r.Manifest != nil {
		for _, f := range r.Manifest.Files {
			if !r.Started.Events && f.Name != "" {
				v.Space = append(v.Space, Stretch{After: f.After, UpTo: f.UpTo, Progress: VerifiedProof, Shards: 1, Listed: ledger.Tally{Objects: f.Rows}, Done: 1})
			}
		}
	}
	for _, u := range r.Ended.Unknown {
		v.Space = append(v.Space, Stretch{After: u.After, UpTo: u.UpTo, Progress: GivenUp, Shards: 1, GivenUp: 1, Reason: u.Reason})
	}
	slices.SortStableFunc(v.Space, func(a, b Stretch) int { return cmp.Compare(a.After, b.After) })
	v.Space = joinStretches(v.Space)
	v.failures(r.Ended.Failures, nil, r.Ended.Objects.Failed+r.Ended.Objects.Conflict+r.Ended.Objects.Mismatch > int64(len(r.Ended.Failures)))
	v.verification(r.Base.End(), v.Counts.Checked.Objects)
	if n := len(r.Ended.Unknown); n > 0 {
		v.Notes = append(v.Notes, say("note.givenup", number("shards", max(int64(n), r.Ended.Stretches()))))
	}
	v.Counts.Throttled = throttled(r)
}

// tallies add up shards of one kind, of which some were read.
type tallies struct {
	all, read                                         int
	listed, excluded, toCopy, left, verified, checked ledger.Tally
	sealed, done                                      int64
	failed                                            ledger.Tally
	states                                            map[ledger.State]ledger.Tally
	times                                             curve.Curve
	unbalanced                                        ledger.Tally
}

// scale is by what the figures of those that were read are to be multiplied.
func (t *tallies) scale() float64 {
	if t.read == 0 {
		return 1
	}
	return float64(t.all) / float64(t.read)
}

func scaled(t ledger.Tally, by float64) ledger.Tally {
	return ledger.Tally{Objects: int64(float64(t.Objects)*by + 0.5), Bytes: int64(float64(t.Bytes)*by + 0.5)}
}

func plus(a, b ledger.Tally) ledger.Tally {
	a.Add(b.Objects, b.Bytes)
	return a
}

func less(a, b ledger.Tally) ledger.Tally {
	return ledger.Tally{Objects: max(a.Objects-b.Objects, 0), Bytes: max(a.Bytes-b.Bytes, 0)}
}

// foldGoing fills in what is told of a run that is not over.
func foldGoing(r *reading.Reader, v *Overview) {
	proved, open := tallies{states: map[ledger.State]ledger.Tally{}}, tallies{}
	listing := false
	for _, s := range r.Shards {
		if !s.Known && !s.Closed {
			continue
		}
		v.Shards.Known++
		if s.Closed {
			v.Shards.Listed++
		} else {
			listing = true
		}
		switch {
		case s.Proved:
			v.Shards.Verified++
			proved.all++
			if s.Seen {
				proved.addProved(s)
			} else {
				v.Exact = false
			}
		case s.Closed && !s.Read:
			open.all++
			v.Exact = false
		case s.Closed || s.Stretches > 0:
			open.all++
			open.addOpen(s)
			v.Exact = v.Exact && (!s.Open() || !s.LookedAt.IsZero())
		}
		if s.Failed != "" || s.Unproved != "" {
			v.Shards.GivenUp++
		}
	}
	v.Read, v.Records = proved.read+open.read, proved.all+open.all
	foldCounts(r, v, &proved, &open)
	foldState(r, v, listing)
	v.Space = foldSpace(r)
	var signs []ledgerFailure
	for _, s := range r.Signs {
		for _, f := range s.Failures {
			signs = append(signs, ledgerFailure{f.State, f.Cause, f.Reason, f.Objects, f.Keys})
		}
	}
	v.failures(r.Failures, signs, r.More)
	v.Counts.Failed.Objects = max(v.Counts.Failed.Objects, sumOf(v.Failures))
	v.verification(proved.times.End(), v.Counts.Checked.Objects)
	foldRate(r, v)
	foldLeft(r, v)
	v.binds(r.Signs, r.Outage)
	foldNotes(r, v)
	foldWords(r, v)
}

func (t *tallies) addProved(s *reading.Shard) {
	t.read++
	t.listed, t.excluded, t.toCopy = plus(t.listed, s.Counts.Listed), plus(t.excluded, s.Excluded), plus(t.toCopy, s.ToCopy)
	t.sealed += s.Sealed
	t.done += s.Sealed
	t.verified = plus(t.verified, s.Counts.Verdicts[ledger.Verified])
	t.checked = plus(t.checked, s.Counts.Listed)
	sum := ledger.Tally{}
	for state, n := range s.Counts.States {
		t.states[state] = plus(t.states[state], n)
		switch state {
		case ledger.Failed, ledger.Conflict:
			t.failed = plus(t.failed, n)
		}
		if state != ledger.Deleted {
			sum = plus(sum, n)
		}
	}
	t.failed = plus(t.failed, s.Counts.Verdicts[ledger.Mismatch])
	t.unbalanced.Add(s.Counts.Listed.Objects-sum.Objects, s.Counts.Listed.Bytes-sum.Bytes)
}

func (t *tallies) addOpen(s *reading.Shard) {
	t.read++
	t.listed, t.excluded, t.toCopy = plus(t.listed, s.Listed), plus(t.excluded, s.Excluded), plus(t.toCopy, s.ToCopy)
	t.left = plus(t.left, s.Left())
	t.sealed += s.Sealed
	t.done += s.Done
	t.times.AddCurve(&s.Times)
}

// foldCounts fills in the counts, the books and the series.
func foldCounts(r *reading.Reader, v *Overview, proved, open *tallies) {
	if r.Started.Events {
		v.Counts.Listed.Objects, v.Counts.Open.Objects = r.Events.Listed, r.Events.Open
		v.Counts.Settled.Objects = r.Events.Listed - r.Events.Open
		v.Batches = Batches{Sealed: r.Events.Listed, Ended: r.Events.Listed - r.Events.Open}
		v.Shards.Known, v.Shards.Listed, v.Shards.Verified = r.Events.Shards, r.Events.Shards, r.Events.Proved
		v.Series = seriesOf(&r.Base)
		return
	}
	p, q := proved.scale(), open.scale()
	both := func(a, b ledger.Tally) ledger.Tally { return plus(scaled(a, p), scaled(b, q)) }
	c := &v.Counts
	c.Listed, c.Excluded, c.ToCopy = both(proved.listed, open.listed), both(proved.excluded, open.excluded), both(proved.toCopy, open.toCopy)
	c.Open = scaled(open.left, q)
	c.Verified, c.Checked, c.Failed = scaled(proved.verified, p), scaled(proved.checked, p), scaled(proved.failed, p)
	v.Batches.Sealed = int64(float64(proved.sealed)*p + float64(open.sealed)*q + 0.5)
	v.Batches.Ended = int64(float64(proved.done)*p + float64(open.done)*q + 0.5)
	foldUnderWay(r, v)
	c.Open = less(c.Open, c.UnderWay)
	c.Ended, c.Settled = less(c.ToCopy, c.Open), less(c.Listed, c.Open)
	c.Throttled = throttled(r)

	b := Books{Listed: c.Listed, Balanced: proved.unbalanced == (ledger.Tally{}), Off: proved.unbalanced}
	for _, state := range ledger.Finals {
		b.add(state, scaled(proved.states[state], p))
	}
	b.add(EndedLine, less(less(c.Listed, c.Checked), c.Open))
	b.add(OpenLine, c.Open)
	v.Books = b

	sum := curve.Curve{}
	sum.AddScaled(&r.Base, p)
	sum.AddScaled(&open.times, q)
	if r.Slow.Each > 0 { // which tell of more than records do
		for i := range sum.Points {
			sum.Points[i].Throttled = 0
		}
		sum.AddCurve(&r.Slow)
	}
	v.Series, proved.times = seriesOf(&sum), sum
}

// foldUnderWay adds what those at work tell of batches that are not written off.
func foldUnderWay(r *reading.Reader, v *Overview) {
	now := r.Now()
	of := map[string]ledger.Tally{}
	for _, s := range r.Signs {
		if s.Left || !r.Alive(s.Listed.Seen, now) {
			continue
		}
		for _, b := range s.UnderWay {
			if t, ok := r.Pending(b.ID); ok {
				v.Batches.UnderWay++
				of[b.ID] = ledger.Tally{Objects: min(of[b.ID].Objects+b.Objects, t.Objects), Bytes: min(of[b.ID].Bytes+b.Bytes, t.Bytes)}
			}
		}
	}
	for _, t := range of {
		v.Counts.UnderWay = plus(v.Counts.UnderWay, t)
	}
	v.Counts.UnderWay.Objects = min(v.Counts.UnderWay.Objects, v.Counts.Open.Objects)
	v.Counts.UnderWay.Bytes = min(v.Counts.UnderWay.Bytes, v.Counts.Open.Bytes)
}

// foldRate is what ended each second of the last minute: by what those at work tell, or else by
// the times of records.
func foldRate(r *reading.Reader, v *Overview) {
	now := r.Now()
	for _, s := range r.Signs {
		took := min(s.At.Sub(s.Since), time.Minute)
		if s.Left || !r.Alive(s.Listed.Seen, now) || took < time.Second {
			continue
		}
		v.Rate.Objects += float64(s.Minute.Objects) / took.Seconds()
		v.Rate.Bytes += float64(s.Minute.Bytes) / took.Seconds()
		v.Rate.Over = max(v.Rate.Over, took)
	}
	if v.Rate.Over > 0 || v.Series.Each == 0 || v.Series.Each > 60 || now.Sub(r.Newest) > 2*time.Minute {
		return
	}
	from := r.Newest.Add(-time.Minute)
	if v.Started.After(from) {
		from = v.Started
	}
	over := r.Newest.Sub(from)
	if over < time.Second {
		return
	}
	var sum curve.Point
	for i := range v.Series.Objects {
		if at := v.Series.From.Unix() + int64(i)*v.Series.Each; at >= from.Unix() {
			sum.Objects += v.Series.Objects[i]
			sum.Bytes += v.Series.Bytes[i]
		}
	}
	v.Rate = Rate{Objects: float64(sum.Objects) / over.Seconds(), Bytes: float64(sum.Bytes) / over.Seconds(), Over: over}
}

// throttled is how often services asked to slow down, as far as it is known.
func throttled(r *reading.Reader) (n int64) {
	if r.Slow.Each > 0 {
		for _, p := range r.Slow.Points {
			n += p.Throttled
		}
		return n
	}
	for _, p := range r.Base.Points {
		n += p.Throttled
	}
	return n
}

// verification fills in the part of verifying, where the last object ended at that time.
func (v *Overview) verification(copied time.Time, checked int64) {
	p := &v.Verification
	if p.Last.IsZero() {
		return
	}
	if !copied.IsZero() && p.Last.After(copied) && v.Counts.Open.Objects == 0 {
		p.Alone = p.Last.Sub(copied)
	}
	if over := p.Last.Sub(p.First); over >= time.Second {
		p.Rate = Rate{Objects: float64(checked) / over.Seconds(), Over: over}
	}
}

// seriesOf are the counts of a curve.
func seriesOf(c *curve.Curve) Series {
	s := Series{Each: c.Each, Objects: []int64{}, Bytes: []int64{}, Failed: []int64{}, Throttled: []int64{}}
	if c.Each > 0 {
		s.From = time.Unix(c.From, 0).UTC()
	}
	for _, p := range c.Points {
		s.Objects, s.Bytes = append(s.Objects, p.Objects), append(s.Bytes, p.Bytes)
		s.Failed, s.Throttled = append(s.Failed, p.Failed), append(s.Throttled, p.Throttled)
	}
	return s
}
