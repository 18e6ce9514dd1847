// Package file is the driver for a directory of this machine: a store.Source. The
// keys are the paths of its files below it, with slashes. Start with Open, then Check.
//
//	file.go  Config, Open, Bucket, Check
//	list.go  List, in byte order of keys, which is not that of a walk
//	read.go  Stat, Open
//
// An object's Hash is a version and no digest: the file's size and its time to the
// nanosecond. What is written to a file within one tick of its file system's clock,
// and leaves the size as it was, goes unnoticed. A file has neither Type, Header,
// Meta nor MD5.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Config says which directory.
type Config struct {
	Dir string // its path, absolute
}

// Bucket is one directory and all below it. It implements store.Source and is safe
// for concurrent use.
type Bucket struct {
	dir string

	mu   sync.Mutex
	root *os.Root // nil until it is asked for; no link leads out of it
}

var (
	_ store.Source = (*Bucket)(nil)
	_ store.Termed = (*Bucket)(nil)
)

// Open returns the directory that cfg describes. It looks at nothing. Its error is
// Invalid.
func Open(cfg Config) (*Bucket, error) {
	if !filepath.IsAbs(cfg.Dir) {
		return nil, fault.New(fault.Invalid, "file.Open", cfg.Dir, errors.New("no absolute path: write one from the root of the file system"))
	}
	return &Bucket{dir: filepath.Clean(cfg.Dir)}, nil
}

// CloseIdle does nothing: there is no connection.
func (b *Bucket) CloseIdle() {}

// Terms implements store.Termed.
func (b *Bucket) Terms() store.Terms {
	return store.Terms{
		Disabled: "it is no regular file but a link, a pipe, a socket or a device, which has no content of its own to copy; put a file in its place to have it copied",
		Untold:   []string{"a directory tells no types, headers or metadata of its files: copies have none"},
	}
}

// Check opens the directory and reads of it: NotFound where it does not exist, Denied
// where it may not be read, Invalid where it is none.
func (b *Bucket) Check(ctx context.Context) error {
	const op = "file.Check"
	root, err := b.open(op, fault.NotFound)
	if err != nil {
		return err
	}
	d, err := root.Open(".")
	if err != nil {
		return failed(op, b.dir, err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.ReadDir(1); err != nil && err != io.EOF {
		return failed(op, b.dir, err)
	}
	return ctx.Err()
}

// open returns the root. missing is the kind of the error where there is none.
func (b *Bucket) open(op string, missing fault.Kind) (*os.Root, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.root != nil {
		return b.root, nil
	}
	fi, err := os.Stat(b.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(missing, op, b.dir, fmt.Errorf("the directory %s does not exist here: check its path, and that what holds it is mounted", b.dir))
	case err == nil && !fi.IsDir():
		return nil, fault.New(fault.Invalid, op, b.dir, fmt.Errorf("%s is no directory: name the one that holds it", b.dir))
	case err == nil:
		b.root, err = os.OpenRoot(b.dir)
	}
	if err != nil {
		return nil, failed(op, b.dir, err)
	}
	return b.root, nil
}

// failed is the fault of an error of the file system: NotFound, Denied or Temporary.
func failed(op, key string, err error) error {
	kind := fault.Temporary
	switch {
	case errors.Is(err, fs.ErrNotExist):
		kind = fault.NotFound
	case errors.Is(err, fs.ErrPermission):
		kind = fault.Denied
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", e.Op, e.Err) // the key says where
	}
	if kind == fault.Denied {
		err = fault.Errorf("the user of this process may not read it; grant that right, on the directories above it, too (%w)", err)
	}
	return fault.New(kind, op, key, err)
}

// describe is what the file system says of a file.
func describe(key string, fi fs.FileInfo) store.Object {
	o := store.Object{Key: key, Class: store.Standard}
	if at := fi.ModTime().UTC(); store.Dated(at) {
		o.Modified = at
	} else {
		o.Warnings = []string{fmt.Sprintf("its time %s is none at which a file was written: it counts as without one", at.Format("2006-01-02 15:04:05"))}
	}
	if !fi.Mode().IsRegular() {
		o.Disabled = true
		return o
	}
	o.Size, o.Hash = fi.Size(), version(fi)
	return o
}

// version names the content of a file, as long as it is not written to.
func version(fi fs.FileInfo) string {
	return strconv.FormatInt(fi.ModTime().Unix(), 10) + "." + fmt.Sprintf("%09d", fi.ModTime().Nanosecond()) + "-" + strconv.FormatInt(fi.Size(), 10)
}
