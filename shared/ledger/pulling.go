package ledger

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// pulling is where a deployment's long invocations give signs of life:
// `pull/<since>-<process>`. They are live records of no run; lifecycle rules
// drop what is left of old ones.
const pulling = "pull/"

// Pull gives a sign of life of a process that pulls from the deployment's
// queues; its Seen is left to the store. at is the time by p's own clock.
func (l *Ledger) Pull(ctx context.Context, p Living, at time.Time) error {
	data, err := json.Marshal(live{Version, p.Process, p.Since.UTC(), at.UTC()})
	if err != nil {
		return fault.New(fault.Invalid, "ledger.Pull", p.Process, err)
	}
	return l.sign(ctx, p, data)
}

// Pulled says that p pulls no longer. Its record is emptied, not deleted, so
// that its role needs no permission to delete.
func (l *Ledger) Pulled(ctx context.Context, p Living) error { return l.sign(ctx, p, nil) }

func (l *Ledger) sign(ctx context.Context, p Living, data []byte) error {
	_, err := try(ctx, func() (struct{}, error) {
		return struct{}{}, l.put(ctx, l.prefix+pulling+p.Since.UTC().Format(RunTime)+"-"+p.Process, data, store.Put{})
	})
	return err
}

// Pulling lists the processes that pull and began after since, in the order in
// which they began. How it tells who is alive is what Run.Living says of it,
// now included.
func (l *Ledger) Pulling(ctx context.Context, since, now time.Time) ([]Living, error) {
	all, err := try(ctx, func() ([]Living, error) { return l.pullers(ctx, since) })
	if err != nil {
		return nil, err
	}
	return alive(all, now), nil
}

// pullers lists the signs that have not been emptied.
func (l *Ledger) pullers(ctx context.Context, since time.Time) (all []Living, err error) {
	within := store.Range{Prefix: l.prefix + pulling}
	within.After = within.Prefix + since.UTC().Format(RunTime)
	ended := map[string]bool{}
	for o, err := range l.bucket.List(ctx, within) {
		if err != nil {
			return nil, err
		}
		p, ok := signOf(strings.TrimPrefix(o.Key, within.Prefix), o)
		if !ok {
			continue
		}
		ended[p.Process] = o.Size == 0
		all = append(all, p)
	}
	return slices.DeleteFunc(all, func(p Living) bool { return ended[p.Process] }), nil
}

// signOf reads the sign of life whose name is <since>-<process>.
func signOf(name string, o store.Object) (Living, bool) {
	began, process, ok := strings.Cut(name, "-")
	since, err := time.Parse(RunTime, began)
	return Living{Process: process, Since: since, Seen: o.Modified}, ok && err == nil
}

// alive leaves of the signs those that are at most LiveFor older than the newest.
func alive(all []Living, now time.Time) []Living {
	newest := now.Add(-LiveFor)
	for _, p := range all {
		if p.Seen.After(newest) {
			newest = p.Seen
		}
	}
	if !now.IsZero() && !newest.After(now.Add(-LiveFor)) {
		return nil
	}
	return slices.DeleteFunc(all, func(p Living) bool { return newest.Sub(p.Seen) > LiveFor })
}
