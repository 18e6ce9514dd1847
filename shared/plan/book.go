package plan

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

const (
	maxExamples = 3   // keys that are kept of each reason
	maxReasons  = 200 // different reasons that are kept; all others are one

	firstPart = 16 << 20 // bytes, where the job does not say (job.Limits)
)

// book adds up outcomes. Its size does not grow with the number of objects.
type book struct {
	limits  job.Limits
	leftOut ledger.Tally
	alone   ledger.Tally // of the target only, and left alone
	heads   int64
	held    int64 // by the target, of what the job chooses
	others  int64 // of these, copies that are not known to be the job's
	shares  map[shareKey]*amount
	reasons map[reasonKey]*reasons
	commons map[string]string // CommonReason of some reasons: it takes 10 µs
}

type shareKey struct {
	fate  Fate
	class store.Class
	size  int
}

type amount struct{ objects, bytes, parts int64 }

type reasonKey struct {
	fate   Fate
	common string
}

// reasons are the reasons that have one CommonReason.
type reasons struct {
	amount
	first    string // the whole reason, where all are the same
	differ   bool
	examples []string
}

func newBook(j job.Job) *book {
	return &book{limits: j.Limits, shares: map[shareKey]*amount{}, reasons: map[reasonKey]*reasons{}, commons: map[string]string{}}
}

// enter adds one object.
func (b *book) enter(x outcome) {
	if x.asked {
		b.heads++
	}
	if x.held {
		b.held++
	}
	if x.others {
		b.others++
	}
	one := amount{1, x.size, 0}
	switch {
	case x.ledger:
		return
	case x.leftOut:
		b.leftOut.Objects, b.leftOut.Bytes = b.leftOut.Objects+1, b.leftOut.Bytes+x.size
		return
	case x.fate == "":
		b.alone.Objects, b.alone.Bytes = b.alone.Objects+1, b.alone.Bytes+x.size
		return
	case x.fate == ToCopy:
		one.parts = b.parts(x.size)
	}
	b.shareOf(shareKey{x.fate, x.class, sizeOf(x.size)}).add(one, 1)
	b.because(x.fate, x.why, x.key, one)
	for _, w := range x.warnings {
		b.because(Warned, w, x.key, amount{1, x.size, 0})
	}
}

// shareOf returns the entry of k.
func (b *book) shareOf(k shareKey) *amount {
	a, ok := b.shares[k]
	if !ok {
		a = &amount{}
		b.shares[k] = a
	}
	return a
}

// because adds one to the reason of a fate.
func (b *book) because(fate Fate, why, key string, one amount) {
	text, known := b.commons[why]
	if !known {
		if text = report.CommonReason(why); len(b.commons) < maxReasons {
			b.commons[why] = text
		}
	}
	r := b.reasonOf(reasonKey{fate, text})
	if r.first == "" {
		r.first = why
	}
	r.differ = r.differ || r.first != why
	r.add(one, 1)
	if len(r.examples) < maxExamples {
		r.examples = append(r.examples, strings.Clone(key))
	}
}

// reasonOf returns the entry of k, or, where there are too many, that of all others.
func (b *book) reasonOf(k reasonKey) *reasons {
	r, ok := b.reasons[k]
	if !ok && len(b.reasons) >= maxReasons {
		k.common = "other reasons"
		r, ok = b.reasons[k]
	}
	if !ok {
		r = &reasons{}
		b.reasons[k] = r
	}
	return r
}

// parts is how many parts an object goes in, 0 where it goes in one piece.
func (b *book) parts(size int64) int64 {
	if size <= cmp.Or(b.limits.PartsAbove, verdict.PartsAboveInFunctions) {
		return 0
	}
	part := verdict.PartSize(size, cmp.Or(b.limits.PartSize, firstPart))
	return (size + part - 1) / part
}

func sizeOf(n int64) int {
	return slices.IndexFunc(Sizes[:], func(s Size) bool { return n <= s.UpTo })
}

// add adds o, w times.
func (a *amount) add(o amount, w float64) {
	a.objects += times(o.objects, w)
	a.bytes += times(o.bytes, w)
	a.parts += times(o.parts, w)
}

func times(n int64, w float64) int64 {
	if w == 1 {
		return n
	}
	return int64(math.Round(float64(n) * w))
}

// fold adds another book: each of its shares times the weight of its class, for
// objects and for bytes; the rest times the weight of "".
func (b *book) fold(o *book, weight func(store.Class) (objects, bytes float64)) {
	n, size := weight("")
	b.leftOut.Objects += times(o.leftOut.Objects, n)
	b.leftOut.Bytes += times(o.leftOut.Bytes, size)
	b.heads += times(o.heads, n)
	for k, a := range o.shares {
		n, size := weight(k.class)
		b.shareOf(k).add(*a, n)
		b.shareOf(k).bytes += times(a.bytes, size) - times(a.bytes, n)
	}
	for k, r := range o.reasons {
		into := b.reasonOf(k)
		into.first = cmp.Or(into.first, r.first)
		into.differ = into.differ || r.differ || into.first != r.first
		into.add(r.amount, n)
		into.examples = append(into.examples, r.examples[:min(len(r.examples), maxExamples-len(into.examples))]...)
	}
}

// plan returns the book as a Plan.
func (b *book) plan() Plan {
	p := Plan{LeftOut: b.leftOut, TargetOnly: b.alone, Heads: b.heads, Shares: []Share{}, Reasons: []Reason{}}
	keys := make([]shareKey, 0, len(b.shares))
	for k := range b.shares {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y shareKey) int {
		return cmp.Or(cmp.Compare(rank(x.fate), rank(y.fate)), cmp.Compare(x.class, y.class), cmp.Compare(x.size, y.size))
	})
	for _, k := range keys {
		a := b.shares[k]
		if a.objects == 0 {
			continue // of an estimate, and rounded away
		}
		p.Shares = append(p.Shares, Share{k.fate, k.class, Sizes[k.size].Name, a.objects, a.bytes, a.parts})
		if k.fate != ToDelete {
			p.Listed.Objects, p.Listed.Bytes = p.Listed.Objects+a.objects, p.Listed.Bytes+a.bytes
		}
	}
	for k, r := range b.reasons {
		why := r.first
		if r.differ {
			why = k.common
		}
		p.Reasons = append(p.Reasons, Reason{k.fate, why, r.objects, r.bytes, r.examples})
	}
	slices.SortFunc(p.Reasons, func(x, y Reason) int {
		return cmp.Or(cmp.Compare(rank(x.Will), rank(y.Will)), cmp.Compare(y.Objects, x.Objects), cmp.Compare(x.Why, y.Why))
	})
	return p
}

// rank is the place of a fate in Fates; Warned comes last.
func rank(f Fate) int {
	if i := slices.Index(Fates[:], f); i >= 0 {
		return i
	}
	return len(Fates)
}

// Sum adds up the shares of a fate, a class and a size; "" is any.
func (p Plan) Sum(will Fate, class store.Class, size string) Share {
	sum := Share{Will: will, Class: class, Size: size}
	for _, s := range p.Shares {
		if (will == "" || s.Will == will) && (class == "" || s.Class == class) && (size == "" || s.Size == size) {
			sum.Objects, sum.Bytes, sum.Parts = sum.Objects+s.Objects, sum.Bytes+s.Bytes, sum.Parts+s.Parts
		}
	}
	return sum
}
