package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// KeptJob is a job that a deployment knows by its name: `jobs/<name>.json`. It
// is replaced as a whole when its owner changes it; runs hold frozen copies.
type KeptJob struct {
	V    int             `json:"v"`
	Name string          `json:"name"`
	Job  json.RawMessage `json:"job"`            // as job.Encode writes it
	At   time.Time       `json:"at"`             // when it was kept
	Less time.Time       `json:"less,omitzero"`  // when a change of it last took something back; zero where none did lately
	List string          `json:"list,omitempty"` // where the keys are that it names, below the ledger's prefix
	Keys []KeySegment    `json:"keys,omitempty"` // of these keys, below List
}

// top is the ledger itself, for what belongs to no run.
func (l *Ledger) top() *Run { return &Run{ledger: l, base: l.prefix} }

func jobFile(name string) string { return "jobs/" + name + ".json" }

// KeepJob keeps a job in place of the one of that name, also of one that cannot
// be read. keys, sorted and each once, are those that it names; none where its
// source is listed. It refuses with Newer to replace what a newer version kept.
func (l *Ledger) KeepJob(ctx context.Context, k KeptJob, keys []string) error {
	before, err := l.Job(ctx, k.Name)
	if err != nil && !Missing(err) && fault.KindOf(err) != fault.Corrupt {
		return err
	}
	k.V = Version
	if len(keys) > 0 { // under a name of their own: who reads the record before reads its keys
		k.List = listsOf(k.Name) + Nonce() + "/"
		if k.Keys, err = l.list(k.List).WriteKeys(ctx, keys); err != nil {
			return err
		}
	}
	data, err := json.Marshal(k)
	if err != nil {
		return fault.New(fault.Invalid, "ledger.KeepJob", k.Name, err)
	}
	if err := l.top().write(ctx, jobFile(k.Name), data); err != nil {
		return err
	}
	return l.dropList(ctx, before)
}

func (l *Ledger) list(name string) *Run { return &Run{ledger: l, base: l.prefix + name} }

// listsOf begins the places of the keys that a job names.
func listsOf(job string) string { return "lists/" + job + "-" }

// dropList removes the keys of a job that is not kept any more. A record that
// was damaged may name anything: what is not below the job's lists stays.
func (l *Ledger) dropList(ctx context.Context, k KeptJob) error {
	if !strings.HasPrefix(k.List, listsOf(k.Name)) {
		return nil
	}
	for _, s := range k.Keys {
		if err := l.remove(ctx, l.prefix+k.List+s.Name); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) remove(ctx context.Context, key string) error {
	_, err := try(ctx, func() (struct{}, error) { return struct{}{}, l.bucket.Delete(ctx, key) })
	return err
}

// Job reads the job of that name. One that is not kept is NotFound, one that was
// damaged Corrupt, also where its record is that of another job. One that a newer
// version kept is Newer, and returned as far as it is as this version knows it.
func (l *Ledger) Job(ctx context.Context, name string) (KeptJob, error) {
	data, err := l.top().read(ctx, jobFile(name))
	if err != nil {
		return KeptJob{}, err
	}
	k, err := decodeRecord[KeptJob](data, jobFile(name))
	if fault.KindOf(err) == fault.Newer {
		_ = json.Unmarshal(data, &k) // as much as there is
		k.Name = name
	}
	if err == nil && k.Name != name {
		return KeptJob{}, fault.New(fault.Corrupt, "ledger.Job", name, fmt.Errorf("it holds a job named %q", k.Name))
	}
	return k, err
}

// Keeps reports whether a job of that name is kept, whatever its record says.
func (l *Ledger) Keeps(ctx context.Context, name string) (bool, error) {
	_, err := try(ctx, func() (store.Object, error) { return l.bucket.Stat(ctx, l.prefix+jobFile(name)) })
	if Missing(err) {
		return false, nil
	}
	return err == nil, err
}

// JobKeys reads the keys that a kept job names; none where its source is listed.
// A list that is missing is Corrupt, as is one that cannot be read.
func (l *Ledger) JobKeys(ctx context.Context, k KeptJob) ([]string, error) {
	var keys []string
	for _, s := range k.Keys {
		some, err := l.list(k.List).Keys(ctx, s)
		if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Corrupt {
			return nil, fault.New(fault.Corrupt, "ledger.JobKeys", k.Name, fmt.Errorf("the keys that the job %s names cannot be read (%w): ferry jobs apply %s takes them along again", k.Name, err, k.Name))
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, some...)
	}
	return keys, nil
}

// Jobs lists the names of the jobs that are kept, in order, also of those that
// cannot be read. What lies deeper below jobs/ is none.
func (l *Ledger) Jobs(ctx context.Context) ([]string, error) {
	var names []string
	err := l.top().objects(ctx, store.Range{Prefix: "jobs/"}, func(name string, _ store.Object) {
		if job, ok := strings.CutSuffix(strings.TrimPrefix(name, "jobs/"), ".json"); ok && job != "" && !strings.Contains(job, "/") {
			names = append(names, job)
		}
	})
	return names, err
}

// DropJob keeps the job of that name no more, whether or not it can be read. Its
// runs stay. One that is not kept is no error. The keys of one that cannot be
// read stay, too: what names them is what is damaged.
func (l *Ledger) DropJob(ctx context.Context, name string) error {
	k, err := l.Job(ctx, name)
	switch {
	case Missing(err):
		return nil
	case err != nil && !Unreadable(err):
		return err
	}
	if err := l.remove(ctx, l.prefix+jobFile(name)); err != nil {
		return err
	}
	return l.dropList(ctx, k)
}

// seal is `jobs/<name>.sealed`.
type seal struct {
	V  int       `json:"v"`
	At time.Time `json:"at"`
}

// Seal ends a job for good: no run of it is begun any more, and what a run does
// not have written by then it does not write. It returns since when that is so.
func (l *Ledger) Seal(ctx context.Context, job string, at time.Time) (time.Time, error) {
	s, err := createRecord(ctx, l.top(), sealFile(job), seal{Version, at.UTC()})
	if Unreadable(err) {
		return l.sealedAbout(ctx, job)
	}
	return s.At, err
}

// Sealed tells whether a job was ended for good, and since when. Whoever
// writes for a job asks: a start, a timer, an event, a task at work. A seal
// counts because it is there: one that cannot be read, or is of a newer version,
// ends its job as any other does.
func (l *Ledger) Sealed(ctx context.Context, job string) (since time.Time, sealed bool, err error) {
	s, err := readRecord[seal](ctx, l.top(), sealFile(job))
	switch {
	case Missing(err):
		return time.Time{}, false, nil
	case Unreadable(err):
		since, err = l.sealedAbout(ctx, job)
		return since, true, err
	}
	return s.At, err == nil, err
}

// sealedAbout tells when a seal was written that cannot be read, by the store's clock.
func (l *Ledger) sealedAbout(ctx context.Context, job string) (time.Time, error) {
	o, err := try(ctx, func() (store.Object, error) { return l.bucket.Stat(ctx, l.prefix+sealFile(job)) })
	return o.Modified, err
}

func sealFile(job string) string { return "jobs/" + job + ".sealed" }

// Skip says that a timer began no run: `skipped/<job>/<time>`.
type Skip struct {
	V   int       `json:"v"`
	Job string    `json:"job"`
	At  time.Time `json:"at"`            // the timer's
	Run string    `json:"run,omitempty"` // the run that was not over
	Why string    `json:"why"`
}

// Skip notes it. Of two deliveries of one tick the first stands.
func (l *Ledger) Skip(ctx context.Context, s Skip) error {
	s.V = Version
	_, err := createRecord(ctx, l.top(), "skipped/"+s.Job+"/"+s.At.UTC().Format(RunTime), s)
	return err
}

// Skips reads what timers skipped of a job after since, oldest first.
func (l *Ledger) Skips(ctx context.Context, job string, since time.Time) ([]Skip, error) {
	base := "skipped/" + job + "/"
	var names []string
	err := l.top().objects(ctx, store.Range{Prefix: base, After: base + since.UTC().Format(RunTime)}, func(name string, _ store.Object) { names = append(names, name) })
	if err != nil {
		return nil, err
	}
	skips := make([]Skip, len(names))
	for i, name := range names {
		if skips[i], err = readRecord[Skip](ctx, l.top(), name); err != nil {
			return nil, err
		}
	}
	return skips, nil
}
