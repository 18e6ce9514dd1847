// Package jobform is a job as a form: the fields of a job file, a file with one job out of
// what a person fills in, and what is wrong with each field.
//
//	fields.go  Groups: which fields there are, and how each is filled in
//	values.go  Values: what was filled in; Of reads it off a job
//	yaml.go    Values.YAML: the same job as a file
//	cron.go    Cron: when a trigger begins it
//
// A job is read and checked by the reader of job files, so that the form and a file agree.
package jobform

import "kodoferry/shared/job"

// Kind is how a field is filled in.
type Kind string

// The kinds of fields.
const (
	Text   Kind = "text"   // one line
	Choice Kind = "choice" // one of Words; "" is the default
	Flag   Kind = "flag"   // true, or not set
	Lines  Kind = "lines"  // a list, one a line
	Hooks  Kind = "hooks"  // the webhooks of alerts, one a line: to, kind, sign, insecure
)

// Field is a field of the form.
type Field struct {
	Path    string // as in a file: limits.partSize
	Kind    Kind
	Words   []string // of a Choice, the default first
	Default string   // what counts where nothing is filled in; "": nothing, or it depends
	Wide    bool     // it takes a whole row
	Must    bool     // it cannot be left out
}

// Group is fields that belong together.
type Group struct {
	Name   string // names its heading
	Open   bool   // it is shown at once
	Fields []Field
}

func text(path, byDefault string) Field { return Field{Path: path, Kind: Text, Default: byDefault} }

func choice(path string, words ...string) Field {
	return Field{Path: path, Kind: Choice, Words: words, Default: words[0]}
}

func lines(path string) Field { return Field{Path: path, Kind: Lines} }

func flag(path string) Field { return Field{Path: path, Kind: Flag} }

// Groups are all fields, in the order of the form. The fields name and keys are the form's
// own: the first is the job's name, the second the keys that keyList stands for.
var Groups = []Group{
	{Name: "place", Open: true, Fields: []Field{
		{Path: "name", Kind: Text, Must: true},
		{Path: "source", Kind: Text, Wide: true, Must: true},
		{Path: "target", Kind: Text, Wide: true, Must: true},
		{Path: "ledger", Kind: Text, Wide: true},
	}},
	{Name: "policy", Open: true, Fields: []Field{
		choice("overwrite", job.OverwriteChanged, job.OverwriteNewer, job.OverwriteNever, job.OverwriteAlways),
		choice("present", job.ProvePresent, job.AcceptPresent, job.CopyPresent),
		choice("deletedInTarget", job.CopyDeleted, job.LeaveDeleted),
		choice("attributes", job.FollowAttributes, job.IgnoreAttributes),
		choice("class", job.Classes()...),
		choice("hashMismatch", job.FailMismatch, job.CopyMismatch),
		choice("overlap", job.SkipOverlap, job.AllowOverlap),
		flag("allowEmpty"), flag("unguarded"),
	}},
	{Name: "mirror", Fields: []Field{
		flag("delete"), text("maxDeletes", "1000"), text("maxDeleteShare", "10%"), text("events.window", ""),
		flag("thaw"), text("thawDays", "3"), text("thawWait", "48h"),
	}},
	{Name: "filter", Fields: []Field{
		lines("filter.include"), lines("filter.exclude"), lines("filter.includeRegexp"), lines("filter.excludeRegexp"),
		lines("filter.suffix"), lines("filter.classes"),
		text("filter.minSize", ""), text("filter.maxSize", ""), text("filter.after", ""), text("filter.before", ""),
		text("keyList", ""), {Path: "keys", Kind: Lines, Wide: true},
	}},
	{Name: "limits", Fields: []Field{
		{Path: "limits.bandwidth", Kind: Text, Wide: true},
		text("limits.requests", ""), text("limits.instances", ""), text("limits.parallel", "auto"),
		text("limits.batchObjects", "10000"), text("limits.batchBytes", "16GiB"),
		text("limits.shardKeys", "200000"), text("limits.shardBytes", "32MiB"), text("limits.fanout", "8"),
		text("limits.attempts", "5"), text("limits.rounds", "3"), text("limits.outage", "24h"),
		text("limits.partsAbove", ""), text("limits.partSize", "16MiB"), text("limits.leastRate", "1KiB/s"),
	}},
	{Name: "alerts", Fields: []Field{{Path: "alerts", Kind: Hooks, Wide: true}}},
}

// Paths are those of all fields.
func Paths() (all []string) {
	for _, g := range Groups {
		for _, f := range g.Fields {
			all = append(all, f.Path)
		}
	}
	return all
}
