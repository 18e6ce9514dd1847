package kodo_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storage"
	"github.com/qiniu/go-sdk/v7/storagev2/apis"
	"github.com/qiniu/go-sdk/v7/storagev2/http_client"
	"github.com/qiniu/go-sdk/v7/storagev2/region"
	"github.com/qiniu/go-sdk/v7/storagev2/uplog"

	"kodoferry/shared/emulator/kodo"
)

const (
	accessKey = "test-access"
	secretKey = "test-secret"
	seed      = 20261123
)

// TestMain keeps the vendor's SDK from reporting home, and from caching what
// it learns beyond the run.
func TestMain(m *testing.M) {
	uplog.DisableUplog()
	dir, err := os.MkdirTemp("", "kodo")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// world is a server with an empty bucket, and the vendor's clients of it.
type world struct {
	*kodo.Server
	t      *testing.T
	mac    *auth.Credentials
	config *storage.Config
}

func newWorld(t *testing.T, cfg kodo.Config) *world {
	t.Helper()
	cfg.AccessKey, cfg.SecretKey, cfg.Seed = accessKey, secretKey, seed
	s, err := kodo.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if err := s.CreateBucket("b"); err != nil {
		t.Fatal(err)
	}
	host := s.Endpoint()
	return &world{Server: s, t: t, mac: auth.New(accessKey, secretKey), config: &storage.Config{
		Region: &storage.Region{
			SrcUpHosts: []string{host}, CdnUpHosts: []string{host},
			RsHost: host, RsfHost: host, ApiHost: host, IovipHost: "http://" + s.Domain("b"), IoSrcHost: "http://" + s.Domain("b"),
		},
	}}
}

func (w *world) manager() *storage.BucketManager { return storage.NewBucketManager(w.mac, w.config) }

// options are those of the vendor's newer client.
func (w *world) options() http_client.Options {
	here := region.Endpoints{Preferred: []string{w.Endpoint()}}
	return http_client.Options{
		Credentials: w.mac, UseInsecureProtocol: true,
		Regions: &region.Region{RegionID: "z0", Up: here, Rs: here, Rsf: here, Api: here, Bucket: here,
			IoSrc: region.Endpoints{Preferred: []string{"http://" + w.Domain("b")}}},
	}
}

func (w *world) apis() *apis.Storage {
	o := w.options()
	return apis.NewStorage(&o)
}

// put stores body and returns its hash.
func (w *world) put(key, body string) string {
	w.t.Helper()
	hash, err := w.Put("b", kodo.Object{Key: key, Body: []byte(body)})
	if err != nil {
		w.t.Fatal(err)
	}
	return hash
}

// token is an upload token with an hour to live.
func (w *world) token(p storage.PutPolicy) string { return p.UploadToken(w.mac) }

// url is a signed download URL with an hour to live.
func (w *world) url(key string) string {
	return storage.MakePrivateURLv2(w.mac, "http://"+w.Domain("b"), key, time.Now().Add(time.Hour).Unix())
}

// do sends a request with headers given as "Name: value".
func (w *world) do(method, url, body string, headers ...string) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		req.Header.Set(name, v)
		if name == "Host" {
			req.Host = v
		}
	}
	return w.send(req)
}

func (w *world) send(req *http.Request) (*http.Response, string) {
	w.t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, string(got)
}

// manage sends a signed management request.
func (w *world) manage(method, path, body string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.Endpoint()+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err := w.mac.AddToken(auth.TokenQiniu, req); err != nil {
		w.t.Fatal(err)
	}
	resp, got := w.send(req)
	return resp.StatusCode, got
}

// text is n bytes that differ from one place to another.
func text(n int) []byte {
	b := make([]byte, 0, n+8)
	for i := 0; len(b) < n; i++ {
		b = strconv.AppendInt(b, int64(i), 36)
	}
	return b[:n]
}
