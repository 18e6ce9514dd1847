package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"time"

	"kodoferry/shared/overview"
)

// renderParts are what of a page changes while one looks.
type parts struct {
	HTML   map[string]string `json:"html"` // by the id of the element that it is the inside of
	Series *tail             `json:"series,omitempty"`
	Over   bool              `json:"over"` // nothing changes any more
}

// renderParts renders templates of a page.
func renderParts(q *request, page string, v view, names ...string) (parts, error) {
	v.q, v.Page = q, page
	p := parts{HTML: map[string]string{}}
	for _, name := range names {
		var b bytes.Buffer
		if err := q.template(page).ExecuteTemplate(&b, name, v); err != nil {
			return p, err
		}
		p.HTML[name] = b.String()
	}
	return p, nil
}

// poll answers with the parts of a page, or that none has changed since.
func poll(q *request, read func(*request) (parts, error)) error {
	p, err := read(q)
	if err != nil {
		return err
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	sum := fnv.New64a()
	_, _ = sum.Write(data) // it never fails
	tag := fmt.Sprintf("%q", fmt.Sprintf("%x", sum.Sum64()))
	q.w.Header().Set("ETag", tag)
	q.w.Header().Set("Cache-Control", "no-cache")
	if q.Header.Get("If-None-Match") == tag {
		q.wrote = true
		q.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	q.w.Header().Set("Content-Type", "application/json")
	return q.send(http.StatusOK, data)
}

// beat is how long a stream is silent at most, so that nobody between takes it for dead.
const beat = 20 * time.Second

// stream sends the parts that have changed, whenever some have, as Server-Sent Events, until
// nothing changes any more, the browser is gone, or the answer has taken its time: the
// browser then asks for the next.
func stream(q *request, read func(*request) (parts, error)) error {
	first, err := read(q)
	if err != nil {
		return err
	}
	q.wrote = true
	out := http.NewResponseController(q.w)
	q.w.Header().Set("Content-Type", "text/event-stream")
	q.w.Header().Set("X-Accel-Buffering", "no")
	sent := parts{HTML: map[string]string{}}
	tick := time.NewTicker(q.console.o.Every)
	defer tick.Stop()
	_, _ = fmt.Fprint(q.w, "retry: 2000\n\n")
	spoke := time.Now()
	for p := first; ; {
		if news := p.since(sent); !news.empty() || p.Over {
			name := "parts"
			if p.Over {
				name = "over"
			}
			if q.event(name, news) != nil {
				return nil // the browser is gone
			}
			spoke = time.Now()
		} else if time.Since(spoke) > beat {
			_, _ = fmt.Fprint(q.w, ": still here\n\n")
			spoke = time.Now()
		}
		if out.Flush() != nil || p.Over {
			return nil
		}
		sent = p
		var ok bool
		if p, ok = next(q, tick.C, out, read); !ok {
			return nil
		}
	}
}

// next reads the parts at the next tick at which the ledger answers. ok is false once
// nobody listens.
func next(q *request, tick <-chan time.Time, out *http.ResponseController, read func(*request) (parts, error)) (p parts, ok bool) {
	for {
		select {
		case <-q.Context().Done():
			return p, false
		case <-q.console.ctx.Done():
			return p, false
		case <-tick:
		}
		p, err := read(q)
		if err == nil {
			return p, true
		}
		if q.event("trouble", q.tell(sentences(err))) != nil || out.Flush() != nil {
			return p, false
		}
	}
}

// event writes one event of a stream.
func (q *request) event(name string, data any) error {
	text, err := json.Marshal(data)
	if err == nil {
		_, err = fmt.Fprintf(q.w, "event: %s\ndata: %s\n\n", name, text)
	}
	return err
}

// tail is the end of a series, from the stretch of that number on.
type tail struct {
	overview.Series
	Start int `json:"start"`
}

// since are the parts that are not as they were sent.
func (p parts) since(sent parts) parts {
	news := parts{HTML: map[string]string{}, Over: p.Over}
	for name, text := range p.HTML {
		if sent.HTML[name] != text {
			news.HTML[name] = text
		}
	}
	switch {
	case p.Series == nil:
	case sent.Series == nil:
		news.Series = p.Series
	default:
		news.Series = p.Series.since(*sent.Series)
	}
	return news
}

func (p parts) empty() bool { return len(p.HTML) == 0 && p.Series == nil }

// since is the end of t that another, of the same stretches, has not; nil where it has all.
func (t tail) since(o tail) *tail {
	if t.Each != o.Each || !t.From.Equal(o.From) {
		return &t
	}
	lists := func(s tail) [4][]int64 { return [4][]int64{s.Objects, s.Bytes, s.Failed, s.Throttled} }
	at := min(len(t.Objects), len(o.Objects))
	for i, list := range lists(t) {
		other := lists(o)[i]
		for n := range min(at, len(list), len(other)) {
			if list[n] != other[n] {
				at = n
				break
			}
		}
		at = min(at, len(list))
	}
	if at == len(t.Objects) && at == len(o.Objects) {
		return nil
	}
	t.Start = at
	t.Objects, t.Bytes, t.Failed, t.Throttled = t.Objects[at:], t.Bytes[at:], from(t.Failed, at), from(t.Throttled, at)
	return &t
}

func from(list []int64, at int) []int64 { return list[min(at, len(list)):] }

// live answers with what of a run changes: as a stream where the process stays and the
// browser asks for one, else once.
func live(q *request) error {
	if q.console.o.Stays && q.Header.Get("Accept") == "text/event-stream" {
		return stream(q, runParts)
	}
	return poll(q, runParts)
}
