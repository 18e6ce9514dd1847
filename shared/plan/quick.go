package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// QuickTime is how long Quick makes requests at most.
const QuickTime = 50 * time.Second

// Quick estimates what a run of j would do from what the service itself counts of
// the bucket, where it does, and from about 200 pages of keys spread over all names.
// It takes at most QuickTime, whatever the bucket. Of the target it looks only whether
// that holds anything.
func Quick(ctx context.Context, sides Sides, j job.Job) (Plan, error) {
	p, err := newPlanner(sides, j)
	if err != nil {
		return Plan{}, err
	}
	hurried, cancel := context.WithTimeout(ctx, QuickTime)
	defer cancel()
	usage, denied := p.usage(hurried)
	s := &sampler{list: p.pages(), in: store.Range{Prefix: j.Source.Prefix}}
	s.enter = func(objects []store.Object) *book { return p.book(ctx, objects) }
	spread := true
	chain, err := listing.Chained(hurried, p.src, s.in)
	switch {
	case err == nil && chain:
		spread = false
		err = s.firstPages(hurried)
	case err == nil:
		err = s.run(hurried)
	}
	late := hurried.Err() != nil && ctx.Err() == nil
	if late {
		err = nil
	}
	plan := p.estimate(s, usage)
	plan.Partial = err != nil
	plan.tell(s, usage, denied, spread, late)
	plan.Notes = append(plan.Notes, p.rules.Source.Untold...)
	if j.Delete {
		plan.Notes = append(plan.Notes, "a quick plan does not look for what a mirror would delete: a plan without --quick does")
	}
	if err == nil && !late && plan.LeftOut.Objects == 0 {
		p.noteEmpty(hurried, &plan)
	}
	if err == nil && !late {
		err = p.lookAtTarget(hurried, &plan)
	}
	return plan, err
}

// usage is what the service counts of the bucket; denied is why there is none.
func (p *planner) usage(ctx context.Context) (usage map[store.Class]store.Usage, denied error) {
	gauge, ok := p.src.(store.Gauge)
	switch {
	case !ok:
		return nil, errors.New("the service has none")
	case p.job.Source.Prefix != "":
		return nil, errors.New("they count the whole bucket, and the job is of one prefix")
	}
	ctx, cancel := context.WithTimeout(ctx, QuickTime/5)
	defer cancel()
	return gauge.Usage(ctx)
}

// pages reads single pages of the source.
func (p *planner) pages() func(context.Context, store.Range) ([]store.Object, bool, error) {
	if pager, ok := p.src.(store.Pager); ok {
		return pager.FirstPage
	}
	return func(ctx context.Context, r store.Range) (objects []store.Object, more bool, err error) {
		for o, err := range p.src.List(ctx, r) {
			if err != nil {
				return nil, false, err
			}
			if len(objects) == store.KeysPerPage {
				return objects, true, nil
			}
			objects = append(objects, o)
		}
		return objects, false, nil
	}
}

// book enters objects as if the target were empty.
func (p *planner) book(ctx context.Context, objects []store.Object) *book {
	b := newBook(p.job)
	bytes := int64(0)
	for i := range objects {
		// Without a target's object nothing is asked, and nothing can fail.
		if x, err := p.outcome(ctx, remembered{Pair: listing.Pair{Src: &objects[i]}}); err == nil {
			b.enter(x)
		}
		bytes += objects[i].Size
	}
	p.listed(int64(len(objects)), bytes)
	return b
}

// firstPages samples the beginning of a bucket, where that cannot be listed from a name
// that does not exist.
func (s *sampler) firstPages(ctx context.Context) error {
	s.gaps = []*gap{{}}
	for s.asked < maxProbes && len(s.gaps) > 0 {
		end := s.gaps[len(s.gaps)-1]
		if err := s.read(ctx, end, end.lo); err != nil {
			return err
		}
	}
	return nil
}

// estimate extends what was sampled to the whole bucket.
func (p *planner) estimate(s *sampler, usage map[store.Class]store.Usage) Plan {
	all := s.distribute()
	sum := newBook(p.job)
	for _, page := range s.pages {
		w := 1 + page.extra/float64(page.n)
		sum.fold(page.book, func(store.Class) (float64, float64) { return w, w })
	}
	if len(usage) > 0 && !s.complete() {
		sum = fitted(p.job, sum, usage, all)
	}
	plan := sum.plan()
	plan.Estimated = !s.complete()
	return plan
}

// fitted is b scaled to what the service counted, class by class; as a whole, where
// the job's filter leaves something out.
func fitted(j job.Job, b *book, usage map[store.Class]store.Usage, all float64) *book {
	counted, found := store.Usage{}, map[store.Class]amount{}
	for _, u := range usage {
		counted.Objects, counted.Bytes = counted.Objects+u.Objects, counted.Bytes+u.Bytes
	}
	for k, a := range b.shares {
		sum := found[k.class]
		sum.add(*a, 1)
		found[k.class] = sum
	}
	whole := float64(counted.Objects) / max(all, 1)
	fit := newBook(j)
	fit.fold(b, func(c store.Class) (float64, float64) {
		u, f := usage[c], found[c]
		if b.leftOut.Objects > 0 || u.Objects == 0 || f.objects == 0 || f.bytes == 0 {
			return whole, whole
		}
		return float64(u.Objects) / float64(f.objects), float64(u.Bytes) / float64(f.bytes)
	})
	if b.leftOut.Objects > 0 {
		return fit
	}
	for c, u := range usage {
		if found[c].objects == 0 && u.Objects > 0 { // too few for the samples to have met one
			fate, why := ToCopy, "the target does not have it"
			if (c == store.Archive || c == store.DeepArchive) && !j.Thaw {
				fate, why = Fate(ledger.Skipped), "no sample met one: archived, and taken not to be thawed"
			}
			one := amount{u.Objects, u.Bytes, 0}
			fit.shareOf(shareKey{fate, c, sizeOf(u.Bytes / u.Objects)}).add(one, 1)
			fit.reasonOf(reasonKey{fate, report.CommonReason(why)}).add(one, 1)
			if r := fit.reasonOf(reasonKey{fate, report.CommonReason(why)}); r.first == "" {
				r.first = why
			}
		}
	}
	return fit
}

// complete reports whether every key was seen.
func (s *sampler) complete() bool { return len(s.gaps) == 0 && s.asked > 0 }

// tell says how the numbers were made.
func (p *Plan) tell(s *sampler, usage map[store.Class]store.Usage, denied error, spread, late bool) {
	how := func(format string, args ...any) { p.How = append(p.How, fmt.Sprintf(format, args...)) }
	looked := 0
	for _, page := range s.pages {
		looked += page.n
	}
	if s.complete() {
		how("every one of the source's %s objects was looked at", humanize.Comma(int64(looked)))
		return
	}
	if len(usage) > 0 {
		how("how many objects and bytes of each class: counted by the service itself, minutes to a day ago")
	} else {
		how("how many objects: guessed from how close names lie to each other, which may be far off where they are uneven; the bucket's own statistics were not to be had: %s", ledger.Reason(cmp.Or(denied, errors.New("they are empty"))))
	}
	where := "spread over all names"
	if !spread {
		where = "from the beginning of the bucket alone, because it cannot be listed from a name that does not exist"
	}
	how("sizes, reasons and what OSS would refuse: from %s objects on %d pages, %s", humanize.Comma(int64(looked)), len(s.pages), where)
	if late {
		how("the time for requests (%s) was over before all pages were read", QuickTime)
	}
}

// lookAtTarget says whether the target holds something, which a quick plan does
// not compare. A ledger there is passed over.
func (p *planner) lookAtTarget(ctx context.Context, plan *Plan) error {
	in := store.Range{Prefix: p.job.Source.Prefix}
	for again := true; again; {
		again = false
		for o, err := range p.dst.List(ctx, in) {
			switch {
			case err != nil && ctx.Err() != nil:
				return nil // out of time: nothing is said
			case err != nil:
				return err
			case p.rules.InLedger(o.Key):
				if end, ok := p.job.SourceKey(p.job.Ledger.Prefix + string(utf8.MaxRune)); ok && end > in.After {
					in.After, again = end, true
				}
			default:
				plan.Estimated = true
				plan.Notes = append(plan.Notes, "the target holds objects already; a quick plan does not compare them, so that everything counts as to be copied: a plan without --quick tells what is unchanged")
				return nil
			}
			if again {
				break
			}
		}
	}
	return nil
}
