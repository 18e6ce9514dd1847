package ledger

import (
	"context"
	"strings"

	"kodoferry/shared/store"
)

// JobRecord is a job as the ledger keeps it.
type JobRecord struct {
	Name string
	Job  []byte // `jobs/<name>.json`, as job.Encode wrote it
	Ends string // the mark that ends or holds it: "sealed", "paused"; "" where it may run
}

// JobRecords reads every job of `jobs/`. Besides its record, a job may have a
// mark there, `jobs/<name>.sealed`, that ends it for good.
func (l *Ledger) JobRecords(ctx context.Context) ([]JobRecord, error) {
	const folder = "jobs/"
	var names []string
	ends := map[string]string{}
	for o, err := range l.bucket.List(ctx, store.Range{Prefix: l.prefix + folder}) {
		if err != nil {
			return nil, err
		}
		name, what, _ := strings.Cut(strings.TrimPrefix(o.Key, l.prefix+folder), ".")
		switch what {
		case "json":
			names = append(names, name)
		case "sealed", "paused":
			ends[name] = what
		}
	}
	records := make([]JobRecord, 0, len(names))
	for _, name := range names {
		data, err := l.root().read(ctx, folder+name+".json")
		if Missing(err) {
			continue // removed since it was listed
		}
		if err != nil {
			return nil, err
		}
		records = append(records, JobRecord{Name: name, Job: data, Ends: ends[name]})
	}
	return records, nil
}

// JobRecord reads one of them. A missing one is NotFound.
func (l *Ledger) JobRecord(ctx context.Context, name string) (JobRecord, error) {
	data, err := l.root().read(ctx, "jobs/"+name+".json")
	return JobRecord{Name: name, Job: data}, err
}

// root reads files that belong to no run.
func (l *Ledger) root() *Run { return &Run{ledger: l, base: l.prefix} }
