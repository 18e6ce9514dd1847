package kodo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	maxPage      = 1000 // keys a listing request (developer.qiniu.com/kodo/api/list)
	maxBatch     = 250  // operations a batch request: what qshell sends (qshell, docs/batchstat.md)
	maxSamePages = 100  // empty pages in a row that name their own marker, before it is a circle
)

// List yields the objects of r through /list, 1,000 keys a request, one page
// ahead. Type, Header, Meta, MD5 (where Kodo keeps one), Parts and Class come
// with the page. Only an empty marker ends the listing. Archived objects take
// one batch request per 250 besides, which tells whether they are thawed.
func (b *Bucket) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		prefix, ok := narrow(r)
		if !ok {
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		l := &listing{b: b, ctx: ctx, prefix: prefix}
		defer func() { cancel(); l.wait() }()
		l.fetch(startMarker(r.After))
		for {
			p, err := l.next()
			if err != nil {
				yield(store.Object{}, err)
				return
			}
			more := p.marker != "" && !past(p.objects, r.UpTo)
			if more {
				l.fetch(p.marker)
			}
			for _, o := range p.objects {
				if err := l.ordered(o.Key); err != nil {
					yield(store.Object{}, err)
					return
				}
				if r.UpTo != "" && o.Key > r.UpTo {
					return
				}
				if o.Key <= r.After && r.After != "" || !strings.HasPrefix(o.Key, r.Prefix) {
					continue
				}
				if !yield(o, nil) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

func past(objects []store.Object, upTo string) bool {
	return upTo != "" && len(objects) > 0 && objects[len(objects)-1].Key >= upTo
}

// narrow returns the longest prefix that every key of r has: the only upper
// bound Kodo takes. false if no key can be in r.
func narrow(r store.Range) (string, bool) {
	if r.UpTo != "" && (r.After >= r.UpTo || r.UpTo < r.Prefix) {
		return "", false
	}
	if r.After > r.Prefix && !strings.HasPrefix(r.After, r.Prefix) {
		return "", false // behind all that begin with the prefix
	}
	prefix := r.Prefix
	if r.After != "" && r.UpTo != "" {
		i := 0
		for i < len(r.After) && i < len(r.UpTo) && r.After[i] == r.UpTo[i] {
			i++
		}
		for i > 0 && i < len(r.UpTo) && r.UpTo[i]&0xC0 == 0x80 {
			i-- // not in the middle of a character
		}
		if shared := r.UpTo[:i]; strings.HasPrefix(shared, prefix) {
			prefix = shared
		}
	}
	return prefix, true
}

// startMarker makes the marker that lists what follows key. Its form is that of
// the markers Kodo gives out (qshell, docs/listbucket2.md).
func startMarker(key string) string {
	if key == "" {
		return ""
	}
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	// A string and a number: Encode cannot fail.
	_ = e.Encode(struct {
		C int    `json:"c"`
		K string `json:"k"`
	}{0, key})
	return base64.URLEncoding.EncodeToString([]byte(strings.TrimSuffix(text.String(), "\n")))
}

// listing is the state of one iteration.
type listing struct {
	b       *Bucket
	ctx     context.Context // of the iteration, which it does not outlive
	prefix  string
	marker  string      // of the page under way
	pages   chan result // holds the page under way; nil where there is none
	same    int
	started bool
	last    string // key
}

type listed struct {
	objects []store.Object
	marker  string
}

type result struct {
	listed
	err error
}

// fetch starts to read the page after marker.
func (l *listing) fetch(marker string) {
	pages := make(chan result, 1)
	l.pages, l.marker = pages, marker
	go func() {
		p, err := retry(l.ctx, l.b, func() (listed, error) { return l.b.listPage(l.ctx, l.prefix, marker) })
		pages <- result{p, err}
	}()
}

func (l *listing) wait() {
	if l.pages != nil {
		<-l.pages
	}
}

// next waits for the page under way.
func (l *listing) next() (listed, error) {
	r := <-l.pages
	l.pages = nil
	switch {
	case r.err != nil:
		return listed{}, r.err
	case len(r.objects) > 0 || r.marker != l.marker:
		l.same = 0
	default:
		if l.same++; l.same >= maxSamePages {
			return listed{}, fault.New(fault.Unknown, "kodo.List", l.last, fmt.Errorf("%d empty pages in a row name themselves as the next", l.same))
		}
	}
	return r.listed, nil
}

// ordered fails where key does not follow the one before it.
func (l *listing) ordered(key string) error {
	if l.started && key <= l.last {
		return fault.New(fault.Invalid, "kodo.List", key, fmt.Errorf("the listing is out of order: %q came after %q", key, l.last))
	}
	l.started, l.last = true, key
	return nil
}

// listPage reads one page, once.
func (b *Bucket) listPage(ctx context.Context, prefix, marker string) (listed, error) {
	const op = "kodo.List"
	h, err := b.resolve(ctx, false)
	if err != nil {
		return listed{}, err
	}
	q := url.Values{"bucket": {b.cfg.Bucket}, "limit": {strconv.Itoa(b.cfg.PageSize)}, "needparts": {"true"}}
	if prefix != "" {
		q.Set("prefix", prefix)
	}
	if marker != "" {
		q.Set("marker", marker)
	}
	data, err := b.call(ctx, op, prefix, http.MethodGet, h.rsf+"/list?"+q.Encode(), nil, true)
	if err != nil {
		return listed{}, err
	}
	p, err := parsePage(data)
	if err != nil {
		return listed{}, fault.New(fault.Temporary, op, prefix, fmt.Errorf("a page that cannot be read: %w", err))
	}
	frozen, err := b.frozen(ctx, h, p.Items)
	if err != nil {
		return listed{}, err
	}
	out := listed{objects: make([]store.Object, len(p.Items)), marker: p.Marker}
	for i, it := range p.Items {
		out.objects[i] = it.object(frozen[i])
	}
	return out, nil
}

// frozen asks which archived items are not thawed, by their index.
func (b *Bucket) frozen(ctx context.Context, h hosts, items []item) (map[int]bool, error) {
	var ask []int
	for i, it := range items {
		if it.needsThaw() {
			ask = append(ask, i)
		}
	}
	var frozen map[int]bool
	for len(ask) > 0 {
		some := ask[:min(len(ask), maxBatch)]
		ask = ask[len(some):]
		form := url.Values{}
		for _, i := range some {
			form.Add("op", "/stat/"+b.entry(items[i].Key))
		}
		data, err := b.call(ctx, "kodo.batch", items[some[0]].Key, http.MethodPost, h.rs+"/batch", form, true)
		if err != nil {
			return nil, err
		}
		var answers []struct {
			Code int  `json:"code"`
			Data item `json:"data"`
		}
		if err := json.Unmarshal(data, &answers); err != nil || len(answers) != len(some) {
			return nil, fault.New(fault.Temporary, "kodo.batch", items[some[0]].Key, fmt.Errorf("%d answers to %d questions (%v)", len(answers), len(some), err))
		}
		if frozen == nil {
			frozen = map[int]bool{}
		}
		for n, i := range some {
			switch answers[n].Code {
			case http.StatusOK:
				frozen[i] = answers[n].Data.Restored != thawed
			case 612: // deleted since: the copy will find out
			default:
				return nil, fault.New(kindOf(answers[n].Code), "kodo.batch", items[i].Key, &refusal{status: answers[n].Code})
			}
		}
	}
	return frozen, nil
}

// entry is how Kodo names an object in a path: URL-safe base64 of bucket:key.
func (b *Bucket) entry(key string) string {
	return base64.URLEncoding.EncodeToString([]byte(b.cfg.Bucket + ":" + key))
}
