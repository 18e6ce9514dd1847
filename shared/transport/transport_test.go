package transport

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/journal"
	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/store/wiretest"
)

// ways are how requests go: all by net/http, or as Direct has it.
var ways = map[string]func(*http.Transport) http.RoundTripper{
	"by net/http": func(by *http.Transport) http.RoundTripper { return by },
	"directly":    func(by *http.Transport) http.RoundTripper { return NewDirect(by) },
}

// closeIdle closes the idle connections of either.
func closeIdle(by http.RoundTripper) { by.(interface{ CloseIdleConnections() }).CloseIdleConnections() }

// serve starts a server, and a transport to it.
func serve(t testing.TB, least Rate, answer func(w *odd.Wire, r *http.Request)) (*odd.Server, *http.Transport) {
	t.Helper()
	s := odd.Serve(t, answer)
	by := New(time.Minute, time.Minute, time.Minute, least)
	t.Cleanup(by.CloseIdleConnections)
	return s, by
}

// slowly sends what follows byte by byte, or as one.
func slowly(w *odd.Wire, s string, slow bool) {
	if !slow {
		w.Send(s)
		return
	}
	for i := range len(s) {
		w.Send(s[i : i+1])
	}
}

func TestALineThatTheGrammarRefusesIsLeftOut(t *testing.T) {
	for name, tc := range map[string]struct {
		lines   []string
		refused []string
		kept    map[string]string
	}{
		"none":                           {[]string{"X-Qn-Meta-A: 1"}, nil, map[string]string{"X-Qn-Meta-A": "1"}},
		"a slash in a name":              {[]string{"X-Qn-Meta-v1.ns/width: 1", "X-After: b"}, []string{"X-Qn-Meta-v1.ns/width: 1"}, map[string]string{"X-After": "b"}},
		"a name beyond ASCII":            {[]string{"x-amz-meta-größe: 1"}, []string{"x-amz-meta-größe: 1"}, nil},
		"no colon":                       {[]string{"X-Before: a", "what is this"}, []string{"what is this"}, map[string]string{"X-Before": "a"}},
		"no name":                        {[]string{": a"}, []string{": a"}, nil},
		"a control character in a value": {[]string{"X-Amz-Meta-A: a\x01b"}, []string{"X-Amz-Meta-A: a\x01b"}, nil},
		"a zero byte in a value":         {[]string{"X-Amz-Meta-A: a\x00b", "X-B: c"}, []string{"X-Amz-Meta-A: a\x00b"}, map[string]string{"X-B": "c"}},
		"a first line that goes on":      {[]string{" what"}, []string{" what"}, nil},
		"one that goes on with such":     {[]string{"a/b: 1", "  and 2", "X-B: c"}, []string{"a/b: 1"}, map[string]string{"X-B": "c"}},
		"a long one":                     {[]string{"a/b: " + strings.Repeat("x", 70_000)}, []string{"a/b: " + strings.Repeat("x", 70_000)}, nil},
		"the name of ours":               {[]string{"ferry-refused: x", "X-B: c"}, nil, map[string]string{"X-B": "c"}},
		"a space in a name is none":      {[]string{"X-Qn-Meta-my name: 1"}, nil, nil},
		"bytes beyond ASCII in a value":  {[]string{"X-Qn-Meta-A: 北京"}, nil, map[string]string{"X-Qn-Meta-A": "北京"}},
	} {
		for i := range 4 {
			slow, way := i%2 == 0, []string{"by net/http", "directly"}[i/2]
			t.Run(fmt.Sprintf("%s, in one %v, %s", name, !slow, way), func(t *testing.T) {
				if slow && len(tc.lines[0]) > 10_000 {
					t.Skip("it takes a second")
				}
				s, made := serve(t, Least, func(w *odd.Wire, r *http.Request) { slowly(w, odd.Answer(200, "body", tc.lines...), slow) })
				by := ways[way](made)
				defer closeIdle(by)
				for range 3 {
					resp, body, err := wiretest.Ask(t, by, "GET", s.URL, nil)
					if err != nil || body != "body" {
						t.Fatalf("got %q, %v", body, err)
					}
					if got := Refused(resp.Header); !slices.Equal(got, tc.refused) {
						t.Errorf("refused %.200q, want %.200q", got, tc.refused)
					}
					for name, want := range tc.kept {
						if got := resp.Header.Get(name); got != want {
							t.Errorf("%s is %q, want %q", name, got, want)
						}
					}
				}
				if n := s.Conns(); n != 1 {
					t.Errorf("%d connections, want 1", n)
				}
			})
		}
	}
}

// TestWhatNobodyAskedForIsNeverLogged sends more than each answer announces.
func TestWhatNobodyAskedForIsNeverLogged(t *testing.T) {
	const secret = "the bytes of an object"
	var logged journal.Journal
	log.SetOutput(&logged)
	defer log.SetOutput(io.Discard)
	head := odd.Head(200, "Content-Length: 4")
	chunked := odd.Head(200, "Transfer-Encoding: chunked") + "4\r\nbody\r\n0\r\n\r\n"
	later := func(first string) func(w *odd.Wire) {
		return func(w *odd.Wire) {
			w.Send(first)
			time.Sleep(20 * time.Millisecond)
			w.Send(secret)
		}
	}
	at := func(s string) func(w *odd.Wire) { return func(w *odd.Wire) { w.Send(s) } }
	for name, tc := range map[string]struct {
		method string
		answer func(w *odd.Wire)
		body   string
	}{
		"at once":                       {"GET", at(head + "body" + secret), "body"},
		"later":                         {"GET", later(head + "body"), "body"},
		"after no body":                 {"GET", at(odd.Answer(200, "") + secret), ""},
		"after 204":                     {"PUT", at(odd.Head(204) + secret), ""},
		"after 304":                     {"GET", at(odd.Head(304, "Content-Length: 4") + secret), ""},
		"to a HEAD":                     {"HEAD", at(head + "body" + secret), ""},
		"to a HEAD, later":              {"HEAD", later(head), ""},
		"after chunks":                  {"GET", at(chunked + secret), "body"},
		"after chunks, later":           {"GET", later(chunked), "body"},
		"after 100":                     {"GET", at("HTTP/1.1 100 Continue\r\n\r\n" + head + "body" + secret), "body"},
		"another answer":                {"GET", at(head + "body" + odd.Answer(200, secret)), "body"},
		"an answer of 408, later":       {"GET", later(head + "body" + ""), "body"},
		"after a body of many megabyte": {"GET", at(odd.Answer(200, strings.Repeat("x", 4<<20)) + secret), strings.Repeat("x", 4<<20)},
	} {
		for way, over := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				answered := make(chan struct{}, 2)
				s, made := serve(t, Least, func(w *odd.Wire, r *http.Request) {
					tc.answer(w)
					answered <- struct{}{}
				})
				by := over(made)
				for range 2 {
					_, body, err := wiretest.Ask(t, by, tc.method, s.URL, nil)
					if err != nil || body != tc.body {
						t.Fatalf("got %d bytes, %v, want %d", len(body), err, len(tc.body))
					}
					<-answered                        // what comes later, too
					time.Sleep(20 * time.Millisecond) // for net/http to see it
				}
				if n := s.Conns(); n != 2 {
					t.Errorf("%d connections to two requests, want one each: it is dropped", n)
				}
			})
		}
	}
	if strings.Contains(logged.String(), "nsolicited") || strings.Contains(logged.String(), secret[:8]) {
		t.Errorf("the log says %s", logged.String())
	}
}

// TestEveryAnswerPassesWhole has answers of all kinds follow each other over one
// connection, in pieces of any size.
func TestEveryAnswerPassesWhole(t *testing.T) {
	for way, over := range ways {
		t.Run(way, func(t *testing.T) { everyAnswerPassesWhole(t, over) })
	}
}

func everyAnswerPassesWhole(t *testing.T, over func(*http.Transport) http.RoundTripper) {
	const seed = 5
	rnd := rand.New(rand.NewPCG(seed, 1))
	text := strings.Repeat("0123456789", 10_000)
	var kinds = []func(body string) (method, answer string){
		func(b string) (string, string) { return "GET", odd.Answer(200, b) },
		func(b string) (string, string) { return "GET", odd.Answer(200, b, "a/b: c") },
		func(b string) (string, string) {
			return "GET", odd.Head(200, "transfer-encoding: Chunked") + fmt.Sprintf("%x;ext=1\r\n%s\r\n3\r\nend\r\n0\r\nX-Trailer: a\r\n\r\n", len(b), b)
		},
		func(b string) (string, string) { return "POST", "HTTP/1.1 102 Processing\r\n\r\n" + odd.Answer(500, b) },
		func(b string) (string, string) {
			return "GET", strings.ReplaceAll(odd.Head(200, fmt.Sprint("content-length:", len(b))), "\r", "") + b
		},
		func(b string) (string, string) { return "HEAD", odd.Head(200, "Content-Length: 99999") },
		func(b string) (string, string) { return "DELETE", odd.Head(204) },
	}
	var answer string
	s, made := serve(t, Least, func(w *odd.Wire, r *http.Request) {
		for rest := answer; rest != ""; {
			n := min(len(rest), 1+rnd.IntN(1<<rnd.IntN(16)))
			w.Send(rest[:n])
			rest = rest[n:]
		}
	})
	by := over(made)
	_, directly := by.(*Direct) // what neither GETs nor HEADs then has a connection of its own
	for i := range 300 {
		body := text[:1+rnd.IntN(1<<rnd.IntN(17))%len(text)]
		var method string
		kind := rnd.IntN(len(kinds))
		method, answer = kinds[kind](body)
		switch kind {
		case 2:
			body += "end"
		case 5, 6:
			body = ""
		}
		_, got, err := wiretest.Ask(t, by, method, s.URL, nil)
		if err != nil || got != body {
			t.Fatalf("seed %d, answer %d of kind %d: got %d bytes, %v, want %d", seed, i, kind, len(got), err, len(body))
		}
	}
	if n := s.Conns(); n != 1 && !(directly && n == 2) {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestAHeadIsMendedAsNetHTTPReadsIt holds what is left out, and what is not, to
// net/http itself, on heads that are damaged at random.
func TestAHeadIsMendedAsNetHTTPReadsIt(t *testing.T) {
	const seed = 6
	rnd := rand.New(rand.NewPCG(seed, 1))
	whole := odd.Head(200, "Content-Length: 4", "Content-Type: image/png", "X-Qn-Meta-A: b c", "ETag: \"x\"")
	bits := []string{":", " ", "\t", "\r\n", "\n", "\x00", "\x7f", "é", "/", "(", "\r\n ", "X: y\r\n", "Content-Length: 4\r\n"}
	refusals := 0
	for range 20_000 {
		data := []byte(whole)
		for range 1 + rnd.IntN(3) {
			at := len("HTTP/1.1 200 OK\r\n") + rnd.IntN(len(data)-len("HTTP/1.1 200 OK\r\n")-4)
			to := min(len(data)-4, at+rnd.IntN(4))
			data = append(append(bytes.Clone(data[:at]), bits[rnd.IntN(len(bits))]...), data[to:]...)
		}
		n := headEnd(data)
		_, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data[:n])), nil)
		h := scan(data[:n])
		if (err != nil && strings.Contains(err.Error(), "MIME")) != h.refused {
			t.Fatalf("seed %d: net/http says %v of %q, scan that it is refused: %v", seed, err, data[:n], h.refused)
		}
		if h.refused {
			refusals++
			if _, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(mended(data[:n]))), nil); err != nil && strings.Contains(err.Error(), "MIME") {
				t.Fatalf("seed %d: net/http says %v of %q, mended %q", seed, err, data[:n], mended(data[:n]))
			}
		}
	}
	if refusals < 1000 {
		t.Errorf("%d heads were refused, want enough", refusals)
	}
}

func TestSecureAnswersAreMendedToo(t *testing.T) {
	plain := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer plain.Close()
	s, err := odd.Start(func(w *odd.Wire, r *http.Request) { w.Send(odd.Answer(200, "body", "a/b: c") + "and more") }, plain.TLS.Certificates...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for way, over := range ways {
		t.Run(way, func(t *testing.T) { secureAnswersAreMended(t, s.URL, plain.Certificate(), over) })
	}
}

func secureAnswersAreMended(t *testing.T, at string, issuer *x509.Certificate, over func(*http.Transport) http.RoundTripper) {
	made := New(time.Minute, time.Minute, time.Minute, Least)
	by := over(made)
	defer closeIdle(by)
	if _, _, err := wiretest.Ask(t, by, "GET", at, nil); err == nil {
		t.Error("a certificate of nobody's is taken")
	} else if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("got %v, want it to be about the certificate", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(issuer)
	made.TLSClientConfig.RootCAs = pool
	resp, body, err := wiretest.Ask(t, by, "GET", at, nil)
	if err != nil || body != "body" || len(Refused(resp.Header)) != 1 {
		t.Errorf("got %q, %v, want the body, and a line that was refused", body, err)
	}
}

// TestSecureAnswersAreMendedBehindAProxyToo has net/http ask one proxy for a
// tunnel, and the transport itself another.
func TestSecureAnswersAreMendedBehindAProxyToo(t *testing.T) {
	plain := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer plain.Close()
	s, err := odd.Start(func(w *odd.Wire, r *http.Request) { w.Send(odd.Answer(200, "body", "a/b: c")) }, plain.TLS.Certificates...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, tc := range map[string]struct {
		answer string
		secure []tls.Certificate
		fails  bool
	}{
		"a proxy":                 {odd.Head(200, "X-Proxy: a"), nil, false},
		"a proxy of https":        {odd.Head(200), plain.TLS.Certificates, false},
		"a proxy that refuses":    {odd.Head(407), nil, true},
		"a proxy of another kind": {"SSH-2.0\r\n\r\n", nil, true},
	} {
		for way, over := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				var said string
				proxy, err := odd.Start(func(w *odd.Wire, r *http.Request) {
					w.Hangup()
					said = r.Method + " " + r.Header.Get("Proxy-Authorization")
					to, err := net.Dial("tcp", r.URL.Host)
					if err != nil {
						return
					}
					defer func() { _ = to.Close() }()
					w.Send(tc.answer)
					go func() { _, _ = io.Copy(to, w.Conn); _ = to.Close() }()
					_, _ = io.Copy(w.Conn, to)
				}, tc.secure...)
				if err != nil {
					t.Fatal(err)
				}
				defer proxy.Close()
				u, err := url.Parse(strings.Replace(proxy.URL, "://", "://me:secret@", 1))
				if err != nil {
					t.Fatal(err)
				}
				made := newTransport(time.Minute, time.Minute, time.Minute, Least, http.ProxyURL(u))
				made.TLSClientConfig.RootCAs = x509.NewCertPool()
				made.TLSClientConfig.RootCAs.AddCert(plain.Certificate())
				by := over(made)
				for range 2 {
					resp, body, err := wiretest.Ask(t, by, "GET", s.URL, nil)
					if tc.fails != (err != nil) || err == nil && (body != "body" || len(Refused(resp.Header)) != 1) || err != nil && strings.Contains(err.Error(), "secret") {
						t.Fatalf("got %q, %v, want the body and a line that was refused: %v", body, err, !tc.fails)
					}
				}
				once := 1
				if _, directly := by.(*Direct); directly && tc.secure != nil {
					once = 2 // TLS within TLS cannot be looked at, so that net/http asks the second time
				}
				if said != "CONNECT Basic bWU6c2VjcmV0" || !tc.fails && proxy.Conns() != once {
					t.Errorf("the proxy was told %q over %d connections, want to connect, over one", said, proxy.Conns())
				}
				closeIdle(by)
				if tc.secure == nil && !tc.fails { // as SOCKS would be, by net/http
					made.Proxy = http.ProxyURL(u)
					if _, _, err := wiretest.Ask(t, by, "GET", s.URL, nil); err == nil {
						t.Error("net/http took a line that it refuses")
					}
					closeIdle(by)
				}
			})
		}
	}
}
