package oss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
)

const testSecret = "secret-0123456789abcdef"

func testKeys() Credentials {
	return Credentials{AccessKeyID: "LTAItest", AccessKeySecret: testSecret, SecurityToken: "token-0123456789abcdef"}
}

// serve returns a bucket whose requests handler answers, and which waits for nothing between tries.
func serve(t *testing.T, handler http.HandlerFunc) *Bucket {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return openedAt(t, srv.URL)
}

// openedAt returns a bucket whose service is at that address, and which waits for nothing
// between tries.
func openedAt(t *testing.T, at string) *Bucket {
	t.Helper()
	b := opentest.Open(t, Open, Config{Bucket: "bucket", Region: "cn-hangzhou", Endpoint: at, Insecure: true, Credentials: testKeys})
	b.pause = func() backoff.BackOff { return &backoff.ZeroBackOff{} }
	t.Cleanup(b.CloseIdle)
	return b
}

// seen is a request as a test looks at it.
type seen struct {
	method, path, query string
	header              http.Header
	length              int64
	chunked             bool
	body                string
	readErr             error
}

// recorder keeps requests and answers each with answer.
type recorder struct {
	answer http.HandlerFunc

	mu   sync.Mutex
	seen []seen
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	r.seen = append(r.seen, seen{req.Method, req.URL.EscapedPath(), req.URL.RawQuery, req.Header, req.ContentLength,
		len(req.TransferEncoding) > 0, string(body), err})
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(w, req)
	}
}

func (r *recorder) all() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]seen(nil), r.seen...)
}

// one returns the only request there was.
func (r *recorder) one(t *testing.T) seen {
	t.Helper()
	all := r.all()
	if len(all) != 1 {
		t.Fatalf("got %d requests, want 1: %+v", len(all), all)
	}
	return all[0]
}

func refuse(status int, code, message string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-oss-request-id", "R1")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message><RequestId>R1</RequestId></Error>", code, message)
	}
}

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if got := fault.KindOf(err); got != want {
		t.Errorf("%s: got kind %q (%v), want %q", what, got, err, want)
	}
	if _, ok := err.(*fault.Error); err != nil && !ok {
		t.Errorf("%s: got a %T, want a *fault.Error", what, err)
	}
}

func TestOpenNamesEveryMistakeAtOnce(t *testing.T) {
	_, err := Open(Config{Bucket: "Bad_Bucket", Endpoint: "http://oss.example.com"})
	wantKind(t, "Open", err, fault.Invalid)
	for _, want := range []string{"Bad_Bucket", "region", "credentials", "https://oss.example.com", "insecure: true"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("got %q, want it to name %q", err, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"a region with oss- before it":  {Config{Region: "oss-cn-hangzhou"}, "write it without oss-, as cn-hangzhou"},
		"a region that is a host":       {Config{Region: "oss.aliyuncs.com"}, "as in cn-hangzhou"},
		"an endpoint with the bucket":   {Config{Endpoint: "bucket.oss-cn-hangzhou.aliyuncs.com"}, "write oss-cn-hangzhou.aliyuncs.com"},
		"an endpoint with a path":       {Config{Endpoint: "https://example.com/x"}, "nothing more"},
		"an endpoint with a password":   {Config{Endpoint: "https://u:pw@example.com"}, "nothing more"},
		"an endpoint of another scheme": {Config{Endpoint: "ftp://example.com"}, "want https"},
		"http for an address":           {Config{Endpoint: "http://127.0.0.1:9000"}, "insecure"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := tc.cfg
			cfg.Bucket, cfg.Credentials = "bucket", testKeys
			if cfg.Region == "" {
				cfg.Region = "cn-hangzhou"
			}
			_, err := Open(cfg)
			wantKind(t, "Open", err, fault.Invalid)
			if !strings.Contains(fmt.Sprint(err), tc.want) || strings.Contains(fmt.Sprint(err), "pw") {
				t.Errorf("got %q, want it to say %q and no password", err, tc.want)
			}
		})
	}
}

func TestEndpointDecidesHostAndPath(t *testing.T) {
	for name, tc := range map[string]struct {
		endpoint        string
		pathStyle       bool
		url, host, path string
	}{
		"none is the public one":       {"", false, "https://oss-cn-hangzhou.aliyuncs.com", "bucket.oss-cn-hangzhou.aliyuncs.com", "/a/b"},
		"public":                       {"public", false, "https://oss-cn-hangzhou.aliyuncs.com", "bucket.oss-cn-hangzhou.aliyuncs.com", "/a/b"},
		"internal":                     {"internal", false, "https://oss-cn-hangzhou-internal.aliyuncs.com", "bucket.oss-cn-hangzhou-internal.aliyuncs.com", "/a/b"},
		"accelerate":                   {"accelerate", false, "https://oss-accelerate.aliyuncs.com", "bucket.oss-accelerate.aliyuncs.com", "/a/b"},
		"a host of OSS":                {"oss-eu-central-1.aliyuncs.com", false, "https://oss-eu-central-1.aliyuncs.com", "bucket.oss-eu-central-1.aliyuncs.com", "/a/b"},
		"a domain of one's own":        {"https://img.example.com", false, "https://img.example.com", "img.example.com", "/a/b"},
		"an address":                   {"http://10.0.0.1:9000", false, "http://10.0.0.1:9000", "10.0.0.1:9000", "/bucket/a/b"},
		"an address without scheme":    {"10.0.0.1:9000", false, "http://10.0.0.1:9000", "10.0.0.1:9000", "/bucket/a/b"},
		"a domain without scheme":      {"img.example.com", false, "http://img.example.com", "img.example.com", "/a/b"},
		"localhost":                    {"http://localhost:9000/", false, "http://localhost:9000", "localhost:9000", "/bucket/a/b"},
		"a stand-in with path style":   {"http://oss:9000", true, "http://oss:9000", "oss:9000", "/bucket/a/b"},
		"an address of the sixth kind": {"http://[::1]:9000", false, "http://[::1]:9000", "[::1]:9000", "/bucket/a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Open(Config{Bucket: "bucket", Region: "cn-hangzhou", Endpoint: tc.endpoint, PathStyle: tc.pathStyle, Insecure: true, Credentials: testKeys})
			if err != nil {
				t.Fatal(err)
			}
			if b.where.url != tc.url {
				t.Errorf("got url %q, want %q", b.where.url, tc.url)
			}
			var host, path string
			stop := errors.New("seen enough")
			b.trip = roundTrip(func(r *http.Request) (*http.Response, error) {
				host, path = r.Host, r.URL.EscapedPath()
				return nil, stop
			})
			if err := b.Delete(t.Context(), "a/b"); !errors.Is(err, stop) {
				t.Fatalf("got %v, want %v", err, stop)
			}
			if host != tc.host || path != tc.path {
				t.Errorf("got %s%s, want %s%s", host, path, tc.host, tc.path)
			}
		})
	}
}

func TestSlashesAreSentEscapedWhereSomebodyMightTidyUp(t *testing.T) {
	b, err := Open(Config{Bucket: "bucket", Region: "cn-hangzhou", Credentials: testKeys})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"a/b-c_d.e~f": "/a/b-c_d.e~f", "a//b": "/a%2F%2Fb", "a/../b": "/a%2F..%2Fb", "a/./b": "/a%2F.%2Fb", "a/..": "/a%2F..",
		"../a": "/..%2Fa", ".": "/.", "a b/c": "/a%20b%2Fc", "照/片": "/%E7%85%A7%2F%E7%89%87", "a%2Fb": "/a%252Fb", "a/b/": "/a/b/",
	} {
		r, err := b.request(t.Context(), request{method: "GET", key: key})
		if err != nil || r.URL.EscapedPath() != want || r.URL.RequestURI() != want {
			t.Errorf("the key %q is sent as %s, %v, want %s", key, r.URL.RequestURI(), err, want)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCheckKey(t *testing.T) {
	b := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("CheckKey made a request") })
	for name, tc := range map[string]struct {
		key, want string
	}{
		"plain":           {"a", ""},
		"1,023 bytes":     {strings.Repeat("中", 341), ""},
		"a question mark": {"?a", ""},
		"dots":            {"a/../b", ""},
		"a control byte":  {"a\x01b", ""},
		"empty":           {"", "oss://bucket/old/"},
		"a slash":         {"/a", "oss://bucket/old/"},
		"a backslash":     {`\a`, "oss://bucket/old/"},
		"1,024 bytes":     {strings.Repeat("a", 1024), "1024 bytes"},
		"not UTF-8":       {"a\xff", "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			err := b.CheckKey(tc.key)
			if tc.want == "" {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			wantKind(t, "CheckKey", err, fault.Invalid)
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, want it to say %q", err, tc.want)
			}
			if err := b.Delete(t.Context(), tc.key); fault.KindOf(err) != fault.Invalid {
				t.Errorf("Delete: got %v, want Invalid", err)
			}
		})
	}
}

func TestEveryRequestAsksForCredentials(t *testing.T) {
	rec := &recorder{}
	b := serve(t, rec.ServeHTTP)
	now := Credentials{AccessKeyID: "first", AccessKeySecret: "s1", SecurityToken: "t1"}
	b.credentials = nil // only the provider's counts
	b2, err := Open(Config{Bucket: "bucket", Region: "cn-hangzhou", Endpoint: b.where.url, Insecure: true, Credentials: func() Credentials { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"first", "second"} {
		now.AccessKeyID, now.SecurityToken = id, "token of "+id
		if err := b2.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		last := rec.all()[len(rec.all())-1]
		if auth := last.header.Get("Authorization"); !strings.Contains(auth, "OSS4-HMAC-SHA256 Credential="+id+"/") || !strings.Contains(auth, "/cn-hangzhou/oss/aliyun_v4_request") {
			t.Errorf("got Authorization %q, want V4 by %s in cn-hangzhou", auth, id)
		}
		if got := last.header.Get("x-oss-security-token"); got != "token of "+id {
			t.Errorf("got token %q, want that of %s", got, id)
		}
	}
	now = Credentials{}
	err = b2.Delete(t.Context(), "k")
	wantKind(t, "Delete without credentials", err, fault.Denied)
	if n := len(rec.all()); n != 2 {
		t.Errorf("got %d requests, want none without credentials", n-2)
	}
}

func TestCancelledContextEndsEveryCall(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for name, call := range calls(b) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			b.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				cancel()
				return nil, errors.New("cancelled meanwhile")
			}
			err := call(ctx)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled in the chain", err)
			}
			wantKind(t, name, err, fault.Temporary)
		})
	}
}
