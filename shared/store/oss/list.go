package oss

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// List yields the objects of r by ListObjectsV2, 1,000 a request, one page
// ahead. A listing at OSS tells Key, Size, Hash (the ETag), MD5 (where the
// content was written in one go), Modified (a HEAD tells whole seconds of it),
// Class and Frozen; Type, Header, Meta, Origin and CRC64 stay empty: Stat has
// them. A page is tried up to 6 times. Its IsTruncated is taken at its word
// unless Config.Recheck says otherwise: a ledger lists much and often. When the iteration ends, no goroutine
// of it is left.
func (b *Bucket) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return b.pages("").List(ctx, r)
}

// Entries implements store.Lister by the same requests, of 1,000 entries each: a page tells
// the keys of a level and what others have in common up to a slash, each kind for itself.
func (b *Bucket) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if takeable(prefix) != prefix { // a shorter one has other levels
			yield("", fault.New(fault.Invalid, "oss.List", prefix, errors.New("no prefix is that long, or not UTF-8")))
			return
		}
		for o, err := range b.pages("/").List(ctx, store.Range{Prefix: prefix, After: after}) {
			if !yield(o.Key, err) {
				return
			}
		}
	}
}

// pages lists keys, or what they have in common up to a delimiter.
func (b *Bucket) pages(delimiter string) store.Pages {
	return store.Pages{Op: "oss.List", Cut: takeable, Pause: b.pause, Recheck: b.recheck,
		Read: func(ctx context.Context, q store.Query, token string) (store.Page, error) {
			p, err := again(ctx, b, "oss.List", q.Prefix, func() (*page, error) { return b.listPage(ctx, q, delimiter, token) })
			if err != nil {
				return store.Page{}, err
			}
			if !p.truncated {
				p.token = ""
			}
			return store.Page{Objects: p.objects, Next: p.token}, nil
		}}
}

// takeable cuts s to what OSS takes as a parameter: UTF-8 of a key's length.
func takeable(s string) string { return store.UTF8Prefix(s[:min(len(s), maxKey)]) }

// listPage reads one page, once. The raw page goes through Conn, because the
// SDK's ListObjectsV2 decodes XML at 10 to 20 µs a key.
func (b *Bucket) listPage(ctx context.Context, q store.Query, delimiter, token string) (*page, error) {
	const op = "oss.List"
	params := map[string]any{"list-type": "2", "encoding-type": "url", "max-keys": strconv.Itoa(q.PageOf(store.KeysPerPage))}
	for name, value := range map[string]string{"prefix": q.Prefix, "delimiter": delimiter, "start-after": q.After, "continuation-token": token} {
		if value != "" {
			params[name] = value
		}
	}
	if token != "" {
		delete(params, "start-after")
	}
	a, err := b.send(ctx, request{op: op, method: "GET", params: params})
	if err != nil {
		return nil, err
	}
	defer a.close()
	raw, err := a.document(op, q.Prefix)
	if err != nil {
		return nil, err
	}
	p, err := parsePage(raw)
	if err == nil && delimiter != "" {
		err = p.level(q.Prefix, delimiter)
	}
	switch {
	case err != nil:
		return nil, fault.New(fault.Temporary, op, q.Prefix, fmt.Errorf("a page that cannot be read: %w", fault.Plain(err)))
	case p.truncated && p.token == token && len(p.objects) > 0:
		return nil, fault.New(fault.Temporary, op, q.Prefix, errors.New("a page names itself as the next"))
	}
	return p, nil
}
