// Package job says what a user asks for: which bucket goes where, by which
// rules, within which limits. New and ParseLocation turn words into a Job and
// report every mistake at once; start with the type Job.
package job

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kodoferry/shared/fault"
)

// Version is the format that Encode writes. Decode reads it and the one before.
const Version = 1

// The words of the policies. The first of each is the default.
const (
	KeepClass = "keep" // Class: each object keeps its own

	FailMismatch = "fail" // HashMismatch: content that disagrees with the listed hash, twice and equally, is a failed row
	CopyMismatch = "copy" // HashMismatch: it is copied all the same, and the row says so

	OverwriteChanged = "changed" // Overwrite: what Ferry did not write is a conflict and stays
	OverwriteNewer   = "newer"   // Overwrite: of what Ferry did not write, only what is older than the source's; the rest is skipped
	OverwriteNever   = "never"   // Overwrite: what the target holds stays, and is skipped where it differs
	OverwriteAlways  = "always"  // Overwrite: the source wins

	ProvePresent  = "prove"  // Present: what the target had before is read there, and held against the source's hash
	AcceptPresent = "accept" // Present: equal size suffices, and the report counts it apart
	CopyPresent   = "copy"   // Present: it is copied over

	CopyDeleted  = "copy"  // DeletedInTarget: what an earlier run copied, and is deleted in the target, is copied again
	LeaveDeleted = "leave" // DeletedInTarget: it stays deleted, and is skipped

	FollowAttributes = "follow" // Attributes: what changed at the source is set in the target, without a copy
	IgnoreAttributes = "ignore" // Attributes: the copies keep those that they were given

	SkipOverlap  = "skip"  // Overlap: a timer begins no run while an earlier one is not over, and says so
	AllowOverlap = "allow" // Overlap: runs of the job may be under way at the same time
)

// LedgerPrefix is where the ledger lies in the target's bucket unless the job names another place.
const LedgerPrefix = ".ferry/"

// Job is what a user asks for. A zero field means its default (WithDefaults).
type Job struct {
	V               int      `json:"v"`
	Name            string   `json:"name"`                      // letters, digits, - and _; 1 to 60 of them
	Source          Location `json:"source"`                    // read, never written
	Target          Location `json:"target"`                    // at OSS
	Ledger          Location `json:"ledger"`                    // at OSS, in an unversioned bucket
	Class           string   `json:"class,omitempty"`           // KeepClass, or the store.Class every copy gets
	HashMismatch    string   `json:"hashMismatch,omitempty"`    // FailMismatch or CopyMismatch
	Overwrite       string   `json:"overwrite,omitempty"`       // OverwriteChanged, …Newer, …Never or …Always
	Present         string   `json:"present,omitempty"`         // ProvePresent, …Accept or …Copy: what the target had before, of equal size
	DeletedInTarget string   `json:"deletedInTarget,omitempty"` // CopyDeleted or LeaveDeleted
	Attributes      string   `json:"attributes,omitempty"`      // FollowAttributes or IgnoreAttributes
	Unguarded       bool     `json:"unguarded,omitempty"`       // put keys that the listing did not show without the condition that they still be absent
	Filter          Filter   `json:"filter,omitzero"`           // which objects of the source; zero: all
	KeyList         string   `json:"keyList,omitempty"`         // path, as the user wrote it, of the file that names the keys; "": the source is listed
	Thaw            bool     `json:"thaw,omitempty"`            // archived objects of the source are restored and copied; without it they are skipped
	ThawDays        int      `json:"thawDays,omitempty"`        // days for which they can be read: 1..30 (3), at Kodo 1..7
	ThawWait        Span     `json:"thawWait,omitempty"`        // how long a run waits for one, from when it is asked for: 1 m..30 days (48 h)
	AllowEmpty      bool     `json:"allowEmpty,omitempty"`      // a run that finds nothing to copy at the source is verified all the same
	Delete          bool     `json:"delete,omitempty"`          // mirror: remove from the target Ferry's copies of what the source no longer has
	MaxDeletes      int64    `json:"maxDeletes,omitempty"`      // most objects that Delete may remove in one run: 1.. (1,000), or NoDeletes; one more, and none is. Events remove as many in a UTC day at most
	MaxDeleteShare  float64  `json:"maxDeleteShare,omitempty"`  // most of what the target has, as a part of 1, that Delete may remove in one run: above 0 to 1 (0.1), or NoShare
	Events          Events   `json:"events,omitzero"`           // follow the source's events between runs; zero: not
	Overlap         string   `json:"overlap,omitempty"`         // SkipOverlap or AllowOverlap
	Limits          Limits   `json:"limits,omitzero"`
	Alerts          []Alert  `json:"alerts,omitempty"` // webhooks that are told what becomes of a run
}

// Limits bounds the work. A zero field means its default.
type Limits struct {
	Parallel     int   `json:"parallel,omitempty"`     // objects at a time in one process: 1..MaxParallel, or AutoParallel
	BatchObjects int   `json:"batchObjects,omitempty"` // objects of one copy task, at most: 1..10,000 (10,000)
	BatchBytes   int64 `json:"batchBytes,omitempty"`   // bytes of one copy task, at most: 1..5 TiB (16 GiB); a bigger object goes alone
	ShardKeys    int64 `json:"shardKeys,omitempty"`    // keys of one list task: 1..1,000,000 (200,000)
	ShardBytes   int64 `json:"shardBytes,omitempty"`   // bytes of rows of one list task: 1..256 MiB (32 MiB)
	Attempts     int   `json:"attempts,omitempty"`     // tries for each task and each object: 1..100 (5)
	Rounds       int   `json:"rounds,omitempty"`       // how often an object that changed meanwhile is sealed again: 1..20 (3)
	Fanout       int   `json:"fanout,omitempty"`       // stretches that a full shard leaves the rest in, at most: 1..64 (8); 1 lists in one chain
	PartsAbove   int64 `json:"partsAbove,omitempty"`   // bytes above which an object goes in parts: 4 MiB..5 GiB (32 MiB in functions, else 256 MiB)
	PartSize     int64 `json:"partSize,omitempty"`     // bytes of the first part, a multiple of 4 MiB: 4 MiB..4 GiB (16 MiB); larger where 10,000 parts would not suffice
	LeastRate    int64 `json:"leastRate,omitempty"`    // bytes a second that a connection must carry while it is waited for: 1..1 GiB (1 KiB); one that carries less for half a minute is given up, and the object tried again
	Outage       Span  `json:"outage,omitempty"`       // how long a task waits for a source or target that does not answer as a whole, without spending tries: 1 m..30 days (24 h)

	// These bound all processes of a run together; 0 does not bound.
	Bandwidth Bandwidth `json:"bandwidth,omitzero"`  // bytes read from the source
	Requests  int       `json:"requests,omitempty"`  // requests a second to source and target
	Instances int       `json:"instances,omitempty"` // processes at work at the same time
}

// DefaultLimits returns the limits of a job that names none.
func DefaultLimits() Limits {
	return Limits{
		Parallel: AutoParallel, BatchObjects: 10_000, BatchBytes: 16 << 30,
		ShardKeys: 200_000, ShardBytes: 32 << 20, Attempts: 5, Rounds: 3,
		Fanout: 8, PartSize: 16 << 20, LeastRate: 1 << 10, Outage: Span(24 * time.Hour), // PartsAbove depends on where the run is started
	}
}

const (
	// defaultThawDays and defaultThawWait are of a job that thaws and names none: what is
	// deepest archived takes most of a day to be restored.
	defaultThawDays = 3
	defaultThawWait = Span(48 * time.Hour)
	// defaultDeletes is the MaxDeletes of a job that names none.
	defaultDeletes = 1000
	// defaultShare is the MaxDeleteShare of a job that names none.
	defaultShare = 0.1
	// NoShare is the MaxDeleteShare of a job that removes nothing, as NoDeletes is.
	NoShare float64 = -1
	// NoDeletes is the MaxDeletes of a job that removes nothing. A zero would be
	// taken for one that is not given, also by an earlier version that reads the job.
	NoDeletes int64 = -1
)

// ParseDeletes reads a MaxDeletes as a user writes it, where 0 means none.
func ParseDeletes(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%.40q is no whole number: write one such as 1000, or 0 for none", s)
	case n < 0:
		return 0, fmt.Errorf("%d is below 0: write a number from 0, which means none", n)
	case n == 0:
		return NoDeletes, nil
	}
	return n, nil
}

// ParseShare reads a MaxDeleteShare as a user writes it: a part of 1, or so many
// percent. 0 means none.
func ParseShare(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	switch {
	case err != nil || !(share >= 0 && share <= 1):
		return 0, fmt.Errorf("%.40q is no share: write one from 0 to 1, such as 0.25, or as 25%%", s)
	case share == 0:
		return NoShare, nil
	}
	return share, nil
}

// DeleteShare is which part of what the target has Delete may remove in one run
// at most: 0 to 1.
func (j Job) DeleteShare() float64 { return max(j.MaxDeleteShare, 0) }

// Deletes is how many objects Delete may remove in one run at most: 0 or more.
func (j Job) Deletes() int64 { return max(j.MaxDeletes, 0) }

// New returns the job that copies src to dst and keeps its ledger at ledger
// ("" for the default), all three as ParseLocation reads them. Each set
// changes the job before the defaults are filled in and all of it is checked.
// The error is Invalid and names every mistake.
func New(src, dst, ledger string, set ...func(*Job)) (Job, error) {
	j, bad := assemble(src, dst, ledger, set...)
	return j, bad.err("job.New", j.Name)
}

// assemble makes a job of its words and returns all that is wrong with it.
func assemble(src, dst, ledger string, set ...func(*Job)) (Job, problems) {
	var j Job
	var bad problems
	for _, side := range []struct {
		name, raw string
		to        *Location
	}{{"source", src, &j.Source}, {"target", dst, &j.Target}, {"ledger", ledger, &j.Ledger}} {
		if side.raw == "" {
			if side.name != "ledger" {
				bad.at(side.name, "%s: no location: write one such as %s", side.name, example[side.name])
			}
			continue
		}
		l, wrong := parse(side.raw)
		*side.to = l
		bad.under(side.name, wrong)
	}
	for _, f := range set {
		f(&j)
	}
	j = j.WithDefaults()
	return j, append(bad, j.own()...)
}

// example shows what each side's location looks like.
var example = map[string]string{
	"source": "kodo://photos/2019/?region=z0",
	"target": "oss://photos-new/2019/?region=cn-hangzhou",
	"ledger": "oss://photos-new/.ferry/?region=cn-hangzhou",
}

// WithDefaults returns j with every zero field filled in.
func (j Job) WithDefaults() Job {
	j.V = cmp.Or(j.V, Version)
	if j.Ledger == (Location{}) && j.Target.Bucket != "" {
		j.Ledger = j.Target
		j.Ledger.Prefix = LedgerPrefix
	}
	if j.Name == "" {
		j.Name = nameFor(j.Source, j.Target)
	}
	j.Class = cmp.Or(j.Class, KeepClass)
	j.HashMismatch = cmp.Or(j.HashMismatch, FailMismatch)
	j.Overwrite = cmp.Or(j.Overwrite, OverwriteChanged)
	j.Present = cmp.Or(j.Present, ProvePresent)
	j.DeletedInTarget = cmp.Or(j.DeletedInTarget, CopyDeleted)
	j.Attributes = cmp.Or(j.Attributes, FollowAttributes)
	if j.Thaw {
		j.ThawDays, j.ThawWait = cmp.Or(j.ThawDays, defaultThawDays), cmp.Or(j.ThawWait, defaultThawWait)
	}
	j.Overlap = cmp.Or(j.Overlap, SkipOverlap)
	j.MaxDeletes = cmp.Or(j.MaxDeletes, defaultDeletes)
	j.MaxDeleteShare = cmp.Or(j.MaxDeleteShare, defaultShare)
	l, d := &j.Limits, DefaultLimits()
	l.BatchObjects = cmp.Or(l.BatchObjects, d.BatchObjects)
	l.BatchBytes = cmp.Or(l.BatchBytes, d.BatchBytes)
	l.ShardKeys = cmp.Or(l.ShardKeys, d.ShardKeys)
	l.ShardBytes = cmp.Or(l.ShardBytes, d.ShardBytes)
	l.Attempts = cmp.Or(l.Attempts, d.Attempts)
	l.Rounds = cmp.Or(l.Rounds, d.Rounds)
	l.Fanout = cmp.Or(l.Fanout, d.Fanout)
	l.PartSize = cmp.Or(l.PartSize, d.PartSize)
	l.LeastRate = cmp.Or(l.LeastRate, d.LeastRate)
	l.Outage = cmp.Or(l.Outage, d.Outage)
	return j
}

// maxName is the longest job name, in characters.
const maxName = 60

// nameFor derives a name from what is copied where: readable, and with a hash
// that keeps two pairs apart. How the buckets are reached does not matter, so
// that the same job has one name inside the cloud and on a laptop. But at S3 it
// does: many services have buckets of one name.
func nameFor(src, dst Location) string {
	h := sha256.Sum256([]byte(src.bare().String() + "\n" + dst.bare().String()))
	tail := "-" + hex.EncodeToString(h[:6])
	words := strings.FieldsFunc(src.Bucket+"/"+src.Prefix+"/to/"+dst.Bucket+"/"+dst.Prefix, func(r rune) bool { return !nameRune(r) })
	head := strings.Join(words, "-")
	return head[:min(len(head), maxName-len(tail))] + tail
}

func nameRune(r rune) bool { return wordRune(r) || r == '-' || r == '_' }

func wordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// TargetKey returns where the object sourceKey, which begins with the source's
// prefix, is copied to: one prefix swapped for the other, nothing else. So
// order is kept, and two keys never meet.
func (j Job) TargetKey(sourceKey string) string {
	return j.Target.Prefix + strings.TrimPrefix(sourceKey, j.Source.Prefix)
}

// SourceKey is the way back. It reports false for a key outside the target's prefix.
func (j Job) SourceKey(targetKey string) (string, bool) {
	rest, ok := strings.CutPrefix(targetKey, j.Target.Prefix)
	if !ok {
		return "", false
	}
	return j.Source.Prefix + rest, true
}

// Clash says that j and another job write to one place, Invalid: their runs
// would overwrite each other's copies, and take them for someone else's. It is
// nil where no key can be both's.
func (j Job) Clash(o Job) error {
	if j.Name == o.Name || !j.Target.meets(o.Target) {
		return nil
	}
	place := func(l Location) string {
		return Location{Scheme: l.Scheme, Bucket: l.Bucket, Prefix: l.Prefix}.String()
	}
	return fault.New(fault.Invalid, "job.Clash", j.Name, fmt.Errorf("the jobs %s and %s write to one place, %s and %s: give one of them another prefix or bucket, or do without it (ferry jobs remove %s)",
		j.Name, o.Name, place(j.Target), place(o.Target), o.Name))
}

// Encode returns j as JSON in the newest format. A text that is not UTF-8 is
// Invalid, for JSON would replace it.
func Encode(j Job) ([]byte, error) {
	f := j.Filter
	texts := slices.Concat([]string{j.Name, j.Source.Prefix, j.Target.Prefix, j.Ledger.Prefix, j.KeyList}, f.Include, f.Exclude, f.IncludeRegexp, f.ExcludeRegexp, f.Suffix)
	if !utf8.ValidString(strings.Join(texts, " ")) {
		return nil, fault.New(fault.Invalid, "job.Encode", j.Name, fmt.Errorf("a name, prefix or pattern of the job is not UTF-8: name it in UTF-8"))
	}
	j.V = Version
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(j); err != nil {
		return nil, fault.New(fault.Invalid, "job.Encode", j.Name, err)
	}
	return b.Bytes(), nil
}

// Decode reads what Encode wrote, in this format or the one before, and fills
// in what has got a default since. It does not check the job: a run under way
// must stay readable when the rules for new jobs get stricter. What is no job
// is Invalid; one in a newer format is Newer, for a process that can read it.
func Decode(data []byte) (Job, error) {
	var j Job
	var head struct{ V int } // first: in a newer format a field may be of another type
	if err := json.Unmarshal(data, &head); err == nil && head.V > Version {
		return Job{}, fault.New(fault.Newer, "job.Decode", "", fmt.Errorf("the job is in format %d, this version reads up to %d: upgrade Ferry", head.V, Version))
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return Job{}, fault.New(fault.Invalid, "job.Decode", "", fmt.Errorf("not a job: %w", err))
	}
	switch {
	case j.V < 1 || j.V < Version-1:
		return Job{}, fault.New(fault.Invalid, "job.Decode", j.Name, fmt.Errorf("not a job in a format this version reads (%d, want %d): make the job again", j.V, Version))
	}
	return j.WithDefaults(), nil
}

// TargetOf returns where a job writes that Encode wrote in whatever format, as far
// as that can be told: ok is false where it names no target. It is for holding
// jobs apart that this version cannot read.
func TargetOf(data []byte) (target Location, ok bool) {
	var j struct {
		Target Location `json:"target"`
	}
	err := json.Unmarshal(data, &j)
	return j.Target, err == nil && j.Target.Bucket != ""
}
