package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/mns"
)

// region is a network, reached by a proxy, in which s answers under MNS's own names at
// those of its addresses that open has, as "https host". It returns the environment of
// who is in it.
func region(t *testing.T, s *mns.Server, open ...string) (env []string) {
	t.Helper()
	to, err := url.Parse(s.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	service := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	secure := httptest.NewUnstartedServer(service)
	cert, file := certificate(t, publicMNS(s), internalMNS(s))
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		way := "http " + r.Host
		if r.Method == http.MethodConnect {
			way = "https " + strings.TrimSuffix(r.Host, ":443")
		}
		switch {
		case !slices.Contains(open, way):
			panic(http.ErrAbortHandler) // nobody is there
		case r.Method != http.MethodConnect:
			service.ServeHTTP(w, r)
		default:
			tunnel(t, w, secure.Listener.Addr().String())
		}
	}))
	t.Cleanup(proxy.Close)
	return []string{"HTTPS_PROXY=" + proxy.URL, "HTTP_PROXY=" + proxy.URL, "SSL_CERT_FILE=" + file}
}

// tunnel connects who asked for it to addr.
func tunnel(t *testing.T, w http.ResponseWriter, addr string) {
	there, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(there, here)
		_ = there.Close()
	}()
	_, _ = io.Copy(here, there)
	_ = here.Close()
}

// certificate is one for hosts, and the file of who vouches for it: itself.
func certificate(t *testing.T, hosts ...string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: hosts, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func publicMNS(s *mns.Server) string   { return s.Account() + ".mns.cn-hangzhou.aliyuncs.com" }
func internalMNS(s *mns.Server) string { return s.Account() + ".mns.cn-hangzhou-internal.aliyuncs.com" }

// TestACheckSaysWhichAddressOfMNSToWrite: public names are documented for http and
// https, internal ones for http alone (MNS, "Endpoints").
func TestACheckSaysWhichAddressOfMNSToWrite(t *testing.T) {
	s, _ := madeQueues(t, 30*time.Minute, app.QueueNames...)
	public, internal := publicMNS(s), internalMNS(s)
	outside := region(t, s, "https "+public)
	inside := region(t, s, "https "+public, "http "+internal)
	proved := region(t, s, "https "+public, "https "+internal, "http "+internal)
	nowhere := region(t, s)
	for name, tc := range map[string]struct {
		in    []string
		asked string // behind the region
		code  int
		want  []string // in this order
	}{
		"outside":                       {outside, "", 0, []string{"ok    endpoints", "public https answers, internal https does not answer, internal http does not answer", "outside the region's network", "leave endpoint= out", "ferry-list", "All is well"}},
		"inside, as documented":         {inside, "", 0, []string{"ok    endpoints", "internal http answers", "plain http alone", "leave endpoint= out", "All is well"}},
		"inside, and https is spoken":   {proved, "", 0, []string{"ok    endpoints", "internal https answers", "&endpoint=internal in FERRY_QUEUES", "s.yaml", "All is well"}},
		"internal, and https is spoken": {proved, "&endpoint=internal", 0, []string{"ok    endpoints", "internal https answers", "ok    reachable", internal, "All is well"}},
		"internal, and it is not":       {inside, "&endpoint=internal", 2, []string{"FAIL  endpoints", "internal https (" + internal + ")", "does not answer here", "leave endpoint= out"}},
		"internal by http":              {inside, "&endpoint=internal&insecure=true", 0, []string{"ok    endpoints", "plain http alone", "ok    reachable", internal, "All is well"}},
		"internal from outside":         {outside, "&endpoint=internal", 2, []string{"FAIL  endpoints", "outside the region's network"}},
		"nobody":                        {nowhere, "", 2, []string{"FAIL  endpoints", "public https (" + public + ")", "network, firewall and proxy"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClouds(t)
			c.fill(t, 1)
			env := append(append(c.env, tc.in...), "FERRY_QUEUES=mns://"+s.Account()+"/ferry-?region=cn-hangzhou"+tc.asked)
			out, said, code := execute(t, env, "check", c.src, c.dst)
			rest, found := out, true
			for _, want := range tc.want {
				if _, rest, found = strings.Cut(rest, want); !found {
					t.Errorf("it does not say %q, in this order\n%s%s", want, out, said)
				}
			}
			if code != tc.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, tc.code, out, said)
			}
		})
	}
}
