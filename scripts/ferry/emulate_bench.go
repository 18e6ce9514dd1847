package main

import (
	"context"
	"fmt"
	"io"

	"kodoferry/scripts/ferry/bench"
	"kodoferry/shared/emulator/oss"
)

// mirror makes OSS hold a copy of everything in the source, by its attributes
// alone: 2 million take half a gigabyte. They are stored now, so they are newer
// than any source object that was not uploaded now.
func mirror(e *emulation) error {
	at := 0
	for o := range e.kodo.Objects(demoSource) {
		at++
		err := e.oss.Put(demoTarget, oss.Object{Key: bench.MirrorPrefix + o.Key, Size: o.Size, ETag: fmt.Sprintf("%032X", at)})
		if err != nil {
			return err
		}
	}
	return nil
}

// untilEOF returns a context that ends with in as well.
func untilEOF(ctx context.Context, in io.Reader) context.Context {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in) // however it ends, nobody is there any more
		stop()
	}()
	return ctx
}
