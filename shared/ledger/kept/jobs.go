// Package kept is what a deployment keeps of its jobs beside their runs: the jobs
// themselves, by name, which ticks of their timers began no run, and what a
// process intends to do to them that no other may do at the same time. That a job
// is sealed is the ledger's, for its runs depend on it.
package kept

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Job is a job that a deployment knows by its name: `jobs/<name>.json`. It
// is replaced as a whole when its owner changes it; runs hold frozen copies.
type Job struct {
	V    int                 `json:"v"`
	Name string              `json:"name"`
	Job  json.RawMessage     `json:"job"`            // as job.Encode writes it
	At   time.Time           `json:"at"`             // when it was kept
	Less time.Time           `json:"less,omitzero"`  // when a change of it last took something back; zero where none did lately
	List string              `json:"list,omitempty"` // where the keys are that it names, below the ledger's prefix
	Keys []ledger.KeySegment `json:"keys,omitempty"` // of these keys, below List
}

func jobFile(name string) string { return "jobs/" + name + ".json" }

// WriteJob keeps a job in place of the one of that name, also of one that cannot
// be read. keys, sorted and each once, are those that it names; none where its
// source is listed. It refuses with Newer to replace what a newer version kept.
func WriteJob(ctx context.Context, dir files.Folder, k Job, keys []string) error {
	before, err := ReadJob(ctx, dir, k.Name)
	if err != nil && !files.Missing(err) && fault.KindOf(err) != fault.Corrupt {
		return err
	}
	k.V = files.Version
	if len(keys) > 0 { // under a name of their own: who reads the record before reads its keys
		k.List = listsOf(k.Name) + ledger.Nonce() + "/"
		if k.Keys, err = ledger.WriteKeys(ctx, dir.Below(k.List), keys); err != nil {
			return err
		}
	}
	if err := files.WriteRecord(ctx, dir, jobFile(k.Name), k); err != nil {
		return err
	}
	return dropList(ctx, dir, before)
}

// listsOf begins the places of the keys that a job names.
func listsOf(job string) string { return "lists/" + job + "-" }

// dropList removes the keys of a job that is not kept any more. A record that
// was damaged may name anything: what is not below the job's lists stays.
func dropList(ctx context.Context, dir files.Folder, k Job) error {
	if !strings.HasPrefix(k.List, listsOf(k.Name)) {
		return nil
	}
	for _, s := range k.Keys {
		if err := dir.Remove(ctx, k.List+s.Name); err != nil {
			return err
		}
	}
	return nil
}

// ReadJob reads the job of that name. One that is not kept is NotFound, one that was
// damaged Corrupt, also where its record is that of another job. One that a newer
// version kept is Newer, and returned as far as it is as this version knows it.
func ReadJob(ctx context.Context, dir files.Folder, name string) (Job, error) {
	data, err := dir.Read(ctx, jobFile(name))
	if err != nil {
		return Job{}, err
	}
	k, err := files.DecodeRecord[Job](data, jobFile(name))
	if fault.KindOf(err) == fault.Newer {
		_ = json.Unmarshal(data, &k) // as much as there is
		k.Name = name
	}
	if err == nil && k.Name != name {
		return Job{}, fault.New(fault.Corrupt, "ledger.ReadJob", name, fmt.Errorf("it holds a job named %q", k.Name))
	}
	return k, err
}

// HasJob reports whether a job of that name is kept, whatever its record says.
func HasJob(ctx context.Context, dir files.Folder, name string) (bool, error) {
	return dir.Has(ctx, jobFile(name))
}

// ReadJobKeys reads the keys that a kept job names; none where its source is listed.
// A list that is missing is Corrupt, as is one that cannot be read.
func ReadJobKeys(ctx context.Context, dir files.Folder, k Job) ([]string, error) {
	var keys []string
	for _, s := range k.Keys {
		some, err := ledger.ReadKeys(ctx, dir.Below(k.List), s)
		if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Corrupt {
			return nil, fault.New(fault.Corrupt, "ledger.ReadJobKeys", k.Name, fmt.Errorf("the keys that the job %s names cannot be read (%w): ferry jobs apply %s takes them along again", k.Name, err, k.Name))
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, some...)
	}
	return keys, nil
}

// ListJobs lists the names of the jobs that are kept, in order, also of those that
// cannot be read. What lies deeper below jobs/ is none.
func ListJobs(ctx context.Context, dir files.Folder) ([]string, error) {
	var names []string
	err := dir.List(ctx, store.Range{Prefix: "jobs/"}, func(name string, _ store.Object) {
		if job, ok := strings.CutSuffix(strings.TrimPrefix(name, "jobs/"), ".json"); ok && job != "" && !strings.Contains(job, "/") {
			names = append(names, job)
		}
	})
	return names, err
}

// RemoveJob keeps the job of that name no more, whether or not it can be read. Its
// runs stay. One that is not kept is no error. The keys of one that cannot be
// read stay, too: what names them is what is damaged.
func RemoveJob(ctx context.Context, dir files.Folder, name string) error {
	k, err := ReadJob(ctx, dir, name)
	switch {
	case files.Missing(err):
		return nil
	case err != nil && !files.Unreadable(err):
		return err
	}
	if err := dir.Remove(ctx, jobFile(name)); err != nil {
		return err
	}
	return dropList(ctx, dir, k)
}
