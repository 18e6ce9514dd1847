package reading

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/overview/curve"
)

// Sign is what a process told last.
type Sign struct {
	live.Work
	Listed live.Sign
}

// readSigns reads what those tell who are at work, the newest first.
func (r *Reader) readSigns(ctx context.Context) error {
	most := min(laterSigns*r.turns, firstSigns)
	if !r.filled {
		most = firstSigns
	}
	var new []live.Sign
	for _, p := range r.At.Work {
		if known, ok := r.Signs[p.Key()]; !ok || p.Seen.After(known.Listed.Seen) {
			new = append(new, p)
		}
	}
	slices.SortFunc(new, func(a, b live.Sign) int { return b.Seen.Compare(a.Seen) })
	new = new[:min(len(new), most)]
	new = new[:r.budget.take(len(new))]
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, p := range new {
		g.Go(func() error {
			w, err := live.ReadWork(gctx, r.Run.Folder(), p)
			if ledger.Missing(err) || ledger.Unreadable(err) {
				return nil // it is for show
			}
			if err != nil {
				return err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			learned(r, p, w)
			return nil
		})
	}
	if h := r.At.Holder; h.N > 0 && (h.N != r.Holder.N || h.Seen.After(r.Holder.Seen)) && r.budget.take(1) == 1 {
		g.Go(func() (err error) {
			r.Holder, err = live.ReadHolder(gctx, r.Run.Folder(), h.N, h.Seen)
			return err
		})
	}
	return g.Wait()
}

// learned takes in what a process tells: batches that it wrote off need not be listed.
func learned(r *Reader, p live.Sign, w live.Work) {
	was := r.Signs[p.Key()]
	if was == nil {
		was = &Sign{}
		if d := w.Total.Throttled; d > 0 {
			r.Slow.Add(w.Since.Unix(), max(1, int64(w.At.Sub(w.Since)/time.Second)), curve.Point{Throttled: d})
		}
	} else if d := w.Total.Throttled - was.Total.Throttled; d > 0 {
		r.Slow.Add(was.At.Unix(), max(1, int64(w.At.Sub(was.At)/time.Second)), curve.Point{Throttled: d})
	}
	was.Work, was.Listed = w, p
	r.Signs[p.Key()] = was
	for _, b := range w.Written {
		if name, id, ok := strings.Cut(b.ID, "-"); ok {
			if s := r.Shards[name]; s != nil && s.Read {
				s.wroteOff(id, w.At)
			}
		}
	}
}

// Alive reports whether a process lives whose last sign was seen then.
func (r *Reader) Alive(seen, now time.Time) bool {
	newest := now.Add(-live.For)
	for _, p := range r.At.Work {
		newest = later(newest, p.Seen)
	}
	return newest.Sub(seen) <= live.WorkFor && now.Sub(seen) < live.For
}
