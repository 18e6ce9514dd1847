package overview

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
)

// What a Worker does.
const (
	Copies = "copies"
	Works  = "works" // lists, verifies, deletes, or anything else
	Waits  = "waits"
)

const (
	// nobodyAfter is how long nobody gave a sign of life when a run counts as left alone that
	// one process is to do; deployedAfter the same of one whose tasks may all wait in queues.
	nobodyAfter   = 90 * time.Second
	deployedAfter = 20 * time.Minute
)

// alive reports whether a process lives whose last sign was seen then.
func alive(r *reader, seen, now time.Time) bool {
	newest := now.Add(-live.For)
	for _, p := range r.at.Work {
		newest = later(newest, p.Seen)
	}
	return newest.Sub(seen) <= live.WorkFor && now.Sub(seen) < live.For
}

// foldWork is who works on the run.
func foldWork(r *reader) Work {
	now := r.now()
	w := Work{Workers: []Worker{}, Bounded: r.bounded}
	by := map[string]*Worker{}
	for _, p := range r.at.Work {
		w.Last = later(w.Last, p.Seen)
		one := Worker{Process: p.Process, Does: Works, Since: p.Since, Seen: p.Seen}
		s := r.signs[p.Key()]
		if s != nil && s.Left || !alive(r, p.Seen, now) {
			continue
		}
		if s != nil {
			one.tells(s.Work)
		}
		by[p.Process] = &one
	}
	for _, p := range r.at.Signs { // of limits, which come more often
		w.Last = later(w.Last, p.Seen)
		if now.Sub(p.Seen) > live.For {
			continue
		}
		one := by[p.Process]
		if one == nil {
			one = &Worker{Process: p.Process, Does: Works, Since: p.Since}
			by[p.Process] = one
		}
		one.Seen = later(one.Seen, p.Seen)
		switch {
		case p.Copies:
			one.Does = Copies
		case p.Waits && one.Does == Works:
			one.Does = Waits
		}
	}
	if h := r.holder; h.N > 0 {
		w.Last = later(w.Last, r.at.Holder.Seen)
		if !h.Ended && now.Sub(r.at.Holder.Seen) <= live.For && len(by) == 0 {
			by[h.Process] = &Worker{Process: h.Process, Host: h.Host, PID: h.PID, Does: Works, Since: h.Since, Seen: r.at.Holder.Seen}
		}
	}
	for _, one := range by {
		w.Workers = append(w.Workers, *one)
		w.Alive++
		if one.Does == Copies {
			w.Copying++
		}
	}
	slices.SortFunc(w.Workers, func(a, b Worker) int {
		return cmp.Or(cmp.Compare(a.Does, b.Does), a.Since.Compare(b.Since), cmp.Compare(a.Process, b.Process))
	})
	w.Workers = w.Workers[:min(len(w.Workers), MaxWorkers)]
	after := nobodyAfter
	if r.started.Deployed {
		after = deployedAfter
	}
	last := later(later(r.newest, w.Last), r.started.Written)
	w.Nobody = w.Alive == 0 && !r.started.Events && !r.standing.Stopped() && now.Sub(last) > after
	if h := r.holder; h.N > 0 && h.Ended && w.Alive == 0 && !r.standing.Stopped() && !r.started.Deployed {
		w.Nobody = true // it said so
	}
	return w
}

// tells fills in what a process tells.
func (w *Worker) tells(t live.Work) {
	w.Host, w.PID, w.InFlight, w.Binds = t.Host, t.PID, t.InFlight, t.Binds
	w.Ended = ledger.Tally{Objects: t.Total.Objects, Bytes: t.Total.Bytes}
	w.Minute = ledger.Tally{Objects: t.Minute.Objects, Bytes: t.Minute.Bytes}
	w.Throttled = t.Total.Throttled
	if t.Copies {
		w.Does = Copies
	}
	for _, b := range t.UnderWay {
		w.Batches = append(w.Batches, b.ID)
	}
}

// pending is what a batch has to be copied that is not known to have ended. ok is false of
// any other.
func pending(r *reader, name string) (t ledger.Tally, ok bool) {
	name, id, _ := strings.Cut(name, "-")
	s := r.shards[name]
	if s == nil || s.proved || !s.read && s.stretches == 0 {
		return t, false
	}
	if root, _, again := strings.Cut(id, "."); again {
		one := s.retries[root]
		if one == nil || one.ended {
			return t, false
		}
		return one.left, true
	}
	i, ok := slices.BinarySearchFunc(s.batches, id, func(b batch, id string) int { return strings.Compare(b.id, id) })
	if !ok || s.batches[i].done {
		return t, false
	}
	return ledger.Tally{Objects: int64(s.batches[i].pending), Bytes: s.batches[i].bytes}, true
}
