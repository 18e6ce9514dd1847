// Package removals has the places that the removals of one day's events take: Reserve
// grants at most as many as the job allows in a day.
package removals

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Places are those of one day.
type Places struct {
	in files.Folder // of the day's first run
}

// Of returns the places of the day that a run of events is of.
func Of(run *ledger.Run) Places { return Places{run.Day().Folder()} }

// guesses is how many places Reserve tries before it looks which are free.
const guesses = 8

// Reserve takes one of most places, for good, in the name of a batch that is to
// remove an object, and reports whether there was one left. All runs of a job's
// events of one day share the places, and most may be another for each of them.
// A batch that asks twice gets one place, or, rarely, two; never are there more
// than most. No counter is kept: a place is a record `removals/<n>`, in the
// day's first run, that one alone can create.
func (p Places) Reserve(ctx context.Context, batch string, most int64) (bool, error) {
	most, err := p.below(ctx, most)
	if err != nil || most == 0 {
		return false, err
	}
	for i := range guesses {
		h := sha256.Sum256(fmt.Appendf(nil, "%s %d", batch, i))
		n := int64(binary.BigEndian.Uint64(h[:8])>>1) % most
		if ok, err := p.reserve(ctx, n, batch); err != nil || ok {
			return ok, err
		}
	}
	taken := map[string]bool{}
	if err := p.in.Names(ctx, "removals/", func(n string) { taken[n] = true }); err != nil {
		return false, err
	}
	for n := range most {
		if taken[placeName(n)] {
			continue
		}
		if ok, err := p.reserve(ctx, n, batch); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// below returns the number that places must be below so that, with those that
// were taken from there on when the job allowed more, there are at most most.
func (p Places) below(ctx context.Context, most int64) (int64, error) {
	above := int64(0)
	in := store.Range{Prefix: "removals/", After: placeName(most - 1)}
	if err := p.in.List(ctx, in, func(string, store.Object) { above++ }); err != nil || above == 0 {
		return most, err
	}
	taken := map[string]bool{}
	if err := p.in.Names(ctx, "removals/", func(n string) { taken[n] = true }); err != nil {
		return 0, err
	}
	n := most
	for n > 0 && n+above > most {
		if n--; taken[placeName(n)] {
			above++
		}
	}
	return n, nil
}

func (p Places) reserve(ctx context.Context, n int64, batch string) (bool, error) {
	_, own, err := p.in.Create(ctx, placeName(n), []byte(batch))
	return own, err
}

func placeName(n int64) string { return fmt.Sprintf("removals/%012d", n) }
