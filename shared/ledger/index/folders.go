package index

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

const (
	// fewFolders is how many folders are listed one after the other before the rest is
	// listed side by side: most that is asked for is less.
	fewFolders = 4
	// abreast is how many requests are under way at a time.
	abreast = 16
)

// last is behind every name that begins alike.
const last = "\U0010ffff"

// gap is where folders are sought: behind one name, up to another; "" is open.
type gap struct{ after, upTo string }

// folders lists the names between base and the next slash, those after first, in order. A
// request finds one, so that the names of times, as those of runs, are sought side by
// side once there are more than a few: newest tells up to when there may be many; zero says
// that the names are none of times.
func folders(ctx context.Context, in files.Folder, base, first string, newest time.Time) (names []string, err error) {
	after := first
	for newest.IsZero() || len(names) < fewFolders {
		found, err := nextFolder(ctx, in, base, gap{after: after})
		if err != nil {
			return nil, err
		}
		if found == "" {
			return names, nil
		}
		names, after = append(names, found), found+"/"+last
	}
	for gaps := []gap{{after: after}}; len(gaps) > 0; {
		gaps = split(gaps, newest)
		round := gaps[:min(len(gaps), abreast)]
		found := make([]string, len(round))
		g, gctx := errgroup.WithContext(ctx)
		for i, at := range round {
			g.Go(func() (err error) {
				found[i], err = nextFolder(gctx, in, base, at)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		var left []gap
		for i, at := range round {
			if found[i] != "" {
				names = append(names, found[i])
				left = append(left, gap{found[i] + "/" + last, at.upTo})
			}
		}
		gaps = append(left, gaps[len(round):]...)
	}
	slices.Sort(names)
	return names, nil
}

// nextFolder returns the first folder in a gap, "" where there is none: one page of one name
// tells it, and everything in it is jumped over.
func nextFolder(ctx context.Context, in files.Folder, base string, at gap) (found string, err error) {
	r := store.Range{Prefix: base, After: base + at.after}
	if at.upTo != "" {
		r.UpTo = base + at.upTo
	}
	err = in.ListUntil(ctx, r, func(name string, _ store.Object) bool {
		found, _, _ = strings.Cut(strings.TrimPrefix(name, base), "/")
		return false
	})
	return found, err
}

// split divides the widest of the gaps in two until there are as many as are looked at side
// by side, or each is shorter than two seconds.
func split(gaps []gap, newest time.Time) []gap {
	for len(gaps) < abreast {
		widest, most := -1, 2*time.Second
		for i, g := range gaps {
			if from, upTo, ok := g.times(newest); ok && upTo.Sub(from) > most {
				widest, most = i, upTo.Sub(from)
			}
		}
		if widest < 0 {
			break
		}
		g := gaps[widest]
		from, _, _ := g.times(newest)
		middle := from.Add(most / 2).UTC().Format(ledger.RunTime)
		gaps = slices.Replace(gaps, widest, widest+1, gap{g.after, middle}, gap{middle, g.upTo})
	}
	return gaps
}

// times returns the times between which names may lie in a gap. ok is false where its bounds
// are no times, and where it lies behind newest.
func (g gap) times(newest time.Time) (from, upTo time.Time, ok bool) {
	parse := func(name string) (time.Time, bool) {
		for _, form := range []string{ledger.RunTime, "20060102"} {
			if len(name) >= len(form) {
				if at, err := time.Parse(form, name[:len(form)]); err == nil {
					return at, true
				}
			}
		}
		return time.Time{}, false
	}
	from, ok = parse(g.after)
	if upTo = newest; ok && g.upTo != "" {
		upTo, ok = parse(g.upTo)
	}
	return from, upTo, ok && upTo.After(from)
}
