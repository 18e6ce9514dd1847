// Package remains finds and removes what a run that is over has left behind.
package remains

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/uploads"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// Cleaned is what Clean did, and what still costs money.
type Cleaned struct {
	Run     string       `json:"run"`
	Uploads int          `json:"uploads"`          // open ones that were aborted
	Parts   ledger.Tally `json:"parts"`            // of these uploads, in the target's bucket
	Removed ledger.Tally `json:"removed"`          // files of the ledger that no command needs any more
	Later   string       `json:"later,omitempty"`  // the later run that has all its rows: the packed ones are removed
	Believe ledger.Tally `json:"believe,omitzero"` // files of packed rows that the next run reads, of those that stay
	Stays   []Folder     `json:"stays"`            // what is billed until it is removed by hand, by kind
	Total   ledger.Tally `json:"total"`            // of that
}

// Folder is files of one kind in a run's part of the ledger.
type Folder struct {
	Name string `json:"name"` // "listed/", "report.json"
	ledger.Tally
}

// passing are the files of a run that are of no use once it is over: marks,
// signs of life, what steered those at work, and how far a report had come.
var passing = []string{"sent/", "sealed/", "live/", "pace/", "stalled/", "thawing/", "limits.json", "ended/", "apart/", "aborted.json"}

// Clean removes what a run of j has left behind: open uploads that the ledger knows,
// and files of the ledger that no record names or that only served those at
// work. A run that is not over is Invalid; with force, one that was cancelled
// is cleaned before its report is written. What cannot be aborted is the error;
// the rest is done all the same.
func Clean(ctx context.Context, l *ledger.Ledger, run *ledger.Run, j job.Job, target store.Writer, force bool) (Cleaned, error) {
	c := Cleaned{Run: run.Name, Stays: []Folder{}}
	s, _, err := run.Steering().ReadStanding(ctx)
	if err != nil {
		return c, err
	}
	if s != ledger.Over && !(force && s.Final()) {
		return c, fault.New(fault.Invalid, "pipeline.Clean", run.Name, fmt.Errorf("run %s is not over (%s): wait for its end, or end it by ferry cancel %s", run.Name, s, run.Name))
	}
	var uerr error
	c.Uploads, c.Parts, uerr = uploads.Clean(ctx, run, target)
	needed := func(string) bool { return true }
	if s == ledger.Over {
		if c.Later, err = memory.HeldBy(ctx, l, j, run.Name); err != nil {
			return c, errors.Join(uerr, err)
		}
		if needed, err = filesNeeded(ctx, run, c.Later != ""); err != nil {
			return c, errors.Join(uerr, err)
		}
	}
	return c, errors.Join(uerr, cleanFiles(ctx, run, &c, needed))
}

// filesNeeded tells which of the files with rows some record names. A delivery that
// was killed, or that lost the race to its twin, has left some that none does. The
// packed rows are needed until a later run has them all: held. A manifest that was published
// beside the run's counts as well: a later run may have been told to remember that one.
func filesNeeded(ctx context.Context, run *ledger.Run, held bool) (func(file string) bool, error) {
	walk, err := progress.Walk(ctx, run)
	if err != nil {
		return nil, err
	}
	rep, err := report.Read(ctx, run)
	if err != nil {
		return nil, err
	}
	if _, err := report.ReadManifest(ctx, run, rep); err != nil { // which is one of all
		return nil, err
	}
	named := map[string]bool{}
	name := func(f ledger.File) {
		named[f.Name] = true
		if f.Packed != nil && !held {
			named[f.Packed.Name] = true
		}
	}
	manifests, err := run.Results().Manifests(ctx)
	if err != nil {
		return nil, err
	}
	for _, data := range manifests {
		var m report.Manifest
		if json.Unmarshal(data, &m) == nil { // else nobody can go by it
			for _, f := range m.Files {
				name(f)
			}
		}
	}
	for _, s := range walk.Shards {
		if s.Proved != nil {
			name(s.Proved.Objects)
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
func cleanFiles(ctx context.Context, run *ledger.Run, c *Cleaned, needed func(string) bool) error {
	var gone []string
	err := run.Files(ctx, func(name string, size int64) {
		if passes(name) || !needed(name) {
			gone = append(gone, name)
			c.Removed.Add(1, size)
			return
		}
		if ledger.IsPacked(name) {
			c.Believe.Add(1, size)
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
	return run.Remove(ctx, gone)
}

func passes(file string) bool {
	return slices.ContainsFunc(passing, func(p string) bool {
		return file == p || strings.HasSuffix(p, "/") && strings.HasPrefix(file, p)
	})
}
