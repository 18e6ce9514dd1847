package oss

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// maxSamePages is how often an empty page may name its own token as the next
// before the listing is taken to go in a circle.
const maxSamePages = 100

// List yields the objects of r by ListObjectsV2, 1,000 a request, one page
// ahead. A listing at OSS tells Key, Size, Hash (the ETag), MD5 (where the
// content was written in one go), Modified (a HEAD tells whole seconds of it),
// Class and Frozen; Type, Header, Meta, Origin and CRC64 stay empty: Stat has
// them. A page is tried up to 6 times. When the iteration ends, no goroutine
// of it is left.
func (b *Bucket) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		p, ok := plan(r)
		if !ok {
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		l := &listing{b: b, ctx: ctx, plan: p}
		defer func() { cancel(); l.wait() }()
		l.fetch("")
		for {
			page, err := l.next()
			if err != nil {
				yield(store.Object{}, err)
				return
			}
			more := page.truncated && !past(page, r.UpTo)
			if more {
				l.fetch(page.token)
			}
			for _, obj := range page.objects {
				if err := l.ordered(obj.Key); err != nil {
					yield(store.Object{}, err)
					return
				}
				if r.UpTo != "" && obj.Key > r.UpTo {
					return
				}
				if obj.Key <= r.After || !strings.HasPrefix(obj.Key, r.Prefix) {
					continue // what was asked for was cut to what OSS takes
				}
				if !yield(obj, nil) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

// past reports whether no key after p can be in range.
func past(p *page, upTo string) bool {
	return upTo != "" && len(p.objects) > 0 && p.objects[len(p.objects)-1].Key >= upTo
}

// query is what OSS is asked for: as narrow as it can be told.
type query struct{ prefix, after string }

// plan returns the query for r; false if no key can be in r. Keys between two
// keys share their common prefix, which is the only upper bound OSS takes.
func plan(r store.Range) (query, bool) {
	prefix := r.Prefix
	if r.UpTo != "" {
		if r.After >= r.UpTo || r.UpTo < prefix {
			return query{}, false
		}
		if shared := common(r.After, r.UpTo); strings.HasPrefix(shared, prefix) {
			prefix = shared
		} else if !strings.HasPrefix(prefix, shared) {
			return query{}, false
		}
	}
	if r.After > r.Prefix && !strings.HasPrefix(r.After, r.Prefix) {
		return query{}, false // behind all that begin with the prefix
	}
	q := query{takeable(prefix), takeable(r.After)}
	if q.after < q.prefix {
		q.after = ""
	}
	return q, true
}

func common(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return a[:i]
}

// takeable cuts s to what OSS takes as a parameter: UTF-8 of a key's length.
// A prefix of s sorts before it, so the listing gets wider, never narrower.
func takeable(s string) string {
	s = s[:min(len(s), maxKey)]
	for i := 0; i < len(s); {
		c, size := utf8.DecodeRuneInString(s[i:])
		if c == utf8.RuneError && size == 1 {
			return s[:i]
		}
		i += size
	}
	return s
}

// listing is the state of one iteration.
type listing struct {
	b       *Bucket
	ctx     context.Context // of the iteration, which it does not outlive
	plan    query
	token   string      // of the page under way
	pages   chan result // holds the page under way; nil where there is none
	same    int         // pages in a row that were empty and named their own token
	started bool
	last    string // key
}

type result struct {
	page *page
	err  error
}

// fetch starts to read the page after token.
func (l *listing) fetch(token string) {
	pages := make(chan result, 1)
	l.pages, l.token = pages, token
	go func() {
		p, err := again(l.ctx, l.b, "oss.List", l.plan.prefix, func() (*page, error) { return l.b.listPage(l.ctx, l.plan, token) })
		pages <- result{p, err}
	}()
}

func (l *listing) wait() {
	if l.pages != nil {
		<-l.pages
	}
}

// next waits for the page under way.
func (l *listing) next() (*page, error) {
	r := <-l.pages
	l.pages = nil
	if r.err != nil {
		return nil, r.err
	}
	if !r.page.truncated {
		return r.page, nil
	}
	if len(r.page.objects) > 0 || r.page.token != l.token {
		l.same = 0
	} else if l.same++; l.same >= maxSamePages {
		return nil, fault.New(fault.Unknown, "oss.List", l.last, fmt.Errorf("%d empty pages in a row name themselves as the next", l.same))
	}
	return r.page, nil
}

// ordered fails where key does not follow the one before it.
func (l *listing) ordered(key string) error {
	if l.started && key <= l.last {
		return fault.New(fault.Invalid, "oss.List", key, fmt.Errorf("the listing is out of order: %q came after %q", key, l.last))
	}
	l.started, l.last = true, key
	return nil
}

// listPage reads one page, once. The raw page goes through Conn, because the
// SDK's ListObjectsV2 decodes XML at 10 to 20 µs a key.
func (b *Bucket) listPage(ctx context.Context, q query, token string) (*page, error) {
	const op = "oss.List"
	params := map[string]any{"list-type": "2", "encoding-type": "url", "max-keys": "1000"}
	for name, value := range map[string]string{"prefix": q.prefix, "start-after": q.after, "continuation-token": token} {
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
	var raw bytes.Buffer
	raw.Grow(256 << 10)
	if _, err := raw.ReadFrom(a.body); err != nil {
		return nil, fault.New(fault.KindOf(err), op, q.prefix, err)
	}
	p, err := parsePage(raw.Bytes())
	if err != nil {
		return nil, fault.New(fault.Temporary, op, q.prefix, fmt.Errorf("a page that cannot be read: %w", err))
	}
	return p, nil
}
