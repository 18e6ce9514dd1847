package kodo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const maxPage = 1000 // keys a listing request (developer.qiniu.com/kodo/api/list)

// List yields the objects of r through /list, 1,000 keys a request, one page
// ahead. All that Stat knows comes with the page: Hash (empty where Kodo has
// none), MD5 (where Kodo keeps one), Parts, Modified (to 100 ns), Type, Header,
// Meta, Class, Disabled; of archived objects a batch request per 250 tells
// Frozen. A page is tried up to 6 times. Only an empty marker ends the listing.
// A bucket that does not exist is NotFound. When the iteration ends, no
// goroutine of it is left.
func (b *Bucket) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		q, ok := plan(r)
		if !ok {
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		l := &listing{b: b, ctx: ctx, prefix: q.prefix}
		defer func() { cancel(); l.wait() }()
		l.fetch(startMarker(q.after))
		for more := true; more; {
			p, err := l.next()
			if err != nil {
				yield(store.Object{}, err)
				return
			}
			if more = p.marker != "" && !past(p, r.UpTo); more {
				l.fetch(p.marker)
			}
			for _, o := range p.objects {
				if err := l.check(o.Key); err != nil {
					yield(store.Object{}, err)
					return
				}
				if r.UpTo != "" && o.Key > r.UpTo {
					return
				}
				if r.After != "" && o.Key <= r.After || !strings.HasPrefix(o.Key, r.Prefix) {
					continue // what was asked for was cut to what Kodo takes
				}
				if !yield(o, nil) {
					return
				}
			}
		}
	}
}

// past reports whether no key after p can be in range.
func past(p *page, upTo string) bool {
	return upTo != "" && len(p.objects) > 0 && p.objects[len(p.objects)-1].Key >= upTo
}

// query is what Kodo is asked for: as narrow as it can be told.
type query struct{ prefix, after string }

// plan returns the query for r; false if no key can be in r. Keys between two
// keys share the keys' common prefix, which is the only upper bound Kodo takes.
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
	q := query{utf8Prefix(prefix), utf8Prefix(r.After)}
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

// listing is the state of one iteration.
type listing struct {
	b       *Bucket
	ctx     context.Context // of the iteration, which it does not outlive
	prefix  string
	pages   chan result // holds the page under way; nil where there is none
	circle  circle
	started bool
	last    string // key
}

type result struct {
	page *page
	err  error
}

// fetch starts to read the page after marker.
func (l *listing) fetch(marker string) {
	pages := make(chan result, 1)
	l.pages = pages
	go func() {
		p, err := retry(l.ctx, l.b, "kodo.List", l.prefix, func() (*page, error) { return l.b.listPage(l.ctx, l.prefix, marker) })
		if err == nil {
			err = l.b.askThawed(l.ctx, p)
		}
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
	switch {
	case r.err != nil:
		return nil, r.err
	case len(r.page.objects) > 0:
		l.circle = circle{}
	case r.page.marker != "" && l.circle.closes(r.page.marker):
		return nil, fault.New(fault.Temporary, "kodo.List", l.last, errors.New("empty pages lead in a circle of markers"))
	}
	return r.page, nil
}

// check fails where the iteration was ended, or key does not follow the one before it.
func (l *listing) check(key string) error {
	if l.ctx.Err() != nil {
		return fault.New(fault.Temporary, "kodo.List", l.prefix, context.Cause(l.ctx))
	}
	if l.started && key <= l.last {
		return fault.New(fault.Invalid, "kodo.List", key, fmt.Errorf("the listing is out of order: %q came after %q", key, l.last))
	}
	l.started, l.last = true, key
	return nil
}

// circle notices that a sequence of markers repeats itself, in constant memory:
// it holds one of them against all that follow, a later one after 1, 2, 4, … steps.
type circle struct {
	held         string
	steps, until int
}

func (c *circle) closes(marker string) bool {
	if c.until > 0 && marker == c.held {
		return true
	}
	if c.steps == c.until {
		c.held, c.steps, c.until = marker, 0, max(1, 2*c.until)
	}
	c.steps++
	return false
}

// listPage reads one page, once.
func (b *Bucket) listPage(ctx context.Context, prefix, marker string) (*page, error) {
	const op = "kodo.List"
	h, err := b.resolve(ctx, false)
	if err != nil {
		return nil, err
	}
	q := url.Values{"bucket": {b.cfg.Bucket}, "limit": {strconv.Itoa(b.cfg.PageSize)}, "needparts": {"true"}}
	if prefix != "" {
		q.Set("prefix", prefix)
	}
	if marker != "" {
		q.Set("marker", marker)
	}
	data, err := b.call(ctx, request{op: op, key: prefix, method: http.MethodGet, url: h.rsf + "/list?" + q.Encode()})
	if err != nil {
		return nil, err
	}
	p, err := parsePage(data)
	switch {
	case err != nil:
		return nil, fault.New(fault.Temporary, op, prefix, fmt.Errorf("a page that cannot be read: %w", err))
	case marker != "" && p.marker == marker:
		return nil, fault.New(fault.Temporary, op, prefix, errors.New("a page names itself as the next"))
	}
	return p, nil
}
