package kodo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// region answers a region query with these hosts.
func region(rs, rsf, source string) http.HandlerFunc {
	list := func(h string) string {
		if h == "" {
			return `{"domains":[]}`
		}
		return `{"domains":["` + h + `","second.example.com"]}`
	}
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"hosts":[{"region":"z9","rs":`+list(rs)+`,"rsf":`+list(rsf)+`,"io_src":`+list(source)+`}]}`)
	}
}

func TestWhichHostServesWhat(t *testing.T) {
	named := region("rs.example.com", "rsf.example.com", "src.example.com")
	for name, tc := range map[string]struct {
		cfg    Config
		answer http.HandlerFunc // to the region query
		want   [3]string        // rs, rsf, download
		asked  string           // "" is nobody
		kind   fault.Kind       // of the download's host, else of the API's
		says   string
	}{
		"nothing is given":                        {answer: named, want: [3]string{"https://rs.example.com", "https://rsf.example.com", "https://src.example.com"}, asked: "https://uc.qiniuapi.com"},
		"http for other things changes nothing":   {cfg: Config{Insecure: true}, answer: named, want: [3]string{"https://rs.example.com", "https://rsf.example.com", "https://src.example.com"}, asked: "https://uc.qiniuapi.com"},
		"a region":                                {cfg: Config{Region: "z2"}, answer: named, want: [3]string{"https://rs-z2.qbox.me", "https://rsf-z2.qbox.me", "https://src.example.com"}, asked: "https://uc.qiniuapi.com"},
		"a region and a domain":                   {cfg: Config{Region: "as0", Domain: "img.example.com"}, want: [3]string{"https://rs-as0.qbox.me", "https://rsf-as0.qbox.me", "https://img.example.com"}},
		"a domain":                                {cfg: Config{Domain: "img.example.com"}, answer: named, want: [3]string{"https://rs.example.com", "https://rsf.example.com", "https://img.example.com"}, asked: "https://uc.qiniuapi.com"},
		"a domain of http":                        {cfg: Config{Region: "z0", Domain: "img.example.com", Insecure: true}, want: [3]string{"https://rs.qbox.me", "https://rsf.qbox.me", "http://img.example.com"}},
		"an endpoint":                             {cfg: Config{Endpoint: "kodo.internal:9000", Insecure: true}, answer: named, want: [3]string{"http://kodo.internal:9000", "http://kodo.internal:9000", "http://src.example.com"}, asked: "http://kodo.internal:9000"},
		"an endpoint before a region":             {cfg: Config{Endpoint: "https://kodo.internal", Region: "z0", Domain: "d.example.com"}, want: [3]string{"https://kodo.internal", "https://kodo.internal", "https://d.example.com"}},
		"an endpoint that names no source host":   {cfg: Config{Endpoint: "https://kodo.internal"}, answer: region("", "", ""), want: [3]string{"https://kodo.internal", "https://kodo.internal", "https://kodo.internal"}, asked: "https://kodo.internal"},
		"an endpoint that names it with a scheme": {cfg: Config{Endpoint: "https://kodo.internal", Insecure: true}, answer: region("", "", "http://10.0.0.1:81"), want: [3]string{"https://kodo.internal", "https://kodo.internal", "http://10.0.0.1:81"}, asked: "https://kodo.internal"},
		"an answer of http is refused":            {cfg: Config{Region: "z0"}, answer: region("", "", "http://10.0.0.1:81"), kind: fault.Invalid, says: "insecure=true", asked: "https://uc.qiniuapi.com"},
		"an answer that is no host is refused":    {cfg: Config{Region: "z0"}, answer: region("", "", "a b"), kind: fault.Invalid, asked: "https://uc.qiniuapi.com"},
		"no source host":                          {cfg: Config{Region: "z0"}, answer: region("a", "b", ""), kind: fault.Invalid, says: "domain=", asked: "https://uc.qiniuapi.com"},
		"no API hosts":                            {answer: region("", "", "src.example.com"), kind: fault.Invalid, says: "region=", asked: "https://uc.qiniuapi.com"},
		"no region": {answer: func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `{"hosts":[]}`) },
			kind: fault.NotFound, says: `bucket "b" has no region`, asked: "https://uc.qiniuapi.com"},
		"no such bucket": {answer: func(w http.ResponseWriter, r *http.Request) { refuse(w, 631, "no such bucket") },
			kind: fault.NotFound, says: `bucket "b" does not exist`, asked: "https://uc.qiniuapi.com"},
		"no such key pair": {answer: func(w http.ResponseWriter, r *http.Request) { refuse(w, 401, "app/accesskey is not found") },
			kind: fault.Denied, asked: "https://uc.qiniuapi.com"},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			asked := map[string]int{}
			tc.cfg.Bucket, tc.cfg.AccessKey, tc.cfg.SecretKey = "b", "ak", "sk"
			tc.cfg.Transport = wire(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				asked[r.URL.Scheme+"://"+r.URL.Host]++
				if r.URL.Path != "/v4/query" || r.URL.Query().Get("bucket") != "b" || r.URL.Query().Get("ak") != "ak" || r.Header.Get("Authorization") != "" {
					t.Errorf("asked for %s, want an unsigned region query", r.URL)
				}
				return wire(nil).answer(tc.answer, r), nil
			})
			b := opentest.Bucket(t, Open, tc.cfg)
			api, apiErr := b.resolve(t.Context(), false)
			down, downErr := b.resolve(t.Context(), true)
			if tc.kind != "" {
				err := downErr
				if err == nil {
					err = apiErr
				}
				if fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("got %v, want %s saying %q", err, tc.kind, tc.says)
				}
			} else if got := [3]string{api.rs, api.rsf, down.source}; apiErr != nil || downErr != nil || got != tc.want {
				t.Errorf("got %q, %v, %v, want %q", got, apiErr, downErr, tc.want)
			}
			for host, n := range asked {
				if host != tc.asked || tc.kind == "" && n != 1 {
					t.Errorf("%s was asked %d times, want %q once", host, n, tc.asked)
				}
			}
			if len(asked) == 0 && tc.asked != "" {
				t.Errorf("nobody was asked, want %s", tc.asked)
			}
		})
	}
}

func TestTheRegionIsAskedOnceByAll(t *testing.T) {
	var calls tally
	b := opentest.Bucket(t, Open, Config{Bucket: "b", AccessKey: "ak", SecretKey: "sk", Transport: wire(func(r *http.Request) (*http.Response, error) {
		calls.add("query")
		return wire(nil).answer(region("a", "b", "c"), r), nil
	})})
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if _, err := b.resolve(t.Context(), true); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := calls.of("query"); got != 1 {
		t.Errorf("the region was asked %d times, want once", got)
	}
}

func TestOtherHostsAnswerWhereTheFirstIsDown(t *testing.T) {
	b := opentest.Bucket(t, Open, Config{Bucket: "b", AccessKey: "ak", SecretKey: "sk", Transport: wire(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host != ucHosts[2] {
			return nil, errors.New("down")
		}
		return wire(nil).answer(region("a", "b", "c"), r), nil
	})})
	if h, err := b.resolve(t.Context(), true); err != nil || h.source != "https://c" {
		t.Errorf("got %+v, %v, want the answer of the third host", h, err)
	}
}

func TestWhoWaitsForTheRegionWaitsNoLongerThanItsContext(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	b := opentest.Bucket(t, Open, Config{Bucket: "b", AccessKey: "ak", SecretKey: "sk", Transport: wire(func(r *http.Request) (*http.Response, error) {
		close(inside)
		<-release
		return wire(nil).answer(region("a", "b", "c"), r), nil
	})})
	done := make(chan error, 1)
	go func() {
		_, err := b.resolve(t.Context(), true)
		done <- err
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.Open(ctx, store.Object{Key: "k"}, 0, -1); !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Temporary {
		t.Errorf("got %v, want a temporary fault: cancelled", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
