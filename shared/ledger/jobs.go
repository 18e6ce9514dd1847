package ledger

import (
	"context"
	"encoding/json"
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
	List string          `json:"list,omitempty"` // where the keys are that it names, below the ledger's prefix
	Keys []KeySegment    `json:"keys,omitempty"` // of these keys, below List
}

// top is the ledger itself, for what belongs to no run.
func (l *Ledger) top() *Run { return &Run{ledger: l, base: l.prefix} }

func jobFile(name string) string { return "jobs/" + name + ".json" }

// KeepJob keeps a job in place of the one of that name. keys, sorted and each
// once, are those that it names; none where its source is listed.
func (l *Ledger) KeepJob(ctx context.Context, k KeptJob, keys []string) error {
	before, err := l.Job(ctx, k.Name)
	if err != nil && !Missing(err) {
		return err
	}
	k.V = Version
	if len(keys) > 0 { // under a name of their own: who reads the record before reads its keys
		k.List = "lists/" + k.Name + "-" + Nonce() + "/"
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

// dropList removes the keys of a job that is not kept any more.
func (l *Ledger) dropList(ctx context.Context, k KeptJob) error {
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

// Job reads the job of that name. One that is not kept is NotFound.
func (l *Ledger) Job(ctx context.Context, name string) (KeptJob, error) {
	return readRecord[KeptJob](ctx, l.top(), jobFile(name))
}

// JobKeys reads the keys that a kept job names; none where its source is listed.
func (l *Ledger) JobKeys(ctx context.Context, k KeptJob) ([]string, error) {
	var keys []string
	for _, s := range k.Keys {
		some, err := l.list(k.List).Keys(ctx, s)
		if err != nil {
			return nil, err
		}
		keys = append(keys, some...)
	}
	return keys, nil
}

// Jobs lists the names of the jobs that are kept, in order.
func (l *Ledger) Jobs(ctx context.Context) ([]string, error) {
	var names []string
	err := l.top().objects(ctx, store.Range{Prefix: "jobs/"}, func(name string, _ store.Object) {
		if job, ok := strings.CutSuffix(strings.TrimPrefix(name, "jobs/"), ".json"); ok {
			names = append(names, job)
		}
	})
	return names, err
}

// DropJob keeps the job of that name no more. Its runs stay. One that is not
// kept is no error.
func (l *Ledger) DropJob(ctx context.Context, name string) error {
	k, err := l.Job(ctx, name)
	if Missing(err) {
		return nil
	}
	if err != nil {
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
	return s.At, err
}

// Sealed tells whether a job was ended for good, and since when. Whoever
// writes for a job asks: a start, a timer, an event, a task at work.
func (l *Ledger) Sealed(ctx context.Context, job string) (since time.Time, sealed bool, err error) {
	s, err := readRecord[seal](ctx, l.top(), sealFile(job))
	if Missing(err) {
		return time.Time{}, false, nil
	}
	return s.At, err == nil, err
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
