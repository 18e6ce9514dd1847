package job

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// problem is a sentence that names a mistake and its cure.
type problem struct {
	field string // what it is about, as in JSON: "limits.partSize", "filter.include[2]"; "" is the whole
	says  string
}

type problems []problem

func (p *problems) add(format string, args ...any) { p.at("", format, args...) }

func (p *problems) at(field, format string, args ...any) {
	*p = append(*p, problem{field, fmt.Sprintf(format, args...)})
}

// under adds what is wrong with a part, with its name in front.
func (p *problems) under(part string, wrong problems) {
	for _, w := range wrong {
		field := part
		if w.field != "" {
			field += "." + w.field
		}
		p.at(field, "%s: %s", part, w.says)
	}
}

// err returns all of p as one Invalid error, nil if there is none.
func (p problems) err(op, key string) error {
	if len(p) == 0 {
		return nil
	}
	errs := make([]error, len(p))
	for i, w := range p {
		errs[i] = errors.New(w.says)
	}
	return fault.New(fault.Invalid, op, key, errors.Join(errs...))
}

// Validate reports every mistake of j at once, as one Invalid error. Zero
// fields count as their defaults.
func (j Job) Validate() error {
	j = j.WithDefaults()
	var bad problems
	bad.under("source", j.Source.check())
	bad.under("target", j.Target.check())
	bad.under("ledger", j.Ledger.check())
	return append(bad, j.own()...).err("job.Validate", j.Name)
}

// mostThawDays is for how long a service restores an object at most.
func (l Location) mostThawDays() int {
	if l.Scheme == Kodo {
		return 7
	}
	return 30
}

// checkThaw adds what is wrong with the restoring of archived objects.
func (j Job) checkThaw(bad *problems) {
	most := j.Source.mostThawDays()
	switch {
	case !j.Thaw && (j.ThawDays != 0 || j.ThawWait != 0):
		bad.at("thaw", "thawDays and thawWait are of a job with thaw: true: write that, or leave them out")
	case !j.Thaw:
	case j.ThawDays < 1 || j.ThawDays > most:
		bad.at("thawDays", "thawDays is %d: write a number from 1 to %d", j.ThawDays, most)
	case j.ThawWait < leastOutage || j.ThawWait > mostOutage:
		bad.at("thawWait", "thawWait is %s: write a time from %s to %s, as 48h", j.ThawWait, leastOutage, mostOutage)
	}
}

// own returns what is wrong with j apart from its single locations.
func (j Job) own() problems {
	var bad problems
	if n := len(j.Name); n < 1 || n > maxName || strings.ContainsFunc(j.Name, func(r rune) bool { return !nameRune(r) }) {
		bad.at("name", "the name %q is not 1 to %d letters, digits, - or _: choose another, or none to have one derived", j.Name, maxName)
	}
	oneOf(&bad, "class", j.Class, Classes()...)
	oneOf(&bad, "hashMismatch", j.HashMismatch, FailMismatch, CopyMismatch)
	oneOf(&bad, "present", j.Present, ProvePresent, AcceptPresent, CopyPresent)
	oneOf(&bad, "deletedInTarget", j.DeletedInTarget, CopyDeleted, LeaveDeleted)
	oneOf(&bad, "attributes", j.Attributes, FollowAttributes, IgnoreAttributes)
	oneOf(&bad, "overwrite", j.Overwrite, OverwriteChanged, OverwriteNewer, OverwriteNever, OverwriteAlways)
	oneOf(&bad, "overlap", j.Overlap, SkipOverlap, AllowOverlap)
	if j.MaxDeletes < 1 && j.MaxDeletes != NoDeletes {
		bad.at("maxDeletes", "maxDeletes is %d: write a number from 0, or leave it out", j.MaxDeletes)
	}
	if s := j.MaxDeleteShare; !(s > 0 && s <= 1) && s != NoShare {
		bad.at("maxDeleteShare", "maxDeleteShare is %v: write a share from 0 to 1, or leave it out", s)
	}
	j.checkThaw(&bad)
	if j.Delete && j.KeyList != "" {
		bad.at("delete", "delete does not go with a list of keys, which does not tell what the source no longer has: leave one of them out")
	}
	bad = append(bad, j.checkEvents()...)
	_, wrong := j.Filter.compile("")
	bad = append(bad, wrong...)
	bad = append(bad, j.Limits.check()...)
	bad = append(bad, checkAlerts(j.Alerts)...)
	return append(bad, j.between()...)
}

// classes are the words for a storage class.
var classes = []string{
	string(store.Standard), string(store.Infrequent), string(store.Archive), string(store.DeepArchive),
	string(store.ArchiveIR), string(store.Tiered), string(store.ColdDeep),
}

// Classes are the words for Job.Class, the default first.
func Classes() []string { return append([]string{KeepClass}, classes...) }

func oneOf(bad *problems, name, got string, words ...string) {
	if !slices.Contains(words, got) {
		bad.at(name, "%s is %q: write one of %s", name, got, strings.Join(words, ", "))
	}
}

const mib = 1 << 20

const (
	leastOutage = Span(time.Minute)
	mostOutage  = Span(30 * 24 * time.Hour)
)

// check returns what is wrong with l, whose defaults are filled in.
func (l Limits) check() problems {
	var bad problems
	if l.Parallel > MaxParallel {
		bad.at("limits.parallel", "limits.parallel is %d: more than %d objects in flight do not fit the 256 MiB of memory that a process is to stay within, so write auto, or a number from 1 to %d", l.Parallel, MaxParallel, MaxParallel)
	} else if l.Parallel < 0 {
		bad.at("limits.parallel", "limits.parallel is %d: write auto, or a number from 1 to %d", l.Parallel, MaxParallel)
	}
	within(&bad, "batchObjects", l.BatchObjects, 1, 10_000)
	within(&bad, "batchBytes", l.BatchBytes, 1, 5<<40)
	within(&bad, "shardKeys", l.ShardKeys, 1, 1_000_000)
	within(&bad, "shardBytes", l.ShardBytes, 1, 256*mib)
	within(&bad, "attempts", l.Attempts, 1, 100)
	within(&bad, "rounds", l.Rounds, 1, 20)
	within(&bad, "fanout", l.Fanout, 1, 64)
	if l.PartsAbove != 0 {
		within(&bad, "partsAbove", l.PartsAbove, 4*mib, 5<<30)
	}
	if l.PartSize < 4*mib || l.PartSize > 4<<30 || l.PartSize%(4*mib) != 0 {
		// OSS API reference, UploadPart: 100 KB to 5 GB. A qetag is made of blocks of 4 MiB.
		bad.at("limits.partSize", "limits.partSize is %d bytes: OSS takes parts of 100 KB to 5 GB, and to join their hashes Ferry cuts at multiples of 4 MiB, so write one from 4MiB to 4GiB such as 16MiB, or leave it out", l.PartSize)
	}
	within(&bad, "leastRate", l.LeastRate, 1, 1<<30)
	if l.Outage < leastOutage || l.Outage > mostOutage {
		bad.at("limits.outage", "limits.outage is %s: write a duration from %s to %s, or leave it out", l.Outage, leastOutage, mostOutage)
	}
	within(&bad, "requests", l.Requests, 0, 1_000_000)
	within(&bad, "instances", l.Instances, 0, 100_000)
	bad.under("limits.bandwidth", l.Bandwidth.check())
	return bad
}

func within[N int | int64](bad *problems, name string, got, least, most N) {
	if got < least || got > most {
		bad.at("limits."+name, "limits.%s is %d: write a number from %d to %d, or leave it out", name, got, least, most)
	}
}

// between returns what is wrong between the locations. A location whose own
// mistakes left it without a bucket is passed over.
func (j Job) between() problems {
	var bad problems
	src, dst, led := j.Source, j.Target, j.Ledger
	if src.is(writes) && dst.is(reads) {
		bad.at("source", "source and target are the wrong way round: %s can only be read and %s only be written, so write %s first", dst.Place(), src.Place(), dst.Place())
		return bad
	}
	if s, ok := schemeOf(src.Scheme); ok && s.use != reads {
		from := uses(reads)
		bad.at("source", "source: Ferry reads from %s alone: write a location such as %s", enumerate(titles(from), "and"), enumerate(examples(from), "or"))
	}
	derived := dst
	derived.Prefix = LedgerPrefix
	for side, l := range map[string]Location{"target": dst, "ledger": led} {
		if side == "ledger" && l == derived {
			continue // it has the target's mistakes, which are told already
		}
		if s, ok := schemeOf(l.Scheme); ok && s.use != writes {
			bad.at(side, "%s: Ferry writes to %s alone: write a location such as %s", side, enumerate(titles(uses(writes)), "and"), example[side])
		}
		if strings.HasPrefix(l.Prefix, "/") || strings.HasPrefix(l.Prefix, `\`) {
			// OSS user guide, "Object naming conventions".
			bad.at(side, "%s: OSS holds no key that begins with %q: write one slash after the bucket, or another prefix", side, l.Prefix[:1])
		}
	}
	slices.SortFunc(bad, func(a, b problem) int { return strings.Compare(a.says, b.says) })
	switch {
	case src.same(dst) && src.Prefix == dst.Prefix:
		bad.at("target", "source and target are the same place: name another bucket or prefix for one of them")
	case src.meets(dst):
		bad.at("target", "source and target overlap, so copies would be copied again: choose prefixes of which neither begins with the other")
	}
	switch {
	case led.Bucket != "" && led.Prefix != "" && !strings.HasSuffix(led.Prefix, "/"):
		bad.at("ledger", "the ledger's prefix does not end in /: add one")
	case led.same(dst) && led.Prefix == "":
		bad.at("ledger", "the ledger needs a prefix of its own in the target's bucket: write one such as %s, or name a bucket of its own", LedgerPrefix)
	case led.same(dst) && strings.HasPrefix(dst.Prefix, led.Prefix):
		bad.at("target", "the target's prefix lies inside the ledger's, %q: choose another for one of them", led.Prefix)
	}
	if led.meets(src) {
		bad.at("ledger", "the ledger lies inside the source, or around it, so it would be copied: choose another bucket or prefix for it")
	}
	return bad
}

// same reports whether l and m are in one bucket. Names of buckets are unique in each service.
func (l Location) same(m Location) bool {
	return l.Bucket != "" && l.service() == m.service() && l.Bucket == m.Bucket
}

// service is whose bucket l is: OSS may be read through its S3 interface, too.
func (l Location) service() string {
	if l.Scheme == S3 && l.at("aliyuncs.com") {
		return OSS
	}
	return l.Scheme
}

// meets reports whether a key can be in both.
func (l Location) meets(m Location) bool {
	return l.same(m) && (strings.HasPrefix(l.Prefix, m.Prefix) || strings.HasPrefix(m.Prefix, l.Prefix))
}

// is reports whether l is at a service of that use.
func (l Location) is(u use) bool {
	s, ok := schemeOf(l.Scheme)
	return ok && s.use == u
}
