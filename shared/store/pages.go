package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/retry"
)

// Pages is how a driver lists a service that answers in pages: it says how one
// page is read, and List does what is the same everywhere.
type Pages struct {
	Op   string                                                              // of errors: "kodo.List"
	Cut  func(s string) string                                               // the longest beginning of s that the service takes as a prefix or a start
	Read func(ctx context.Context, q Query, next string) (p Page, err error) // one page, tried as often as makes sense; next is "" for the first

	// Pause makes the waits between the tries of one request; between empty pages
	// List waits for a tenth of them. nil: Pauses.
	Pause func() backoff.BackOff

	// Recheck has List ask once more, behind the last key, where the service says
	// that the listing is over and the range has no end of its own: one request at
	// the end of a bucket or prefix. For services that were seen to end early.
	Recheck bool
}

// UTF8Prefix is the longest beginning of s that is UTF-8, which is all that JSON, XML and
// a parameter can carry. It sorts before s or is s: a listing that starts there, or is
// narrowed to it, gets wider, never narrower.
func UTF8Prefix(s string) string {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return s[:i]
		}
		i += size
	}
	return s
}

// KeysPerPage is how many keys a page of any of the services holds at most.
const KeysPerPage = 1000

// Query is what a service is asked for: as narrow as it can be told, and never
// narrower than the Range it was made for.
type Query struct {
	Prefix string // of every key
	After  string // of every key, "" where the prefix begins behind it
	Few    int    // keys that a page need not have more than; 0: as many as it can
}

// PageOf is how many keys a page of most is to have.
func (q Query) PageOf(most int) int {
	if q.Few > 0 {
		return min(q.Few, most)
	}
	return most
}

// Page is one answer.
type Page struct {
	Objects []Object
	Next    string // leads to the next page; "" is the only sign of the end, an empty page is none
}

// maxEmptyPages is how many empty pages in a row may each lead to another before
// the listing is taken for one that does not end. Kodo sends hundreds where many
// neighbouring keys were deleted. With the waits between them, of a second from
// the seventh on, they take a quarter of an hour.
const maxEmptyPages = 1000

// List yields the objects of r, as Source.List promises: one page is read
// ahead, and when the iteration ends no goroutine of it is left. Who takes less
// than a quarter of a page pays for one page. A listing that is out of order is
// Invalid; one whose empty pages lead in a circle, or to ever more of them, is
// Temporary. With Recheck the first object that was found behind the end that
// the service had told has a warning that says so.
func (p Pages) List(ctx context.Context, r Range) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		q, ok := p.plan(r)
		if !ok {
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		l := &listing{Pages: p, ctx: ctx, query: q}
		defer func() { cancel(); l.wait() }()
		l.fetch("")
		for more := true; more; {
			page, err := l.next()
			if l.behind && fault.KindOf(err) == fault.Invalid {
				return // it does not take a start that it has not given out
			}
			if err != nil {
				yield(Object{}, err)
				return
			}
			if l.behind && !l.found(&page) {
				return
			}
			more = page.Next != "" && !page.past(r.UpTo)
			for i, o := range page.Objects {
				if err := l.check(o.Key); err != nil {
					yield(Object{}, err)
					return
				}
				if r.UpTo != "" && o.Key > r.UpTo {
					return
				}
				if r.After != "" && o.Key <= r.After || !strings.HasPrefix(o.Key, r.Prefix) {
					continue // what was asked for was cut to what the service takes
				}
				if !yield(o, nil) {
					return
				}
				if more && l.pages == nil && r.Few == 0 && 4*(i+1) >= len(page.Objects) {
					l.fetch(page.Next) // ahead, but not for one who only wants a look
				}
			}
			switch {
			case more && l.pages == nil:
				l.fetch(page.Next)
			case !more && r.UpTo == "" && p.Recheck && r.Few == 0:
				l.lookBehind(r)
				more = true
			}
		}
	}
}

// lookBehind asks for what follows the last key that was listed, after the
// service has said that nothing does.
func (l *listing) lookBehind(r Range) {
	if l.started && l.last > r.After {
		l.query.After = l.Cut(l.last)
	}
	l.behind = true
	l.fetch("")
}

// endedEarly begins the warning of the first object that was found behind the end
// of a listing.
const endedEarly = "the service ended its listing before this key"

// EndedEarly reports whether the service had said that its listing was over when it
// had not yet listed o.
func (o *Object) EndedEarly() bool {
	return slices.ContainsFunc(o.Warnings, func(w string) bool { return strings.HasPrefix(w, endedEarly) })
}

// found takes from the answer to lookBehind what was listed before, and reports
// whether to go on: not where nothing is left, nor where the service began anew
// instead of behind the last key.
func (l *listing) found(page *Page) bool {
	all := page.Objects
	for l.started && len(page.Objects) > 0 && page.Objects[0].Key <= l.last {
		page.Objects = page.Objects[1:]
	}
	if len(page.Objects) == 0 {
		return page.Next != "" && (len(all) == 0 || all[0].Key > l.query.After) // else it began anew
	}
	l.behind = false
	o := &page.Objects[0]
	o.Warnings = append(o.Warnings, fmt.Sprintf(endedEarly+", behind %q: asked again, it listed this one and what follows", l.last))
	return true
}

// First returns the first objects of r, as many as the first page tells that
// is not empty, and whether more may follow. It reads nothing ahead.
func (p Pages) First(ctx context.Context, r Range) ([]Object, bool, error) {
	q, ok := p.plan(r)
	if !ok {
		return nil, false, nil
	}
	l := &listing{Pages: p, ctx: ctx, query: q}
	for next := ""; ; {
		l.fetch(next)
		page, err := l.next()
		if err != nil {
			return nil, false, err
		}
		objects := page.Objects[:0:0]
		for _, o := range page.Objects {
			if err := l.check(o.Key); err != nil {
				return nil, false, err
			}
			if (r.UpTo == "" || o.Key <= r.UpTo) && (r.After == "" || o.Key > r.After) && strings.HasPrefix(o.Key, r.Prefix) {
				objects = append(objects, o)
			}
		}
		more := page.Next != "" && !page.past(r.UpTo)
		if len(objects) > 0 || !more {
			return objects, more, nil
		}
		next = page.Next
	}
}

// plan returns the query for r; false if no key can be in r. Keys between two
// keys share the keys' common prefix, which is the only upper bound a service
// takes.
func (p Pages) plan(r Range) (Query, bool) {
	prefix := r.Prefix
	if r.UpTo != "" {
		if r.After >= r.UpTo || r.UpTo < prefix {
			return Query{}, false
		}
		if shared := common(r.After, r.UpTo); strings.HasPrefix(shared, prefix) {
			prefix = shared
		} else if !strings.HasPrefix(prefix, shared) {
			return Query{}, false
		}
	}
	if r.After > r.Prefix && !strings.HasPrefix(r.After, r.Prefix) {
		return Query{}, false // behind all that begin with the prefix
	}
	q := Query{Prefix: p.Cut(prefix), After: p.Cut(r.After), Few: r.Few}
	if q.After < q.Prefix {
		q.After = ""
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

// past reports whether no key after p can be in range.
func (p Page) past(upTo string) bool {
	return upTo != "" && len(p.Objects) > 0 && p.Objects[len(p.Objects)-1].Key >= upTo
}

// listing is the state of one iteration.
type listing struct {
	Pages
	ctx     context.Context // of the iteration, which it does not outlive
	query   Query
	asked   string      // what led to the page under way
	pages   chan result // holds the page under way; nil where there is none
	empty   int         // pages in a row
	pauses  backoff.BackOff
	pause   time.Duration // before the next page
	circle  circle        // of the empty pages
	behind  bool          // what is asked for follows the end that the service has told
	started bool
	last    string // key
}

type result struct {
	page Page
	err  error
}

// fetch starts to read the page that next leads to.
func (l *listing) fetch(next string) {
	pages := make(chan result, 1)
	l.pages, l.asked = pages, next
	query, pause := l.query, l.pause
	go func() {
		if err := retry.Sleep(l.ctx, pause); err != nil {
			pages <- result{err: l.trouble(fault.Temporary, query.Prefix, err)}
			return
		}
		p, err := l.Read(l.ctx, query, next)
		pages <- result{p, err}
	}()
}

func (l *listing) wait() {
	if l.pages != nil {
		<-l.pages
	}
}

// next waits for the page under way.
func (l *listing) next() (Page, error) {
	r := <-l.pages
	l.pages = nil
	l.pause = 0
	switch {
	case r.err != nil:
		return Page{}, r.err
	case len(r.page.Objects) > 0:
		l.circle, l.empty = circle{}, 0
	case r.page.Next == "":
	default:
		if l.empty++; l.empty >= maxEmptyPages {
			return Page{}, l.trouble(fault.Temporary, l.last, fmt.Errorf("%d empty pages in a row, each of which leads to another, or to itself: the service does not come to an end of its listing; try again later, and if it stays so ask its support", l.empty))
		}
		if r.page.Next != l.asked && l.circle.closes(r.page.Next) {
			return Page{}, l.trouble(fault.Temporary, l.last, errors.New("empty pages lead in a circle"))
		}
		l.pause = l.emptyPause()
	}
	return r.page, nil
}

// emptyPause is how long to wait after an empty page that leads to another.
func (l *listing) emptyPause() time.Duration {
	if l.empty == 1 {
		pauses := l.Pause
		if pauses == nil {
			pauses = Pauses
		}
		l.pauses = pauses()
	}
	return l.pauses.NextBackOff() / 10
}

// check fails where the iteration was ended, or key does not follow the one before it.
func (l *listing) check(key string) error {
	if l.ctx.Err() != nil {
		return l.trouble(fault.Temporary, l.query.Prefix, context.Cause(l.ctx))
	}
	if l.started && key <= l.last {
		return l.trouble(fault.Invalid, key, fmt.Errorf("the listing is out of order: %q came after %q", key, l.last))
	}
	l.started, l.last = true, key
	return nil
}

func (l *listing) trouble(kind fault.Kind, key string, err error) error {
	return fault.New(kind, l.Op, key, err)
}

// circle notices that a sequence of names repeats itself, in constant memory:
// it holds one of them against all that follow, a later one after 1, 2, 4, … steps.
type circle struct {
	held         string
	steps, until int
}

func (c *circle) closes(name string) bool {
	if c.until > 0 && name == c.held {
		return true
	}
	if c.steps == c.until {
		c.held, c.steps, c.until = name, 0, max(1, 2*c.until)
	}
	c.steps++
	return false
}
