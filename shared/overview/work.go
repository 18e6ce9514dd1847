package overview

import (
	"cmp"
	"slices"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/overview/reading"
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

// foldWork is who works on the run.
func foldWork(r *reading.Reader) Work {
	now := r.Now()
	w := Work{Workers: []Worker{}, Bounded: r.Bounded}
	by := map[string]*Worker{}
	for _, p := range r.At.Work {
		w.Last = later(w.Last, p.Seen)
		one := Worker{Process: p.Process, Does: Works, Since: p.Since, Seen: p.Seen}
		s := r.Signs[p.Key()]
		if s != nil && s.Left || !r.Alive(p.Seen, now) {
			continue
		}
		if s != nil {
			one.tells(s.Work)
		}
		by[p.Process] = &one
	}
	for _, p := range r.At.Signs { // of limits, which come more often
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
	if h := r.Holder; h.N > 0 {
		w.Last = later(w.Last, r.At.Holder.Seen)
		if !h.Ended && now.Sub(r.At.Holder.Seen) <= live.For && len(by) == 0 {
			by[h.Process] = &Worker{Process: h.Process, Host: h.Host, PID: h.PID, Does: Works, Since: h.Since, Seen: r.At.Holder.Seen}
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
	if r.Started.Deployed {
		after = deployedAfter
	}
	last := later(later(r.Newest, w.Last), r.Started.Written)
	w.Nobody = w.Alive == 0 && !r.Started.Events && !r.Standing.Stopped() && now.Sub(last) > after
	if h := r.Holder; h.N > 0 && h.Ended && w.Alive == 0 && !r.Standing.Stopped() && !r.Started.Deployed {
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

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
