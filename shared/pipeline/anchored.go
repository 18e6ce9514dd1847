package pipeline

import (
	"context"
	"iter"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// between parts the keys that a record or a task names to list from. A key that
// holds it falls apart into some that the source does not have, and is passed over.
const between = "\x00"

const (
	// mostAnchors bounds how many keys a listing of a chain remembers to list from.
	mostAnchors = 32
	// mostBefore bounds how many of them a record or a task names: 1 KiB each at most.
	mostBefore = 6
)

// anchored is a source that can only be listed from a key that exists. Where the
// start key is gone, or a page's last key is removed before the next page is
// asked for, it may list nothing, or from its beginning. So it is listed from
// the nearest key ahead that exists, what was yielded is passed over, and an end
// counts only if the key that the listing ended at is still there.
type anchored struct {
	store.Source
	before []string // keys to list from where the start key is gone, in order
}

// srcFrom is the source, to be listed from one of before where a start key is gone.
func (r *run) srcFrom(before string) store.Source {
	if a, ok := r.src.(anchored); ok {
		a.before = strings.Split(before, between)
		return a
	}
	return r.src
}

func (a anchored) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		anchors := append(slices.Clone(a.before), r.After)
		last, ended, n := r.After, "", 0
		some := r.After != "" // else the key "" is the first
		for {
			from, err := a.nearest(ctx, anchors)
			if err != nil {
				yield(store.Object{}, err)
				return
			}
			at := from
			for o, err := range a.Source.List(ctx, store.Range{Prefix: r.Prefix, After: from, UpTo: r.UpTo}) {
				if err != nil {
					yield(store.Object{}, err)
					return
				}
				if at = o.Key; some && at <= last {
					continue
				}
				some = true
				if last = at; !yield(o, nil) {
					return
				}
				if n++; n%store.KeysPerPage == 0 {
					anchors = append(anchors[max(0, len(anchors)-mostAnchors+1):], last)
				}
			}
			if at == ended { // listed twice: it is there
				return
			}
			there, err := a.exists(ctx, at)
			if err != nil {
				yield(store.Object{}, err)
			}
			if err != nil || there {
				return
			}
			ended = at
		}
	}
}

// nearest returns the last of anchors that exists; "" if none does, or there is none.
func (a anchored) nearest(ctx context.Context, anchors []string) (string, error) {
	for _, key := range slices.Backward(anchors) {
		if key == "" {
			continue
		}
		if there, err := a.exists(ctx, key); there || err != nil {
			return key, err
		}
	}
	return "", nil
}

// exists reports whether the source has key, or key is "": its beginning.
func (a anchored) exists(ctx context.Context, key string) (bool, error) {
	if key == "" {
		return true, nil
	}
	_, err := a.Stat(ctx, key)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// landmarksOf returns keys ahead of last that a shard of a chain covered, or its
// own anchors: the nearest, and ever fewer the farther away, at most mostBefore.
func landmarksOf(c ledger.Closed, last string, near ...string) string {
	all := append(strings.Split(c.Before, between), c.Range.After)
	for _, b := range c.Batches {
		all = append(all, b.First)
	}
	all = append(all, near...)
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(k string) bool { return !isBorder(k) || k >= last })
	var keys []string
	for back := 1; back <= len(all) && len(keys) < mostBefore; back *= 2 {
		keys = append(keys, all[len(all)-back])
	}
	slices.Reverse(keys)
	return strings.Join(keys, between)
}
