package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	// held is how many names of one directory are held in memory, at most twice as
	// many. One that has more is read again for each so many of them.
	held = 1 << 16

	readTogether = 1024 // names a call of the system
)

// List yields the files of r, and what is no regular file as Disabled. It reads each
// directory once for each 65,536 of its names, and holds no more than twice as many
// of each directory on the way down. What vanishes meanwhile is not listed. A
// directory that may not be read is Denied, and a name that is not UTF-8 Invalid: the
// listing would not tell all. A directory that does not exist is NotFound.
func (b *Bucket) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		root, err := b.open("file.List", fault.NotFound)
		if err != nil {
			yield(store.Object{}, err)
			return
		}
		w := walk{ctx: ctx, in: r, held: held, yield: yield}
		w.below(root, "")
	}
}

// walk is one listing.
type walk struct {
	ctx   context.Context
	in    store.Range
	held  int
	yield func(store.Object, error) bool
}

// fail yields err and ends the walk.
func (w *walk) fail(err error) bool {
	w.yield(store.Object{}, err)
	return false
}

// below lists d, whose path ends in a slash or is "", and reports whether to go on.
// Its entries are taken in the order of their names, with a slash behind those of
// directories: "a.txt" comes before all of "a/".
func (w *walk) below(d *os.Root, path string) bool {
	last := ""
	for more := true; more; {
		var names []string
		var err error
		if names, more, err = w.names(d, path, last); err != nil {
			return w.fail(err)
		}
		for _, name := range names {
			if !w.entry(d, path, name) {
				return false
			}
			last = name
		}
	}
	return true
}

// entry lists one entry of d.
func (w *walk) entry(d *os.Root, path, name string) bool {
	const op = "file.List"
	key := path + name
	if w.ctx.Err() != nil {
		return w.fail(fault.New(fault.Temporary, op, key, context.Cause(w.ctx)))
	}
	if !utf8.ValidString(name) {
		return w.fail(fault.New(fault.Invalid, op, path, fmt.Errorf("it holds the name %q, which is not UTF-8, as keys are: rename or remove it", name)))
	}
	if sub, ok := strings.CutSuffix(name, "/"); ok {
		below, err := d.OpenRoot(sub)
		if errors.Is(err, fs.ErrNotExist) {
			return true
		}
		if err != nil {
			return w.fail(failed(op, key, err))
		}
		defer func() { _ = below.Close() }()
		return w.below(below, key)
	}
	fi, err := d.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && fi.IsDir(): // it has become another since
		return true
	case err != nil:
		return w.fail(failed(op, key, err))
	}
	return w.yield(describe(key, fi), nil)
}

// names returns the first names of d behind last that the walk wants, in order, those
// of directories with a slash, and whether there may be more.
func (w *walk) names(d *os.Root, path, last string) (names []string, more bool, err error) {
	const op = "file.List"
	f, err := d.Open(".")
	if err != nil {
		return nil, false, failed(op, path, err)
	}
	defer func() { _ = f.Close() }()
	for {
		some, err := f.ReadDir(readTogether)
		for _, e := range some {
			name := e.Name()
			if e.IsDir() {
				name += "/"
			}
			if name > last && w.wants(path+name) {
				names = append(names, name)
			}
		}
		if len(names) >= 2*w.held {
			names, more = first(names, w.held), true
		}
		switch {
		case err == io.EOF:
			more = more || len(names) > w.held
			return first(names, w.held), more, nil
		case err != nil:
			return nil, false, failed(op, path, err)
		case w.ctx.Err() != nil:
			return nil, false, fault.New(fault.Temporary, op, path, context.Cause(w.ctx))
		}
	}
}

// first sorts names, and returns the first n.
func first(names []string, n int) []string {
	slices.Sort(names)
	return names[:min(len(names), n)]
}

// wants reports whether the range can hold key, or where that ends in a slash
// anything that begins with it.
func (w *walk) wants(key string) bool {
	if !strings.HasSuffix(key, "/") {
		return strings.HasPrefix(key, w.in.Prefix) && key > w.in.After && (w.in.UpTo == "" || key <= w.in.UpTo)
	}
	return (strings.HasPrefix(key, w.in.Prefix) || strings.HasPrefix(w.in.Prefix, key)) &&
		(key > w.in.After || strings.HasPrefix(w.in.After, key)) && (w.in.UpTo == "" || key < w.in.UpTo)
}
