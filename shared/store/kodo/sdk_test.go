package kodo

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// throughSDK are the calls that the SDK makes, each of one request.
func throughSDK(b *Bucket) map[string]func(*testing.T) error {
	return map[string]func(*testing.T) error{
		"region": func(t *testing.T) error { _, err := b.query(t.Context(), 0); return err },
		"stat":   func(t *testing.T) error { _, err := b.Stat(t.Context(), "k"); return err },
		"batch":  func(t *testing.T) error { return b.askSome(t.Context(), []store.Object{{Key: "k"}}, []int{0}) },
		"rules":  func(t *testing.T) error { _, err := b.Rules(t.Context()); return err },
	}
}

// TestTheSDKTriesOnce has each call end in what makes the SDK try again by itself,
// at the same host or at another: it knows some failures by their words. The driver's
// own tries are off.
func TestTheSDKTriesOnce(t *testing.T) {
	ends := map[string]func(*http.Request) (*http.Response, error){
		"the line breaks": func(*http.Request) (*http.Response, error) {
			return nil, errors.New("http: server closed idle connection")
		},
	}
	for _, status := range []int{401, 502, 503, 573, 599} {
		ends[fmt.Sprint("status ", status)] = func(r *http.Request) (*http.Response, error) {
			return wire(nil).answer(code(status, "the transport connection broken"), r), nil
		}
	}
	for how, end := range ends {
		for name := range throughSDK(nil) {
			t.Run(name+", "+how, func(t *testing.T) {
				var calls tally
				b := fake(t, nil, func(c *Config) {
					c.Transport = wire(func(r *http.Request) (*http.Response, error) {
						calls.add("request")
						return end(r)
					})
				})
				b.pause = func() backoff.BackOff { return &backoff.StopBackOff{} }
				if err := throughSDK(b)[name](t); err == nil || calls.of("request") != 1 {
					t.Errorf("%v after %d requests, want a fault after 1", err, calls.of("request"))
				}
			})
		}
	}
}

// TestTheSDKLeavesNoTrace looks for files where the SDK would write its caches and
// reports, and for what it would sign that depends on this machine's clock.
func TestTheSDKLeavesNoTrace(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, dir)
	}
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if at := r.Header.Get("X-Qiniu-Date"); at != "" {
			t.Errorf("%s signs the time %s, want none", r.URL.Path, at)
		}
		region("rs.example.com", "rsf.example.com", "src.example.com")(w, r)
	})
	for _, call := range throughSDK(b) {
		_ = call(t) // whether the answer is one is no matter
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			t.Errorf("%s was written, want nothing", strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatTheSDKCannotReadIsNotRepeated has an answer that is longer than an error may be.
func TestWhatTheSDKCannotReadIsNotRepeated(t *testing.T) {
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"hosts":[{"rs":{"domains":"` + strings.Repeat("x", 10_000) + `"}}]}`))
	})
	if _, err := b.query(t.Context(), 0); fault.KindOf(err) != fault.Temporary || len(err.Error()) > 1000 {
		t.Errorf("got %.200v… of %d bytes, want it Temporary and short", err, len(err.Error()))
	}
}
