package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Stat implements store.Source. A path that leads over a link, and that of a
// directory, is NotFound, as List does not list it. Where the directory itself does
// not exist the error is Invalid, because NotFound is about the file.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	_, o, err := b.look(ctx, "file.Stat", key)
	return o, err
}

// look finds the file of key.
func (b *Bucket) look(ctx context.Context, op, key string) (*os.Root, store.Object, error) {
	root, err := b.open(op, fault.Invalid)
	switch {
	case err != nil:
		return nil, store.Object{}, err
	case ctx.Err() != nil:
		return nil, store.Object{}, fault.New(fault.Temporary, op, key, context.Cause(ctx))
	case !fs.ValidPath(key) || strings.ContainsRune(key, 0):
		return nil, store.Object{}, fault.New(fault.NotFound, op, key, errors.New("no path of a file"))
	}
	for i := range key {
		if key[i] != '/' {
			continue
		}
		if fi, err := root.Lstat(key[:i]); err != nil {
			return nil, store.Object{}, failed(op, key, err)
		} else if !fi.IsDir() {
			return nil, store.Object{}, fault.New(fault.NotFound, op, key, fmt.Errorf("%q is no directory", key[:i]))
		}
	}
	fi, err := root.Lstat(key)
	switch {
	case errors.Is(err, syscall.ENAMETOOLONG):
		return nil, store.Object{}, fault.New(fault.NotFound, op, key, err)
	case err != nil:
		return nil, store.Object{}, failed(op, key, err)
	case fi.IsDir():
		return nil, store.Object{}, fault.New(fault.NotFound, op, key, errors.New("it is a directory"))
	}
	return root, describe(key, fi), nil
}

// Open implements store.Source. What is no regular file is Denied. A range that
// begins behind the end is Invalid. A file that is written to while it is read fails
// as Changed, before its last byte.
func (b *Bucket) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	const op = "file.Open"
	fail := func(kind fault.Kind, format string, args ...any) (store.Object, io.ReadCloser, error) {
		return store.Object{}, nil, fault.New(kind, op, o.Key, fault.Errorf(format, args...))
	}
	root, found, err := b.look(ctx, op, o.Key)
	switch {
	case err != nil:
		return store.Object{}, nil, err
	case found.Disabled:
		return fail(fault.Denied, "it is no regular file")
	}
	// A pipe that has come in its place since would wait for a writer.
	f, err := root.OpenFile(o.Key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return store.Object{}, nil, failed(op, o.Key, err)
	}
	fi, err := f.Stat()
	if err == nil {
		found = describe(o.Key, fi)
		_, err = f.Seek(max(off, 0), io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return store.Object{}, nil, failed(op, o.Key, err)
	}
	switch {
	case found.Disabled || o.Hash != "" && o.Hash != found.Hash:
		_ = f.Close()
		return fail(fault.Changed, "its version is %s now, not %s", found.Hash, o.Hash)
	case off < 0 || off > found.Size:
		_ = f.Close()
		return fail(fault.Invalid, "offset %d of %d bytes", off, found.Size)
	}
	left := found.Size - off
	if n >= 0 {
		left = min(left, n)
	}
	if left == 0 {
		_ = f.Close()
		return found, io.NopCloser(strings.NewReader("")), nil
	}
	return found, &body{ctx: ctx, file: f, key: o.Key, version: found.Hash, left: left}, nil
}

// body is a file that is read.
type body struct {
	ctx     context.Context
	file    *os.File
	key     string
	version string
	left    int64 // bytes still to come
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	fail := func(kind fault.Kind, err error) (int, error) { return 0, fault.New(kind, "file.Read", b.key, err) }
	switch {
	case b.ctx.Err() != nil:
		return fail(fault.Temporary, context.Cause(b.ctx))
	case b.left == 0:
		return 0, io.EOF
	}
	n, err := b.file.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case err == io.EOF:
		return fail(fault.Changed, fault.Errorf("it ends %d bytes early: it was cut while it was read", b.left))
	case err != nil:
		return fail(fault.Temporary, err)
	case b.left > 0:
		return n, nil
	}
	fi, err := b.file.Stat()
	switch {
	case err != nil:
		return fail(fault.Temporary, err)
	case version(fi) != b.version:
		return fail(fault.Changed, fmt.Errorf("its version is %s now, not %s: it was written to while it was read", version(fi), b.version))
	}
	return n, nil
}

// Close implements io.Closer.
func (b *body) Close() error { return b.file.Close() }
