package progress

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// Reproof is one walk over the records of a verification: what there is to do, and what
// of it is done. It holds some 200 bytes a piece, and the first MaxFailures failures.
type Reproof struct {
	Started  ledger.Started
	Open     []ledger.ShardRef // pieces without an outcome
	Done     int               // pieces with one
	Counts   ledger.Reproof
	Failures []ledger.Failure
	Files    []ledger.File
	Unknown  []ledger.Reproved // what was given up, and shards that the run itself did not verify
	Newest   time.Time         // when the newest record was written, by the store's clock
}

// WalkReproof walks over the records of a verification.
func WalkReproof(ctx context.Context, r *ledger.Run) (Reproof, error) {
	var w Reproof
	var err error
	if w.Started, err = r.ReadStarted(ctx); err != nil {
		return w, err
	}
	w.Newest = w.Started.Written
	named, err := proofRoots(ctx, r, &w)
	if err != nil {
		return w, err
	}
	done := map[string]bool{}
	if err := r.Folder().List(ctx, store.Range{Prefix: "reproved/"}, func(name string, o store.Object) {
		done[strings.TrimPrefix(name, "reproved/")] = true
		w.Newest = later(w.Newest, o.Modified)
	}); err != nil {
		return w, err
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for shard := range done {
		g.Go(func() error {
			p, err := r.Pieces().ReadReproved(gctx, shard)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			w.take(p)
			named = append(named, p.Next...)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return w, err
	}
	w.Open = slices.DeleteFunc(named, func(s ledger.ShardRef) bool { return done[s.Shard] })
	slices.SortFunc(w.Open, func(a, b ledger.ShardRef) int { return strings.Compare(a.Range.After, b.Range.After) })
	slices.SortFunc(w.Unknown, func(a, b ledger.Reproved) int { return strings.Compare(a.Range.After, b.Range.After) })
	slices.SortFunc(w.Failures, func(a, b ledger.Failure) int { return strings.Compare(a.Key, b.Key) })
	slices.SortFunc(w.Files, func(a, b ledger.File) int { return strings.Compare(a.Name, b.Name) })
	w.Failures = w.Failures[:min(len(w.Failures), ledger.MaxFailures)]
	return w, nil
}

// proofRoots returns the pieces that a verification begins with: the shards that the run
// verified. Those that it did not go to w.Unknown. Those without keys of the prefix that
// was asked for are neither.
func proofRoots(ctx context.Context, r *ledger.Run, w *Reproof) ([]ledger.ShardRef, error) {
	of, err := Glance(ctx, r.Of())
	if err != nil {
		return nil, err
	}
	var roots []ledger.ShardRef
	for _, s := range of.Shards {
		if _, again := ledger.ParentOf(s.Ref.Shard); again {
			continue // its rows are among those of its first round
		}
		ref, why := s.Ref, ""
		switch {
		case s.Closed == nil:
			why = "the run did not list it"
		case s.Closed.Failed != "":
			why = s.Closed.Failed
		case s.Proved == nil:
			ref.Range, why = s.Closed.Range, "the run did not verify it"
		default:
			ref.Range, why = s.Closed.Range, s.Proved.Failed
		}
		prefix := w.Started.Verifies.Prefix
		switch {
		case !meets(ref.Range, prefix):
		case why != "":
			w.Unknown = append(w.Unknown, ledger.Reproved{Shard: ref.Shard, Range: ref.Range, Failed: why})
		default:
			ref.Range.Prefix = prefix
			roots = append(roots, ref)
		}
	}
	return roots, nil
}

// meets reports whether a stretch may have keys that begin with prefix.
func meets(in store.Range, prefix string) bool {
	before := in.UpTo != "" && in.UpTo < prefix
	behind := in.After > prefix && !strings.HasPrefix(in.After, prefix)
	return !before && !behind
}

// take folds one outcome into w.
func (w *Reproof) take(p ledger.Reproved) {
	w.Done++
	w.Counts.Add(p.Counts)
	if p.Failed != "" {
		w.Unknown = append(w.Unknown, p)
	}
	if p.Objects.Name != "" {
		w.Files = append(w.Files, p.Objects)
	}
	if w.Failures = append(w.Failures, p.Failures...); len(w.Failures) > 2*ledger.MaxFailures {
		slices.SortFunc(w.Failures, func(a, b ledger.Failure) int { return strings.Compare(a.Key, b.Key) })
		w.Failures = slices.Clone(w.Failures[:ledger.MaxFailures])
	}
}
