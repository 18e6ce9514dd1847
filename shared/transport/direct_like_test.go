package transport

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/emulator/odd"
)

// TestADirectAnswerIsTheOneOfNetHTTP sends a request, and another, by either: what comes of
// them is the same, and so is over how many connections, and how often the service is asked.
func TestADirectAnswerIsTheOneOfNetHTTP(t *testing.T) {
	plain := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	plain.Close()
	pool := x509.NewCertPool()
	pool.AddCert(plain.Certificate())
	chunked := odd.Head(200, "Transfer-Encoding: chunked")
	for name, tc := range map[string]struct {
		method, answer string
		ends           bool // the connection, behind the answer
		partly         bool // of the body only a byte is read
	}{
		"a body":                            {"GET", odd.Answer(200, "body"), false, false},
		"a body that nobody reads":          {"GET", odd.Answer(200, "body"), false, true},
		"no body":                           {"PUT", odd.Answer(200, ""), false, false},
		"the connection ends":               {"GET", odd.Answer(200, "body", "Connection: close"), true, false},
		"it says that it ends":              {"GET", odd.Answer(200, "body", "Connection: close"), false, false},
		"it says so in other words":         {"GET", odd.Answer(200, "body", "Connection: Foo, CLOSE"), false, false},
		"a body until the end":              {"GET", odd.Head(200) + "body", true, false},
		"a body that is short":              {"GET", odd.Head(200, "Content-Length: 9") + "body", true, false},
		"chunks":                            {"GET", chunked + "4\r\nbody\r\n0\r\n\r\n", false, false},
		"chunks with a trailer":             {"GET", odd.Head(200, "Transfer-Encoding: chunked", "Trailer: X-A") + "4;a=b\r\nbody\r\n0\r\nX-A: 1\r\n\r\n", false, false},
		"chunks that end early":             {"GET", chunked + "4\r\nbo", true, false},
		"chunks without the last":           {"GET", chunked + "4\r\nbody\r\n", true, false},
		"chunks of no size":                 {"GET", chunked + "x\r\nbody\r\n0\r\n\r\n", true, false},
		"chunks of too great a size":        {"GET", chunked + "ffffffffffffffff1\r\nbody\r\n0\r\n\r\n", true, false},
		"chunks and a length":               {"GET", odd.Head(200, "Transfer-Encoding: chunked", "Content-Length: 2") + "4\r\nbody\r\n0\r\n\r\n", false, false},
		"gzip in chunks":                    {"GET", odd.Head(200, "Transfer-Encoding: gzip, chunked") + "4\r\nbody\r\n0\r\n\r\n", true, false},
		"gzip as it is stored":              {"GET", odd.Answer(200, "\x1f\x8bbody", "Content-Encoding: gzip"), false, false},
		"more than announced":               {"GET", odd.Answer(200, "body") + "x", false, false},
		"another answer behind it":          {"GET", odd.Answer(200, "body") + odd.Answer(200, "wrong"), false, false},
		"another answer behind a PUT's":     {"PUT", odd.Answer(200, "") + odd.Answer(404, "wrong"), false, false},
		"a HEAD":                            {"HEAD", odd.Head(200, "Content-Length: 9"), false, false},
		"a HEAD with a body":                {"HEAD", odd.Answer(200, "body"), false, false},
		"a HEAD with chunks":                {"HEAD", chunked + "0\r\n\r\n", false, false},
		"a HEAD of chunks":                  {"HEAD", chunked, false, false},
		"a HEAD without a length":           {"HEAD", odd.Head(200), false, false},
		"204":                               {"GET", odd.Head(204), false, false},
		"204 with a body":                   {"GET", odd.Answer(204, "body"), false, false},
		"304 with a length":                 {"GET", odd.Head(304, "Content-Length: 9"), false, false},
		"304 with a body":                   {"GET", odd.Answer(304, "body"), false, false},
		"205":                               {"GET", odd.Answer(205, ""), false, false},
		"100 before it":                     {"PUT", odd.Head(100) + odd.Answer(200, "body"), false, false},
		"103 and 102 before it":             {"GET", odd.Head(103, "Link: x") + odd.Head(102) + odd.Answer(200, "body"), false, false},
		"100 and no more":                   {"GET", odd.Head(100), true, false},
		"HTTP/1.0":                          {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", false, false},
		"HTTP/1.0 that keeps it":            {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody", false, false},
		"HTTP/1.0 with chunks":              {"GET", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", true, false},
		"HTTP/2.0":                          {"GET", "HTTP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", true, false},
		"lengths that differ":               {"GET", odd.Head(200, "Content-Length: 4", "Content-Length: 5") + "body", true, false},
		"lengths that do not":               {"GET", odd.Head(200, "Content-Length: 4", "Content-Length: 4") + "body", false, false},
		"a length in two":                   {"GET", odd.Head(200, "Content-Length: 4, 4") + "body", true, false},
		"a length with a sign":              {"GET", odd.Head(200, "Content-Length: +4") + "body", true, false},
		"a length below 0":                  {"GET", odd.Head(200, "Content-Length: -4") + "body", true, false},
		"a length that is none":             {"GET", odd.Head(200, "Content-Length: ") + "body", true, false},
		"a length, and space before :":      {"GET", odd.Head(200, "Content-Length : 4") + "body", true, false},
		"bare line ends":                    {"GET", "HTTP/1.1 200 OK\nContent-Length: 4\n\nbody", false, false},
		"no reason":                         {"GET", "HTTP/1.1 200\r\nContent-Length: 4\r\n\r\nbody", false, false},
		"a code of four":                    {"GET", "HTTP/1.1 2000 OK\r\nContent-Length: 4\r\n\r\nbody", true, false},
		"not HTTP":                          {"GET", "SSH-2.0-x\r\n\r\n", true, false},
		"empty lines first":                 {"GET", "\r\n" + odd.Answer(200, "body"), true, false},
		"nothing":                           {"GET", "", true, false},
		"nothing, a PUT":                    {"PUT", "", true, false},
		"half a head":                       {"GET", "HTTP/1.1 200 OK\r\nContent-", true, false},
		"a redirect is the caller's affair": {"GET", odd.Answer(302, "", "Location: /elsewhere"), false, false},
		"the end is announced in a refusal": {"PUT", odd.Answer(503, "later", "Connection: close"), true, false},
	} {
		for scheme, certificates := range map[string][]tls.Certificate{"http": nil, "https": plain.TLS.Certificates} {
			t.Run(name+", "+scheme, func(t *testing.T) {
				t.Parallel()
				var came [2]string
				for i, way := range []string{"by net/http", "directly"} {
					var asked atomic.Int64
					s, err := odd.Start(func(w *odd.Wire, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body) // so that the end is no reset
						asked.Add(1)
						if r.URL.Path == "/second" {
							w.Send(odd.Answer(200, "second"))
							return
						}
						w.Send(tc.answer)
						if tc.ends {
							w.Hangup()
						}
					}, certificates...)
					if err != nil {
						t.Fatal(err)
					}
					made := New(time.Minute, time.Minute, time.Minute, Least)
					made.TLSClientConfig.RootCAs = pool
					by := ways[way](made)
					first := outcome(t, by, tc.method, s.URL+"/first", tc.partly)
					time.Sleep(20 * time.Millisecond) // for the end of an idle connection to come
					second := outcome(t, by, "GET", s.URL+"/second", false)
					came[i] = fmt.Sprintf("%s; %s; %d requests, %d connections", first, second, asked.Load(), s.Conns())
					closeIdle(by)
					s.Close()
				}
				if came[0] != came[1] {
					t.Errorf("directly:\n%s, by net/http:\n%s", came[1], came[0])
				}
				if !strings.Contains(came[1], `"second"`) {
					t.Errorf("the second request got %s", came[1])
				}
			})
		}
	}
}

// outcome sends a request and says what came of it.
func outcome(t *testing.T, by http.RoundTripper, method, url string, partly bool) string {
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if method == "PUT" {
		r.Body, r.ContentLength = InMemory([]byte("data")), 4
		if _, direct := by.(*Direct); !direct {
			r = plain(r)
		}
	}
	resp, err := by.RoundTrip(r)
	if err != nil {
		return "no answer"
	}
	in := io.Reader(resp.Body)
	if partly {
		in = io.LimitReader(in, 1)
	}
	body, err := io.ReadAll(in)
	_ = resp.Body.Close() // what is not read is not wanted
	return fmt.Sprintf("%s %s, %d bytes, coded %v, close %v, %v %v, %q (failed: %v)", resp.Proto, resp.Status, resp.ContentLength, resp.TransferEncoding, resp.Close, resp.Header, resp.Trailer, body, err != nil)
}
