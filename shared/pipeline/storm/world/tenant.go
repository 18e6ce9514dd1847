package world

import (
	"slices"
	"strings"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger/eventnames"
)

// Books is the prefix of the ledger.
const Books = ".ferry/"

// Tenant is one of the jobs of the storm, and what is known of it.
type Tenant struct {
	Tag  string // tells it in names from the others; "": there are none
	Job  job.Job
	List []string // the keys that it names; none: it lists the source

	Match   *job.Matcher
	Asked   []string            // the keys of the run that was begun last, or is about to be
	Lists   map[string][]string // those of each run
	Retries int
	Kept    bool // in the ledger
	Ending  bool // the job is ended for good, or removed, in this storm
}

// SourceKey is the key of the source that is copied to a key of the target.
func (t *Tenant) SourceKey(key string) string {
	return t.Job.Source.Prefix + strings.TrimPrefix(key, t.Job.Target.Prefix)
}

// Owns returns the job that a key of the target is of, nil if of none.
func (w *World) Owns(key string) *Tenant {
	for _, t := range w.Tenants {
		if strings.HasPrefix(key, t.Job.Target.Prefix) {
			return t
		}
	}
	return nil
}

// Named reports whether a run is for a key, as far as lists of keys go.
func (t *Tenant) Named(run, key string) bool {
	keys, known := t.Lists[run]
	if !known {
		keys = t.Asked
	}
	return len(keys) == 0 || eventnames.IsRun(run) || slices.Contains(keys, key)
}
