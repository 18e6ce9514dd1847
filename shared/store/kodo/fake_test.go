package kodo

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/store"
)

// fake is a bucket whose API and download host is h. It tries again without a pause.
func fake(t testing.TB, h http.HandlerFunc, set ...func(*Config)) *Bucket {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return opentest.Bucket(t, Open, Config{Bucket: "b", Endpoint: srv.URL, Domain: srv.URL, Insecure: true, AccessKey: "ak", SecretKey: "sk"}, set...)
}

// wire answers requests without a network.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

// answer is what h would send to r.
func (w wire) answer(h http.HandlerFunc, r *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	h(rec, r)
	resp := rec.Result()
	resp.Request = r
	return resp
}

// refuse answers as Kodo does.
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Reqid", "req-1")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"error":"` + text + `"}`))
}

// drain lists r to its end, or to the error it ends with.
func drain(t testing.TB, b *Bucket, r store.Range) ([]string, error) {
	t.Helper()
	var keys []string
	for o, err := range b.List(t.Context(), r) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

// tally counts by name.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tally) add(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[name]++
	return c.n[name]
}

func (c *tally) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}
