package overview

import (
	"cmp"
	"slices"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// fold is how the run stands by what was read. The caller is the one that refreshes.
func fold(r *reader, o Options) Overview {
	v := Overview{
		Run: r.run.Name, Job: r.run.Job(), Source: r.job.Source.Place(), Target: r.job.Target.Place(), Standing: r.standing, Deployed: r.started.Deployed,
		At: r.now().UTC(), Started: r.started.At, Newest: r.newest, Exact: true, Requests: r.budget.used, Failures: []Failure{}, Space: []Stretch{},
	}
	v.Verification.First, v.Verification.Last = r.first, r.last
	v.Work = foldWork(r)
	if r.ended != nil {
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
func foldEnded(r *reader, v *Overview) {
	v.ended(*r.ended)
	v.Series = r.base.series()
	v.Batches.UnderWay, v.Work.Nobody = 0, false
	v.Shards = Shards{Known: r.ended.Shards, Listed: r.ended.Shards, Verified: r.ended.Shards - len(r.ended.Unknown), GivenUp: len(r.ended.Unknown)}
	if r.manifest != nil {
		for _, f := range r.manifest.Files {
			if !r.started.Events && f.Name != "" {
				v.Space = append(v.Space, Stretch{After: f.After, UpTo: f.UpTo, Progress: VerifiedProof, Shards: 1, Listed: ledger.Tally{Objects: f.Rows}, Done: 1})
			}
		}
	}
	for _, u := range r.ended.Unknown {
		v.Space = append(v.Space, Stretch{After: u.After, UpTo: u.UpTo, Progress: GivenUp, Shards: 1, GivenUp: 1, Reason: u.Reason})
	}
	slices.SortStableFunc(v.Space, func(a, b Stretch) int { return cmp.Compare(a.After, b.After) })
	v.Space = joinStretches(v.Space)
	v.failures(r.ended.Failures, nil, r.ended.Objects.Failed+r.ended.Objects.Conflict+r.ended.Objects.Mismatch > int64(len(r.ended.Failures)))
	v.verification(r.base.end(), v.Counts.Checked.Objects)
	if n := len(r.ended.Unknown); n > 0 {
		v.Notes = append(v.Notes, say("note.givenup", number("shards", max(int64(n), r.ended.Stretches()))))
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
	times                                             curve
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
func foldGoing(r *reader, v *Overview) {
	proved, open := tallies{states: map[ledger.State]ledger.Tally{}}, tallies{}
	listing := false
	for _, s := range r.shards {
		if !s.known && !s.closed {
			continue
		}
		v.Shards.Known++
		if s.closed {
			v.Shards.Listed++
		} else {
			listing = true
		}
		switch {
		case s.proved:
			v.Shards.Verified++
			proved.all++
			if s.seen {
				proved.addProved(s)
			} else {
				v.Exact = false
			}
		case s.closed && !s.read:
			open.all++
			v.Exact = false
		case s.closed || s.stretches > 0:
			open.all++
			open.addOpen(s)
			v.Exact = v.Exact && (!s.open() || !s.lookedAt.IsZero())
		}
		if s.failed != "" || s.unproved != "" {
			v.Shards.GivenUp++
		}
	}
	v.Read, v.Records = proved.read+open.read, proved.all+open.all
	foldCounts(r, v, &proved, &open)
	foldState(r, v, listing)
	v.Space = foldSpace(r)
	var signs []ledgerFailure
	for _, s := range r.signs {
		for _, f := range s.Failures {
			signs = append(signs, ledgerFailure{f.State, f.Cause, f.Reason, f.Objects, f.Keys})
		}
	}
	v.failures(r.fails, signs, r.moreOf)
	v.Counts.Failed.Objects = max(v.Counts.Failed.Objects, sumOf(v.Failures))
	v.verification(proved.times.end(), v.Counts.Checked.Objects)
	foldRate(r, v)
	foldLeft(r, v)
	v.binds(r.signs, r.outage)
	foldNotes(r, v)
	foldWords(r, v)
}

func (t *tallies) addProved(s *shard) {
	t.read++
	t.listed, t.excluded, t.toCopy = plus(t.listed, s.counts.Listed), plus(t.excluded, s.excluded), plus(t.toCopy, s.toCopy)
	t.sealed += s.sealed
	t.done += s.sealed
	t.verified = plus(t.verified, s.counts.Verdicts[ledger.Verified])
	t.checked = plus(t.checked, s.counts.Listed)
	sum := ledger.Tally{}
	for state, n := range s.counts.States {
		t.states[state] = plus(t.states[state], n)
		switch state {
		case ledger.Failed, ledger.Conflict:
			t.failed = plus(t.failed, n)
		}
		if state != ledger.Deleted {
			sum = plus(sum, n)
		}
	}
	t.failed = plus(t.failed, s.counts.Verdicts[ledger.Mismatch])
	t.unbalanced.Add(s.counts.Listed.Objects-sum.Objects, s.counts.Listed.Bytes-sum.Bytes)
}

func (t *tallies) addOpen(s *shard) {
	t.read++
	t.listed, t.excluded, t.toCopy = plus(t.listed, s.listed), plus(t.excluded, s.excluded), plus(t.toCopy, s.toCopy)
	t.left = plus(t.left, s.left())
	t.sealed += s.sealed
	t.done += s.done
	t.times.addCurve(&s.times)
}

// foldCounts fills in the counts, the books and the series.
func foldCounts(r *reader, v *Overview, proved, open *tallies) {
	if r.started.Events {
		v.Counts.Listed.Objects, v.Counts.Open.Objects = r.events.listed, r.events.open
		v.Counts.Settled.Objects = r.events.listed - r.events.open
		v.Batches = Batches{Sealed: r.events.listed, Ended: r.events.listed - r.events.open}
		v.Shards.Known, v.Shards.Listed, v.Shards.Verified = r.events.shards, r.events.shards, r.events.proved
		v.Series = r.base.series()
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

	sum := curve{}
	sum.addScaled(&r.base, p)
	sum.addScaled(&open.times, q)
	if r.slow.each > 0 { // which tell of more than records do
		for i := range sum.points {
			sum.points[i].throttled = 0
		}
		sum.addCurve(&r.slow)
	}
	v.Series, proved.times = sum.series(), sum
}

// foldUnderWay adds what those at work tell of batches that are not written off.
func foldUnderWay(r *reader, v *Overview) {
	now := r.now()
	of := map[string]ledger.Tally{}
	for _, s := range r.signs {
		if s.Left || !alive(r, s.listed.Seen, now) {
			continue
		}
		for _, b := range s.UnderWay {
			if t, ok := pending(r, b.ID); ok {
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
func foldRate(r *reader, v *Overview) {
	now := r.now()
	for _, s := range r.signs {
		took := min(s.At.Sub(s.Since), time.Minute)
		if s.Left || !alive(r, s.listed.Seen, now) || took < time.Second {
			continue
		}
		v.Rate.Objects += float64(s.Minute.Objects) / took.Seconds()
		v.Rate.Bytes += float64(s.Minute.Bytes) / took.Seconds()
		v.Rate.Over = max(v.Rate.Over, took)
	}
	if v.Rate.Over > 0 || v.Series.Each == 0 || v.Series.Each > 60 || now.Sub(r.newest) > 2*time.Minute {
		return
	}
	from := r.newest.Add(-time.Minute)
	if v.Started.After(from) {
		from = v.Started
	}
	over := r.newest.Sub(from)
	if over < time.Second {
		return
	}
	var sum point
	for i := range v.Series.Objects {
		if at := v.Series.From.Unix() + int64(i)*v.Series.Each; at >= from.Unix() {
			sum.objects += v.Series.Objects[i]
			sum.bytes += v.Series.Bytes[i]
		}
	}
	v.Rate = Rate{Objects: float64(sum.objects) / over.Seconds(), Bytes: float64(sum.bytes) / over.Seconds(), Over: over}
}

// throttled is how often services asked to slow down, as far as it is known.
func throttled(r *reader) (n int64) {
	if r.slow.each > 0 {
		for _, p := range r.slow.points {
			n += p.throttled
		}
		return n
	}
	for _, p := range r.base.points {
		n += p.throttled
	}
	return n
}

// foldSpace is the key space in order.
func foldSpace(r *reader) []Stretch {
	var all []Stretch
	for _, s := range r.shards {
		if _, again := ledger.ParentOf(s.name); again || !s.known || s.closed && !s.read {
			continue
		}
		all = append(all, s.stretch())
	}
	slices.SortFunc(all, func(a, b Stretch) int { return cmp.Compare(a.After, b.After) })
	return joinStretches(all)
}

// stretch is the shard as a stretch of the key space.
func (s *shard) stretch() Stretch {
	p := Stretch{After: s.ref.Range.After, UpTo: s.ref.Range.UpTo, Shards: 1, Listed: s.listed, Progress: Unlisted, Done: 1, Reason: cmp.Or(s.failed, s.unproved)}
	left := s.left()
	switch {
	case p.Reason != "":
		p.Progress, p.GivenUp = GivenUp, 1
	case s.proved:
		p.Progress = VerifiedProof
		p.Failed = s.counts.States[ledger.Failed].Objects + s.counts.States[ledger.Conflict].Objects + s.counts.Verdicts[ledger.Mismatch].Objects
	case s.closed && left.Objects == 0:
		p.Progress = Copied
	case s.closed:
		p.Progress = Listed
	}
	if s.toCopy.Objects > 0 {
		p.Done = 1 - float64(left.Objects)/float64(s.toCopy.Objects)
	} else if !s.closed {
		p.Done = 0
	}
	return p
}

// joinStretches joins neighbours until there are at most MaxStretches.
func joinStretches(all []Stretch) []Stretch {
	if len(all) <= MaxStretches {
		return append([]Stretch{}, all...)
	}
	out := make([]Stretch, 0, MaxStretches)
	for i := range MaxStretches {
		some := all[i*len(all)/MaxStretches : (i+1)*len(all)/MaxStretches]
		one := some[0]
		done := one.Done
		for _, s := range some[1:] {
			one.UpTo = s.UpTo
			one.Mixed = one.Mixed || s.Progress != one.Progress
			if rank(s.Progress) < rank(one.Progress) {
				one.Progress = s.Progress
			}
			one.Shards += s.Shards
			one.GivenUp += s.GivenUp
			one.Failed += s.Failed
			one.Listed = plus(one.Listed, s.Listed)
			one.Reason = cmp.Or(one.Reason, s.Reason)
			done += s.Done
		}
		one.Done = done / float64(len(some))
		out = append(out, one)
	}
	return out
}

// rank orders progress: given up is told before anything else.
func rank(p Progress) int {
	return slices.Index([]Progress{GivenUp, Unlisted, Listed, Copied, VerifiedProof}, p)
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

// ledgerFailure is failures by cause, as a process tells them.
type ledgerFailure struct {
	State   string
	Cause   string
	Reason  string
	Objects int64
	Keys    []string
}

// failures fills in the failures by cause: those that were verified, and those that
// processes tell of. Of both the larger number counts, for they overlap.
func (v *Overview) failures(verified []ledger.Failure, told []ledgerFailure, more bool) {
	type id struct{ state, cause string }
	at := map[id]int{}
	for _, g := range report.Causes(verified) {
		f := Failure{State: g.State, Cause: g.Cause, Cure: g.Cure, Objects: g.Count(), AtLeast: more, Keys: []string{}}
		for _, k := range g.First() {
			f.Keys = append(f.Keys, k.Key)
		}
		at[id{f.State, f.Cause}] = len(v.Failures)
		v.Failures = append(v.Failures, f)
	}
	sums := map[id]*Failure{}
	for _, t := range told {
		one := report.Causes([]ledger.Failure{{Key: first(t.Keys), State: ledger.State(t.State), Reason: t.Reason, Cause: ledger.Cause(t.Cause)}})[0]
		k := id{one.State, one.Cause}
		if sums[k] == nil {
			sums[k] = &Failure{State: one.State, Cause: one.Cause, Cure: one.Cure, AtLeast: true, Keys: []string{}}
		}
		sums[k].Objects += t.Objects
		sums[k].Keys = append(sums[k].Keys, t.Keys...)
	}
	for k, f := range sums {
		i, ok := at[k]
		switch {
		case !ok:
			slices.Sort(f.Keys)
			f.Keys = f.Keys[:min(len(f.Keys), MaxKeys)]
			v.Failures = append(v.Failures, *f)
		case f.Objects > v.Failures[i].Objects:
			v.Failures[i].Objects, v.Failures[i].AtLeast = f.Objects, true
		}
	}
	slices.SortFunc(v.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.State, b.State), cmp.Compare(a.Cause, b.Cause))
	})
}

func first(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}

func sumOf(all []Failure) (n int64) {
	for _, f := range all {
		n += f.Objects
	}
	return n
}
