package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/store/wiretest"
)

// TestADirectRequestIsTheOneOfNetHTTP holds what the other side reads of a request to what
// it reads of net/http's.
func TestADirectRequestIsTheOneOfNetHTTP(t *testing.T) {
	type seen struct {
		method, uri, host, body string
		length                  int64
		header                  http.Header
	}
	var last seen
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is missing shows
		last = seen{r.Method, r.RequestURI, r.Host, string(body), r.ContentLength, r.Header}
	}))
	defer s.Close()
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]http.Request{
		"GET":                        {Method: "GET", URL: &url.URL{Path: "/a b/c", RawQuery: "x=1&y"}},
		"HEAD":                       {Method: "HEAD", URL: &url.URL{Path: "/a"}},
		"a path as it is escaped":    {Method: "GET", URL: &url.URL{Path: "/a/../b//c", RawPath: "/a%2F..%2Fb//c"}},
		"no path":                    {Method: "GET", URL: &url.URL{}},
		"another host":               {Method: "GET", URL: &url.URL{Path: "/"}, Host: "img.example.com"},
		"fields":                     {Method: "GET", URL: &url.URL{Path: "/"}, Header: http.Header{"User-Agent": {"kodoferry"}, "X-A": {" 1 ", "2"}, "X-Empty": {""}, "Accept-Encoding": {"identity"}}},
		"no user agent":              {Method: "GET", URL: &url.URL{Path: "/"}, Header: http.Header{"User-Agent": {""}}},
		"fields that are net/http's": {Method: "GET", URL: &url.URL{Path: "/"}, Header: http.Header{"Host": {"x"}, "Content-Length": {"9"}, "Transfer-Encoding": {"chunked"}}},
		"PUT":                        {Method: "PUT", URL: &url.URL{Path: "/a"}, Body: InMemory([]byte("body")), ContentLength: 4, Header: http.Header{"Content-Type": {"image/png"}}},
		"PUT of 64 KiB":              {Method: "PUT", URL: &url.URL{Path: "/a"}, Body: InMemory(bytes.Repeat([]byte("x"), 64<<10)), ContentLength: 64 << 10},
		"PUT of more":                {Method: "PUT", URL: &url.URL{Path: "/a"}, Body: InMemory(bytes.Repeat([]byte("x"), 1<<20)), ContentLength: 1 << 20},
		"PUT of nothing":             {Method: "PUT", URL: &url.URL{Path: "/a"}, Body: InMemory(nil)},
		"PUT without a body":         {Method: "PUT", URL: &url.URL{Path: "/a"}},
	} {
		r.URL.Scheme, r.URL.Host = at.Scheme, at.Host
		if r.Header == nil {
			r.Header = http.Header{}
		}
		by := New(time.Minute, time.Minute, time.Minute, Least)
		direct := NewDirect(by)
		var got [2]seen
		for i, way := range []http.RoundTripper{by, direct} {
			again := r.WithContext(t.Context())
			if m, ok := r.Body.(*Memory); ok {
				again.Body = InMemory(bytes.Clone(m.data))
				if way == by {
					again = plain(again)
				}
			}
			resp, err := way.RoundTrip(again)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_ = resp.Body.Close() // nothing is in it
			got[i] = last
		}
		direct.CloseIdleConnections()
		a, b := got[0], got[1]
		if !maps.EqualFunc(a.header, b.header, func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			t.Errorf("%s: fields %v, want %v", name, b.header, a.header)
		}
		a.header, b.header = nil, nil
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("%s: %.200v, want %.200v", name, fmt.Sprint(b), fmt.Sprint(a))
		}
	}
}

// TestWhatDirectDoesNotTakeIsNetHTTPs: it fails, or not, as there.
func TestWhatDirectDoesNotTakeIsNetHTTPs(t *testing.T) {
	s, by := serve(t, Least, func(w *odd.Wire, r *http.Request) { w.Send(odd.Answer(200, r.Method)) })
	d := NewDirect(by)
	for name, header := range map[string]http.Header{
		"a line's end in a value": {"X-A": {"1\r\nX-B: 2"}},
		"a space in a name":       {"X A": {"1"}},
		"no name":                 {"": {"1"}},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		if _, err := d.RoundTrip(r); err == nil || !strings.Contains(err.Error(), "net/http: invalid header") {
			t.Errorf("%s: %v, want net/http's refusal", name, err)
		}
	}
	for name, r := range map[string]*http.Request{
		"a line's end in a query":    {Method: "GET", URL: &url.URL{Path: "/", RawQuery: "a=1 HTTP/1.1\r\nX-B: 2\r\n\r\n"}},
		"a body of another length":   {Method: "PUT", URL: &url.URL{Path: "/"}, Body: InMemory([]byte("123")), ContentLength: 4},
		"a line's end in the opaque": {Method: "GET", URL: &url.URL{Opaque: "/\r\nX-B: 2"}},
	} {
		r.URL.Scheme, r.URL.Host, r.Header = "http", strings.TrimPrefix(s.URL, "http://"), http.Header{}
		_, want := by.RoundTrip(plain(r))
		if _, err := d.RoundTrip(r); err == nil || want == nil || !strings.HasPrefix(err.Error(), "net/http: ") && !strings.Contains(err.Error(), "ContentLength") {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	for _, method := range []string{"POST", "DELETE"} {
		if _, body, err := wiretest.Ask(t, d, method, s.URL, strings.NewReader("x")); err != nil || body != method {
			t.Errorf("%s came to %q, %v", method, body, err)
		}
	}
	proxied := 0
	proxy, err := odd.Start(func(w *odd.Wire, r *http.Request) { proxied++; w.Send(odd.Answer(200, r.RequestURI)) })
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	behind := NewDirect(newTransport(time.Minute, time.Minute, time.Minute, Least, http.ProxyURL(u)))
	defer behind.CloseIdleConnections()
	if _, body, err := wiretest.Ask(t, behind, "GET", "http://bucket.example.com/a", nil); err != nil || proxied != 1 || body != "http://bucket.example.com/a" {
		t.Errorf("a proxy was asked %d times, for %q, %v", proxied, body, err)
	}
}

// TestADirectRequestOverAConnectionThatHasEnded: what is idle may have been closed, and what
// is not answered may have been written in vain.
func TestADirectRequestOverAConnectionThatHasEnded(t *testing.T) {
	for name, tc := range map[string]struct {
		method string
		ends   func(w *odd.Wire, nth int64) bool // without an answer
		asked  int64
		fails  bool
	}{
		"closed while it was idle":            {"GET", func(w *odd.Wire, _ int64) bool { w.Hangup(); return false }, 2, false},
		"closed while it was idle, a PUT":     {"PUT", func(w *odd.Wire, _ int64) bool { w.Hangup(); return false }, 2, false},
		"closed by the second request":        {"GET", func(_ *odd.Wire, nth int64) bool { return nth == 2 }, 3, false},
		"closed by the second request, a PUT": {"PUT", func(_ *odd.Wire, nth int64) bool { return nth == 2 }, 2, true},
		"closed by each but the first":        {"GET", func(_ *odd.Wire, nth int64) bool { return nth > 1 }, 3, true},
		"closed amid the second's head": {"GET", func(w *odd.Wire, nth int64) bool {
			if nth == 2 {
				w.Send("HTTP/1.1 200")
			}
			return nth == 2
		}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			s, by := serve(t, Least, func(w *odd.Wire, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // so that the end is no reset
				if tc.ends(w, asked.Add(1)) {
					w.Hangup()
					return
				}
				w.Send(odd.Answer(200, "body"))
			})
			d := NewDirect(by)
			defer d.CloseIdleConnections()
			send := func() error {
				r, err := http.NewRequestWithContext(t.Context(), tc.method, s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				if tc.method == "PUT" {
					r.Body, r.ContentLength = InMemory([]byte("x")), 1
				}
				resp, err := d.RoundTrip(r)
				if err != nil {
					return err
				}
				_, err = io.ReadAll(resp.Body)
				return err
			}
			if err := send(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // for the end of an idle connection to come
			if err := send(); tc.fails != (err != nil) || asked.Load() != tc.asked {
				t.Errorf("got %v after %d requests, want %d, and that it fails: %v", err, asked.Load(), tc.asked, tc.fails)
			}
		})
	}
}

// TestWhatComesOfItsOwnAccordIsNoAnswer to the request that follows it: the connection is
// closed, and the request, of which nothing was written there, goes over another.
func TestWhatComesOfItsOwnAccordIsNoAnswer(t *testing.T) {
	for _, method := range []string{"GET", "PUT"} {
		var asked atomic.Int64
		s, by := serve(t, Least, func(w *odd.Wire, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Send(odd.Answer(200, strconv.FormatInt(asked.Add(1), 10)))
			time.Sleep(5 * time.Millisecond) // until the answer was read
			w.Send(odd.Answer(200, "stray"))
		})
		d := NewDirect(by)
		defer d.CloseIdleConnections()
		for _, want := range []string{"1", "2"} {
			r, err := http.NewRequestWithContext(t.Context(), method, s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			if method == "PUT" {
				r.Body, r.ContentLength = InMemory([]byte("x")), 1
			}
			resp, err := d.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != want || asked.Load() > 2 {
				t.Errorf("%s: got %q, %v after %d requests, want %q", method, body, err, asked.Load(), want)
			}
			time.Sleep(20 * time.Millisecond) // for what comes of its own accord
		}
	}
}

func TestADirectAnswerThatDoesNotCome(t *testing.T) {
	const answer = 300 * time.Millisecond
	s, err := odd.Start(func(w *odd.Wire, r *http.Request) {
		switch r.URL.Path {
		case "/silent":
			w.Hang()
		case "/dripping": // each byte comes in time, the whole does not
			w.Drip(odd.Answer(200, "body"), answer/6)
		case "/interim":
			for range maxInterim {
				w.Drip(odd.Head(103), answer/60)
			}
		}
		w.Send(odd.Answer(200, "body"))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := NewDirect(New(answer, time.Minute, time.Minute, Least))
	defer d.CloseIdleConnections()
	for i, path := range []string{"/silent", "/dripping", "/interim"} {
		if _, _, err := wiretest.Ask(t, d, "GET", s.URL, nil); err != nil {
			t.Fatal(err)
		}
		_, _, err = wiretest.Ask(t, d, "GET", s.URL+path, nil)
		if !errors.Is(err, ErrStalled) || !errors.Is(err, os.ErrDeadlineExceeded) || s.Conns() != i+1 {
			t.Errorf("%s: got %v over %d connections, want %v, and that it was asked once", path, err, s.Conns(), ErrStalled)
		}
	}
}

// TestADirectConnectionOutlivesADeadline has it lie idle for longer than an answer may take.
func TestADirectConnectionOutlivesADeadline(t *testing.T) {
	const answer = 100 * time.Millisecond
	s, err := odd.Start(func(w *odd.Wire, r *http.Request) { w.Send(odd.Answer(200, "body")) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := NewDirect(New(answer, time.Minute, time.Minute, Least))
	defer d.CloseIdleConnections()
	for range 3 {
		if _, body, err := wiretest.Ask(t, d, "GET", s.URL, nil); err != nil || body != "body" {
			t.Fatalf("got %q, %v", body, err)
		}
		time.Sleep(answer * 3 / 2)
	}
	if n := s.Conns(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestAHeadOfADirectAnswerIsBounded(t *testing.T) {
	for name, head := range map[string]string{
		"a line without an end": "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("x", 3*maxHead),
		"lines without an end":  "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: x\r\n", maxHead/3),
		"interim answers":       strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", maxInterim+1) + odd.Answer(200, ""),
		"another protocol":      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s, by := serve(t, Rate{}, func(w *odd.Wire, r *http.Request) { w.Send(head); w.Hangup() })
			if _, _, err := wiretest.Ask(t, NewDirect(by), "GET", s.URL, nil); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

// TestABodyThatIsNotReadToItsEndCostsTheConnection and no goroutine, also where a Read
// waits meanwhile.
func TestABodyThatIsNotReadToItsEndCostsTheConnection(t *testing.T) {
	s, by := serve(t, Least, func(w *odd.Wire, r *http.Request) {
		w.Send(odd.Head(200, "Content-Length: 100") + "0123")
		w.Hang()
	})
	d := NewDirect(by)
	for range 2 {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := d.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		read := make(chan error)
		go func() {
			_, err := io.ReadAll(resp.Body)
			read <- err
		}()
		time.Sleep(time.Millisecond) // that it waits, mostly
		_ = resp.Body.Close()        // which is what is tested
		if err := <-read; err == nil || err == io.EOF {
			t.Errorf("a Read that waited returned %v", err)
		}
	}
	if n := s.Conns(); n != 2 {
		t.Errorf("%d connections to two requests, want one each", n)
	}
}

func TestIdleDirectConnectionsAreClosedInTime(t *testing.T) {
	var open atomic.Int64
	closed := make(chan struct{}, 8)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ConnState = func(_ net.Conn, now http.ConnState) {
		switch now {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			closed <- struct{}{}
		}
	}
	s.Start()
	defer s.Close()
	d := NewDirect(New(time.Minute, time.Minute, 50*time.Millisecond, Least))
	for range 2 {
		if _, _, err := wiretest.Ask(t, d, "GET", s.URL, nil); err != nil {
			t.Fatal(err)
		}
		<-closed // by itself
	}
	if n := open.Load(); n != 2 {
		t.Errorf("%d connections were made, want one each time", n)
	}
}

// TestManyDirectRequestsAtOnce has each answer be its own request's.
func TestManyDirectRequestsAtOnce(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)                         // who asked sees what is missing
		_, _ = io.WriteString(w, r.URL.Path+"?"+string(body)) // the same
	}))
	defer s.Close()
	d := NewDirect(New(time.Minute, time.Minute, time.Minute, Least))
	defer d.CloseIdleConnections()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for k := range 100 {
				data := bytes.Repeat([]byte{byte('a' + i)}, k*37)
				r, err := http.NewRequestWithContext(t.Context(), "PUT", fmt.Sprintf("%s/%d/%d", s.URL, i, k), nil)
				if err != nil {
					t.Error(err)
					return
				}
				body := InMemory(data)
				r.Body, r.ContentLength = body, int64(len(data))
				resp, err := d.RoundTrip(r)
				if err != nil || !body.Free() {
					t.Errorf("RoundTrip failed with %v, or its body is read still", err)
					return
				}
				clear(data) // it is read no more
				got, err := io.ReadAll(resp.Body)
				want := fmt.Sprintf("/%d/%d?%s", i, k, strings.Repeat(string(rune('a'+i)), k*37))
				if err != nil || string(got) != want {
					t.Errorf("got %d bytes, %v, want those of its own, %d", len(got), err, len(want))
				}
			}
		})
	}
	all.Wait()
}

func TestMemoryThatNetHTTPSendsIsNotFreeBeforeItIsWritten(t *testing.T) {
	for name, tc := range map[string]struct {
		told []error // by net/http, of the request
		free bool
	}{
		"under way":               {nil, false},
		"written":                 {[]error{nil}, true},
		"not written as a whole":  {[]error{io.ErrClosedPipe}, false},
		"written by a second try": {[]error{io.ErrClosedPipe, nil}, true},
	} {
		t.Run(name, func(t *testing.T) {
			body := InMemory([]byte("data"))
			r, err := http.NewRequestWithContext(t.Context(), "PUT", "http://a/b", body)
			if err != nil {
				t.Fatal(err)
			}
			told := httptrace.ContextClientTrace(plain(r).Context())
			for _, err := range tc.told {
				told.WroteRequest(httptrace.WroteRequestInfo{Err: err})
			}
			if got := body.Free(); got != tc.free {
				t.Errorf("Free = %v, want %v", got, tc.free)
			}
		})
	}
}
