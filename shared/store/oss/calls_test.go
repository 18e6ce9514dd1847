package oss

import (
	"context"
	"strings"

	"kodoferry/shared/store"
)

// calls is every call that makes a request, each with arguments that are right.
func calls(b *Bucket) map[string]func(context.Context) error {
	obj := store.Object{Key: "k", Size: 1}
	part := store.Part{Number: 1, ETag: "E"}
	return map[string]func(context.Context) error{
		"Check":     b.Check,
		"Versioned": func(ctx context.Context) error { _, err := b.Versioned(ctx); return err },
		"List": func(ctx context.Context) error {
			for _, err := range b.List(ctx, store.Range{}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"Entries": func(ctx context.Context) error {
			for _, err := range b.Entries(ctx, "", "") {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"Stat": func(ctx context.Context) error { _, err := b.Stat(ctx, "k"); return err },
		"Open": func(ctx context.Context) error {
			_, body, err := b.Open(ctx, obj, 0, -1)
			if err == nil {
				err = body.Close()
			}
			return err
		},
		"Put": func(ctx context.Context) error {
			_, err := b.Put(ctx, obj, strings.NewReader("x"), store.Put{})
			return err
		},
		"Put of 2 MiB": func(ctx context.Context) error {
			_, err := b.Put(ctx, store.Object{Key: "k", Size: 2 << 20}, strings.NewReader(strings.Repeat("x", 2<<20)), store.Put{})
			return err
		},
		"Delete": func(ctx context.Context) error { return b.Delete(ctx, "k") },
		"Begin":  func(ctx context.Context) error { _, _, err := b.Begin(ctx, obj); return err },
		"PutPart": func(ctx context.Context) error {
			_, err := b.PutPart(ctx, "k", "u", 1, strings.NewReader("x"), 1)
			return err
		},
		"Parts": func(ctx context.Context) error { _, err := b.Parts(ctx, "k", "u"); return err },
		"Finish": func(ctx context.Context) error {
			_, err := b.Finish(ctx, "k", "u", []store.Part{part}, store.Put{})
			return err
		},
		"Abort": func(ctx context.Context) error { return b.Abort(ctx, "k", "u") },
	}
}
