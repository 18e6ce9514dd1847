package listing

import (
	"context"
	"iter"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	// maxAnchors is how many keys a listing remembers to list from.
	maxAnchors = 32
	// maxLandmarks is how many keys are written down to list from: 1 KiB each at most.
	maxLandmarks = 6
	// separator parts keys that are written down together. A key that has it in it
	// falls apart into some that the source does not have, which are passed over.
	separator = "\x00"
)

// Anchored is a source that can only be listed from a key that exists. Where the
// start key is gone, or a page's last key is removed before the next page is asked
// for, such a source may list nothing, or from its beginning. So List lists from the
// nearest key ahead that exists and passes over what it has yielded, and an end counts
// only if the key that the listing ended at is still there.
type Anchored struct {
	store.Source
	Landmarks string // keys to list from where the start key is gone, as Landmarks returns them
}

// List yields the objects of r, in order.
func (a Anchored) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		anchors := append(strings.Split(a.Landmarks, separator), r.After)
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
					anchors = append(anchors[max(0, len(anchors)-maxAnchors+1):], last)
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
func (a Anchored) nearest(ctx context.Context, anchors []string) (string, error) {
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
func (a Anchored) exists(ctx context.Context, key string) (bool, error) {
	if key == "" {
		return true, nil
	}
	_, err := a.Stat(ctx, key)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Chained reports whether a source cannot be shown to list from a key that does not
// exist, so that it has to be Anchored: Chained takes the first two keys of r and lists
// from a name between them, which must find the second. Kodo's documentation does not
// promise it.
func Chained(ctx context.Context, src store.Source, r store.Range) (bool, error) {
	return ChainedBehind(ctx, src, r, func(n int) (first []string, err error) {
		r.Few = n
		for o, err := range src.List(ctx, r) {
			if err != nil {
				return nil, err
			}
			if first = append(first, o.Key); len(first) == n {
				break
			}
		}
		return first, nil
	})
}

// ChainedBehind is Chained where the first keys of r are listed already: listed returns n, or
// all where there are fewer.
func ChainedBehind(ctx context.Context, src store.Source, r store.Range, listed func(n int) ([]string, error)) (bool, error) {
	first, err := listed(2)
	if err != nil || len(first) < 2 {
		return false, err
	}
	r.Few = 1
	for _, tail := range []string{"!", "\x01"} {
		r.After = first[0] + tail
		if r.After >= first[1] {
			continue
		}
		for o, err := range src.List(ctx, r) {
			return err != nil || o.Key != first[1], nil
		}
		return true, nil
	}
	return true, nil // no name fits in between: the careful way works everywhere
}

// Landmarks picks of some keys those before last to list from where last is gone: the
// nearest, and ever fewer the farther away. before is the landmarks of where the
// listing began.
func Landmarks(before, last string, keys ...string) string {
	all := append(strings.Split(before, separator), keys...)
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(k string) bool { return !IsBorder(k) || k >= last })
	var picked []string
	for back := 1; back <= len(all) && len(picked) < maxLandmarks; back *= 2 {
		picked = append(picked, all[len(all)-back])
	}
	slices.Reverse(picked)
	return strings.Join(picked, separator)
}

// AddLandmark adds a key behind all others to landmarks, of which it drops the first
// where they are too many.
func AddLandmark(landmarks, key string) string {
	keys := append(strings.Split(landmarks, separator), key)
	return strings.Join(keys[max(0, len(keys)-maxLandmarks):], separator)
}

// Landed is src, to be listed from one of some landmarks where it is Anchored and a
// start key is gone.
func Landed(src store.Source, landmarks string) store.Source {
	if a, ok := src.(Anchored); ok {
		a.Landmarks = landmarks
		return a
	}
	return src
}
