package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// Cleaned is what Clean did, and what still costs money.
type Cleaned struct {
	Run     string       `json:"run"`
	Uploads int          `json:"uploads"` // open ones that were aborted
	Parts   ledger.Tally `json:"parts"`   // of these uploads, in the target's bucket
	Removed ledger.Tally `json:"removed"` // files of the ledger that nobody needs any more
	Stays   []Folder     `json:"stays"`   // what is billed until somebody removes it, by kind
	Total   ledger.Tally `json:"total"`   // of that
}

// Folder is files of one kind in a run's part of the ledger.
type Folder struct {
	Name string `json:"name"` // "listed/", "report.json"
	ledger.Tally
}

// passing are the files of a run that are of no use once it is over: marks,
// signs of life, what steered those at work, and how far a report had come.
var passing = []string{"sent/", "live/", "pace/", "stalled/", "limits.json", "ended/", "aborted.json"}

// Clean removes what a run has left behind: open uploads that the ledger knows,
// and files of the ledger that no record names or that only served those at
// work. A run that is not over is Invalid; with force, one that was cancelled
// is cleaned before its report is written. What cannot be aborted is the error;
// the rest is done all the same.
func (p *Pipeline) Clean(ctx context.Context, name string, force bool) (Cleaned, error) {
	c := Cleaned{Run: name, Stays: []Folder{}}
	r, err := p.run(ctx, name)
	if err != nil {
		return c, err
	}
	s, _, err := r.ledger.Standing(ctx)
	if err != nil {
		return c, err
	}
	if s != ledger.Over && !(force && s.Final()) {
		return c, fault.New(fault.Invalid, "pipeline.Clean", name, fmt.Errorf("run %s is not over (%s): wait for its end, or end it by ferry cancel %s", name, s, name))
	}
	uerr := r.cleanUploads(ctx, &c)
	needed := func(string) bool { return true }
	if s == ledger.Over {
		if needed, err = r.needed(ctx); err != nil {
			return c, errors.Join(uerr, err)
		}
	}
	return c, errors.Join(uerr, r.cleanFiles(ctx, &c, needed))
}

// cleanUploads aborts the uploads that are open still.
func (r *run) cleanUploads(ctx context.Context, c *Cleaned) error {
	batches, err := r.ledger.Uploads(ctx, "", math.MaxInt)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var failed []error
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for _, batch := range batches {
		g.Go(func() error {
			parts, open, err := r.partsLeft(gctx, batch)
			if err == nil && open {
				err = r.abort(gctx, batch)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				failed = append(failed, err)
			case open:
				c.Uploads++
				c.Parts.Add(parts.Objects, parts.Bytes)
			}
			return nil
		})
	}
	_ = g.Wait() // one that cannot be aborted keeps no other
	return errors.Join(failed...)
}

// partsLeft counts the parts of an upload, if it is open.
func (r *run) partsLeft(ctx context.Context, batch string) (t ledger.Tally, open bool, err error) {
	u, err := r.ledger.Upload(ctx, batch)
	if err != nil {
		return t, false, err
	}
	parts, err := r.dst.Parts(ctx, u.Row.Key(), u.ID)
	if fault.KindOf(err) == fault.NotFound {
		return t, false, nil
	}
	for _, p := range parts {
		t.Add(1, p.Size)
	}
	return t, err == nil, err
}

// needed tells which of the files with rows some record names. A delivery that
// was killed, or that lost the race to its twin, has left some that none does.
func (r *run) needed(ctx context.Context) (func(file string) bool, error) {
	walk, err := r.ledger.Walk(ctx)
	if err != nil {
		return nil, err
	}
	m, err := report.ReadManifest(ctx, r.ledger)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, f := range m.Files {
		named[f.Name] = true
	}
	for _, s := range walk.Shards {
		if s.Proved != nil {
			named[s.Proved.Objects.Name] = true
		}
		if s.Closed == nil {
			continue
		}
		for _, batches := range [][]ledger.BatchRef{s.Closed.Batches, s.Closed.Deletes} {
			for _, b := range batches {
				named[ledger.SegmentName(b.ID)] = true
			}
		}
	}
	return func(file string) bool {
		rows := strings.HasPrefix(file, "listed/") || strings.HasPrefix(file, "objects/")
		return !rows || named[file]
	}, nil
}

// cleanFiles removes files of the ledger and counts the others.
func (r *run) cleanFiles(ctx context.Context, c *Cleaned, needed func(string) bool) error {
	var gone []string
	err := r.ledger.Files(ctx, func(name string, size int64) {
		if passes(name) || !needed(name) {
			gone = append(gone, name)
			c.Removed.Add(1, size)
			return
		}
		folder, _, inside := strings.Cut(name, "/")
		if inside {
			folder += "/"
		}
		if n := len(c.Stays); n == 0 || c.Stays[n-1].Name != folder {
			c.Stays = append(c.Stays, Folder{Name: folder})
		}
		c.Stays[len(c.Stays)-1].Add(1, size)
		c.Total.Add(1, size)
	})
	if err != nil {
		return err
	}
	return r.ledger.Remove(ctx, gone)
}

func passes(file string) bool {
	return slices.ContainsFunc(passing, func(p string) bool {
		return file == p || strings.HasSuffix(p, "/") && strings.HasPrefix(file, p)
	})
}
