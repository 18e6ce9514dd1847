package kodo

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
)

func TestOpenNamesEveryMistakeAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  Config
		says []string // nothing is no mistake
	}{
		"nothing given":             {Config{}, []string{"no bucket", "no credentials"}},
		"half of the credentials":   {Config{Bucket: "b", AccessKey: "ak"}, []string{"no credentials"}},
		"an unknown region":         {ok(Config{Region: "mars"}), []string{`region "mars" is not known`, "z0"}},
		"one behind an endpoint":    {ok(Config{Region: "mars", Endpoint: "h"}), nil},
		"http that was not allowed": {ok(Config{Endpoint: "http://h", Domain: "http://d"}), []string{`endpoint "http://h"`, `domain "http://d"`, "insecure=true"}},
		"http that was":             {ok(Config{Endpoint: "http://h", Domain: "http://d/", Insecure: true}), nil},
		"another scheme":            {ok(Config{Domain: "ftp://d"}), []string{"the scheme is https"}},
		"a path":                    {ok(Config{Domain: "d.example.com/x"}), []string{"want a host"}},
		"a password":                {ok(Config{Domain: "https://u:p@d"}), []string{"want a host"}},
		"a space":                   {ok(Config{Domain: "d example"}), []string{"want a host"}},
		"a control character":       {ok(Config{Endpoint: "h\n"}), []string{"want a host"}},
		"a page too big":            {ok(Config{PageSize: 1001}), []string{"1 to 1000"}},
		"a port and IPv6":           {ok(Config{Endpoint: "https://[::1]:8080"}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(tc.cfg)
			if (err == nil) != (tc.says == nil) || err != nil && fault.KindOf(err) != fault.Invalid {
				t.Fatalf("got %v, want mistakes: %v", err, tc.says)
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("got %v, want it to say %q", err, s)
				}
			}
		})
	}
}

// ok is c with what every Config needs.
func ok(c Config) Config {
	c.Bucket, c.AccessKey, c.SecretKey = "b", "ak", "sk"
	return c
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	full := pageJSON("m", itemJSON(""), itemJSON("../x"), itemJSON("a b"), itemJSON("tame/k.jpg"))
	for name, tc := range map[string]struct {
		set  func(*Config)
		list http.HandlerFunc
		head http.HandlerFunc // nil: must not be asked
		kind fault.Kind
		says string
	}{
		"nothing":      {list: page200(full), head: func(http.ResponseWriter, *http.Request) {}},
		"empty bucket": {list: page200(pageJSON(""))},
		"only keys that hosts on the way may change": {list: page200(pageJSON("", itemJSON("a//b")))},
		"no such bucket": {list: code(631, "no such bucket"), kind: fault.NotFound, says: `bucket "b" does not exist`},
		"wrong keys":     {list: code(401, "bad token"), kind: fault.Denied, says: "QINIU_SECRET_KEY"},
		"a wrong clock": {list: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			refuse(w, 401, "bad token")
		}, kind: fault.Denied, says: "because of this machine's clock"},
		"keys that may not":         {list: code(403, "forbidden"), kind: fault.Denied, says: "kodo/list"},
		"a frozen account":          {list: code(419, "user disabled"), kind: fault.Denied, says: "console"},
		"another region":            {set: func(c *Config) { c.Region = "z1" }, list: code(400, "incorrect region"), kind: fault.Invalid, says: "region=z1"},
		"a host that is not Kodo":   {list: page200([]byte("<html>")), kind: fault.Invalid, says: "endpoint="},
		"a host without the API":    {list: code(404, "not found"), kind: fault.Invalid, says: "endpoint="},
		"a domain of another":       {list: page200(full), head: code(404, "no such domain"), kind: fault.Invalid, says: "bind that domain to the bucket"},
		"a domain that redirects":   {list: page200(full), head: http.RedirectHandler("https://elsewhere/", 301).ServeHTTP, kind: fault.Invalid, says: "domain="},
		"a download that is denied": {list: page200(full), head: code(401, ""), kind: fault.Denied, says: "QINIU_SECRET_KEY"},
		"too many requests":         {list: code(573, "too fast"), kind: fault.Throttled, says: "too fast"},
		"http where https is meant": {set: func(c *Config) { c.Endpoint = strings.Replace(c.Endpoint, "http:", "https:", 1) }, list: page200(full), kind: fault.Temporary, says: "speaks http, not https"},
		"nobody there":              {set: func(c *Config) { c.Endpoint = "http://127.0.0.1:1" }, kind: fault.Temporary, says: "cannot be reached"},
		"a host of no name": {set: func(c *Config) {
			c.Transport = wire(func(*http.Request) (*http.Response, error) {
				return nil, &net.DNSError{Err: "no such host", Name: "nowhere.example.com", IsNotFound: true}
			})
		}, kind: fault.Temporary, says: "the host nowhere.example.com does not exist"},
		"the host that knows regions has no name": {set: func(c *Config) {
			c.Transport = wire(func(*http.Request) (*http.Response, error) {
				return nil, &net.DNSError{Err: "no such host", Name: ucHosts[1], IsNotFound: true}
			})
		}, kind: fault.Temporary, says: "or name region= and domain="},
	} {
		t.Run(name, func(t *testing.T) {
			var calls tally
			var sets []func(*Config)
			if tc.set != nil {
				sets = append(sets, tc.set)
			}
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/list" {
					calls.add("list")
					tc.list(w, r)
					return
				}
				calls.add("head")
				if tc.head == nil || r.Method != http.MethodHead || r.URL.Path != "/tame/k.jpg" {
					t.Errorf("asked for %s %s, want the head of the first tame key, if any", r.Method, r.URL.Path)
					return
				}
				tc.head(w, r)
			}, sets...)
			err := b.Check(t.Context())
			if fault.KindOf(err) != tc.kind || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want kind %q saying %q", err, tc.kind, tc.says)
			}
			if own, is := errors.AsType[*fault.Error](err); err != nil && (!is || own.Op != "kodo.Check" || own.Key != "b" || strings.Contains(err.Error(), "token=ak")) {
				t.Errorf("got %v, want a fault of kodo.Check about the bucket without a signature", err)
			}
			if calls.of("list") > 1 || calls.of("head") > 1 {
				t.Errorf("%v, want one request each at most", calls.n)
			}
		})
	}
}

func page200(p []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(p) }
}

func code(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { refuse(w, status, text) }
}

func TestCheckNamesACertificateThatDoesNotHold(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "{}") }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of what is meant
	srv.StartTLS()
	defer srv.Close()
	b := opentest.Bucket(t, Open, ok(Config{Endpoint: srv.URL}))
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") || !strings.Contains(err.Error(), "domain=") {
		t.Errorf("got %v, want it to name the certificate and the cure", err)
	}
}
