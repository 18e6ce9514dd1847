package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/alert"
	"kodoferry/shared/job"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
	"kodoferry/shared/queue/sqs"
	"kodoferry/shared/store"
	"kodoferry/shared/store/kodo"
	"kodoferry/shared/store/oss"
	"kodoferry/shared/store/s3"
)

// authority signs certificates of servers.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

// server starts one that answers 404, with a certificate for that name; counted are
// the requests that came through.
func (a authority) server(t *testing.T, name string, versions ...uint16) (url string, counted *atomic.Int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	counted = new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counted.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // from this machine
		w.WriteHeader(http.StatusNotFound)
	}))
	s.TLS = &tls.Config{MinVersion: versions[0], MaxVersion: versions[1], Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "https://localhost:" + port, counted
}

// depth opens a queue and asks how much is in it.
func depth[C any, Q queue.Queue](ctx context.Context, open func(C) (Q, error), c C) error {
	q, err := open(c)
	if err != nil {
		return err
	}
	_, err = q.Depth(ctx)
	return err
}

// TestNoClientSpeaksToWhomItDoesNotKnow has each client ask a server over TLS 1.1, one
// of another name, and one that nobody vouches for.
func TestNoClientSpeaksToWhomItDoesNotKnow(t *testing.T) {
	known, unknown := newAuthority(t), newAuthority(t)
	roots := x509.NewCertPool()
	roots.AddCert(known.cert)
	t.Setenv("GODEBUG", "x509usefallbackroots=1")
	x509.SetFallbackRoots(roots) // of this process, which no other test asks for

	first := func(s store.Source, ctx context.Context) error {
		for _, err := range s.List(ctx, store.Range{}) {
			return err
		}
		return nil
	}
	clients := map[string]func(ctx context.Context, url string) error{
		"kodo, by its SDK": func(ctx context.Context, url string) error {
			b, err := kodo.Open(kodo.Config{Bucket: "b", Region: "z0", Endpoint: url, AccessKey: "ak", SecretKey: "sk"})
			if err != nil {
				return err
			}
			_, err = b.Stat(ctx, "k")
			return err
		},
		"kodo, a download": func(ctx context.Context, url string) error {
			b, err := kodo.Open(kodo.Config{Bucket: "b", Region: "z0", Domain: url, AccessKey: "ak", SecretKey: "sk"})
			if err != nil {
				return err
			}
			_, _, err = b.Open(ctx, store.Object{Key: "k"}, 0, -1)
			return err
		},
		"s3": func(ctx context.Context, url string) error {
			b, err := s3.Open(s3.Config{Bucket: "b", Region: "us-east-1", Endpoint: url, Credentials: func() s3.Credentials { return s3.Credentials{AccessKeyID: "id", SecretAccessKey: "s"} }})
			if err != nil {
				return err
			}
			return first(b, ctx)
		},
		"oss": func(ctx context.Context, url string) error {
			b, err := oss.Open(oss.Config{Bucket: "bucket", Region: "cn-hangzhou", Endpoint: url, Credentials: func() oss.Credentials { return oss.Credentials{AccessKeyID: "id", AccessKeySecret: "s"} }})
			if err != nil {
				return err
			}
			return first(b, ctx)
		},
		"mns, by its SDK": func(ctx context.Context, url string) error {
			return depth(ctx, mns.Open, mns.Config{Queue: "jobs", Account: "1", Region: "cn-hangzhou", Endpoint: url, Credentials: func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "s"} }})
		},
		"sqs, by its SDK": func(ctx context.Context, url string) error {
			return depth(ctx, sqs.Open, sqs.Config{Queue: "jobs", Account: "123456789012", Region: "eu-central-1", Endpoint: url, Credentials: func() sqs.Credentials { return sqs.Credentials{AccessKeyID: "id", SecretAccessKey: "s"} }})
		},
		"an alert": func(ctx context.Context, url string) error {
			h, err := alert.Open(job.Alert{To: "FERRY_ALERT_OPS", Kind: job.JSON}, func(string) string { return url })
			if err != nil {
				return err
			}
			return h.Post(ctx, alert.Message{Event: alert.Started, Run: "j/1"})
		},
	}
	for server, of := range map[string]struct {
		authority authority
		name      string
		versions  []uint16
		answers   bool
	}{
		"as it should be":           {known, "localhost", []uint16{tls.VersionTLS12, tls.VersionTLS12}, true},
		"over TLS 1.1":              {known, "localhost", []uint16{tls.VersionTLS10, tls.VersionTLS11}, false},
		"of another name":           {known, "oss-cn-hangzhou.aliyuncs.com", []uint16{tls.VersionTLS12, tls.VersionTLS13}, false},
		"of an authority of nobody": {unknown, "localhost", []uint16{tls.VersionTLS12, tls.VersionTLS13}, false},
	} {
		url, asked := of.authority.server(t, of.name, of.versions...)
		vouched := x509.NewCertPool()
		vouched.AddCert(of.authority.cert)
		if c, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{RootCAs: vouched, ServerName: of.name, MinVersion: of.versions[0]}); err != nil || c.ConnectionState().Version != of.versions[1] {
			t.Fatalf("the server %s does not do as it is to: %v", server, err)
		} else {
			_ = c.Close()
		}
		for name, ask := range clients {
			// A client may try again what may pass: so long, and no longer.
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			before := asked.Load()
			err := ask(ctx, url)
			cancel()
			if got := asked.Load() > before; got != of.answers || err == nil {
				t.Errorf("%s asks a server %s: a request was sent: %v, want %v (%v)", name, server, got, of.answers, err)
			}
		}
	}
}
