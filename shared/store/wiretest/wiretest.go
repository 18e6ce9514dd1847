// Package wiretest holds requests that a driver writes by hand against those that
// the vendor's own SDK sends for the same purpose, as a server sees both. Start with
// Record, then Table.Compare.
package wiretest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Keys are object keys that clients escape in different ways, or lose.
var Keys = []string{
	"plain", "a b", "a+b", "100%", "%2F", "a%2Fb", "照片/é", "😀.jpg", "/lead", "a//b", "a/../b", "./a", "tail/", "a?b=c", "a#b", "a&b;c=d",
	`quote"'<>[]{}^` + "`", "a|b", `back\slash`, "~!*()$,:@", "\x00\x01\n\r\x1b\x7f", strings.Repeat("k", 750), strings.Repeat("é ", 250),
}

// Request is one request as a server got it.
type Request struct {
	Method string
	Target string // path and query, byte for byte
	Header http.Header
	Body   string
}

// Recorder is a server that keeps what it is asked.
type Recorder struct {
	*httptest.Server
	mu  sync.Mutex
	got []Request
}

// Ask makes one request and reads its answer.
func Ask(t testing.TB, by http.RoundTripper, method, url string, body io.Reader) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := by.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	data, err := io.ReadAll(resp.Body)
	return resp, string(data), errors.Join(err, resp.Body.Close())
}

// Record starts a server that answers as h does. It ends with the test.
func Record(t *testing.T, h http.HandlerFunc) *Recorder {
	t.Helper()
	r := &Recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		header := req.Header.Clone()
		header.Set("Host", req.Host)
		r.mu.Lock()
		r.got = append(r.got, Request{req.Method, req.RequestURI, header, string(body)})
		r.mu.Unlock()
		h(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// One makes f ask and returns the last request of that method, which must be there.
func (r *Recorder) One(t *testing.T, method string, f func()) Request {
	t.Helper()
	r.mu.Lock()
	r.got = nil
	r.mu.Unlock()
	f()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range slices.Backward(r.got) {
		if one.Method == method {
			return one
		}
	}
	t.Fatalf("%d requests, and no %s among them", len(r.got), method)
	return Request{}
}

// Any stands in a Difference for whatever is sent; "" is for nothing.
const Any = "*"

// Difference is one that is meant, of requests of a kind ("" is all kinds). Part is
// "path", "query NAME", "header NAME" or "body".
type Difference struct {
	Kind, Part   string
	Ours, Theirs string
	Why          string
}

func (d Difference) covers(kind, part, ours, theirs string) bool {
	is := func(want, got string) bool { return want == got || want == Any && got != "" }
	return (d.Kind == "" || d.Kind == kind) && d.Part == part && is(d.Ours, ours) && is(d.Theirs, theirs)
}

// Table is all the differences that are meant.
type Table struct {
	rows []Difference
	seen map[int]bool
}

// NewTable returns a table whose every row must occur until the test ends.
func NewTable(t *testing.T, rows ...Difference) *Table {
	t.Helper()
	table := &Table{rows, map[int]bool{}}
	t.Cleanup(func() {
		if t.Failed() {
			return // which stopped early, maybe
		}
		for i, d := range rows {
			if !table.seen[i] {
				t.Errorf("the table says that %q of %q differs (%s): it never does", d.Part, d.Kind, d.Why)
			}
		}
	})
	return table
}

// Compare fails where two requests of a kind differ, and the table does not say so.
func (tb *Table) Compare(t *testing.T, kind string, ours, theirs Request) {
	t.Helper()
	a, b := ours.parts(), theirs.parts()
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, part := range slices.Sorted(maps.Keys(all)) {
		if a[part] == b[part] {
			continue
		}
		i := slices.IndexFunc(tb.rows, func(d Difference) bool { return d.covers(kind, part, a[part], b[part]) })
		if i < 0 {
			t.Errorf("%s: %s\nwe send      %q\nthe SDK sends %q", kind, part, a[part], b[part])
			continue
		}
		tb.seen[i] = true
	}
}

// parts takes a request apart into what is compared.
func (r Request) parts() map[string]string {
	path, query, _ := strings.Cut(r.Target, "?")
	parts := map[string]string{"method": r.Method, "path": path}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		parts["query "+name] += "=" + value
	}
	for name, values := range r.Header {
		parts["header "+name] = strings.Join(values, "\n")
	}
	if r.Body != "" {
		parts["body"] = fmt.Sprintf("%q", r.Body)
	}
	delete(parts, "query ")
	return parts
}

// InTurns times what reads n items by hand, by encoding/json/v2 and by encoding/json, in
// turns, and reports the medians, the first for each item in the unit.
func InTurns(b *testing.B, n int, unit string, hand, v2, v1 func() error) {
	var took [3][]time.Duration
	for b.Loop() {
		for i, do := range []func() error{hand, v2, v1} {
			began := time.Now()
			if err := do(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	median := func(of int) float64 {
		slices.Sort(took[of])
		return float64(took[of][len(took[of])/2])
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(0)/float64(n), unit)
	b.ReportMetric(median(1)/median(0), "v2/hand")
	b.ReportMetric(median(2)/median(0), "json/hand")
}
