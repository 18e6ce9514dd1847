package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/emulator/oss"
)

// The canaries: secrets that are nowhere but in the environment of what is run.
const (
	canaryKodo    = "canary-kodo-6d1f0c5a9b"
	canaryAliyun  = "canary-aliyun-41c7e2d8f3"
	canaryToken   = "canary-token-9a3b5f7e10"
	canaryWebhook = "canary-webhook-c2d4e6f8a1"
	canarySign    = "canary-sign-77b1d9e3c5"
	canaryProxy   = "canary-proxy-58e0a2c4f6"
	canaryWrong   = "canary-wrong-13f5b7d9e1"
)

// signatures find what signs a request: in an address, and in a header.
var signatures = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(?:[?&;]|%26|%3f)(?:e|token|[\w-]*signature|[\w-]*security-token)(?:=|%3d)[^…&\s"]`),
	regexp.MustCompile(`(?i)\b(?:Qiniu|QBox|MNS|OSS) +[\w.-]+:[\w+/=-]{6}`),
	regexp.MustCompile(`Signature=[0-9a-f]{6}`),
}

// leak is what a text tells that nobody may learn from it; "" where it tells nothing.
func leak(text string) string {
	for _, secret := range []string{canaryKodo, canaryAliyun, canaryToken, canaryWebhook, canarySign, canaryProxy, canaryWrong, base64.StdEncoding.EncodeToString([]byte("user:" + canaryProxy))} {
		if i := strings.Index(text, secret); i >= 0 {
			return fmt.Sprintf("the secret %s, in %q", secret, text[max(0, i-200):min(len(text), i+100)])
		}
	}
	for _, s := range signatures {
		if at := s.FindStringIndex(text); at != nil {
			return fmt.Sprintf("a signature, in %q", text[max(0, at[0]-200):min(len(text), at[1]+100)])
		}
	}
	return ""
}

// told is all that was written, and where.
type told struct {
	mu   sync.Mutex
	text map[string]string
}

func (w *told) add(where, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text[where] += text
}

// directory takes in every file below dir.
func (w *told) directory(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		w.add(path, unpacked(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// unpacked is data as text, without the gzip around it.
func unpacked(data []byte) string {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return string(data)
	}
	text, _ := io.ReadAll(z) // as much as there is
	return string(text)
}

// repeating is what a service says that repeats a request: all of it that is secret.
func repeating(r *http.Request) string {
	said := "refused: " + r.RequestURI
	for _, name := range []string{"Authorization", "X-Oss-Security-Token", "Proxy-Authorization"} {
		said += " " + r.Header.Get(name)
	}
	return said
}

// guarded are clouds whose every secret is a canary, behind services that repeat a
// request in the errors about some keys, and everything that is written by what is run.
type guarded struct {
	*clouds
	told     *told
	hook     *httptest.Server
	queues   *mns.Server
	repeated map[string]int // how often each service repeated a request
	mu       sync.Mutex
}

// repeats is what begins the keys, behind photos/, about which a service repeats the
// request; then comes its name.
const repeats = "repeated-by-"

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	k, err := kodo.Start(kodo.Config{AccessKey: "ak", SecretKey: canaryKodo})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	o, err := oss.Start(oss.Config{AccessKeyID: "owner", AccessKeySecret: canaryAliyun, Region: "cn-hangzhou"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	o.AddCredential(oss.Credential{ID: "STS.ferry", Secret: canaryAliyun, Token: canaryToken})
	if err := k.CreateBucket(standins.Source); err != nil {
		t.Fatal(err)
	}
	if err := o.CreateBucket(standins.Target); err != nil {
		t.Fatal(err)
	}
	g := &guarded{told: &told{text: map[string]string{}}, repeated: map[string]int{}}
	g.queues, err = mns.Start(mns.Config{AccessKeyID: "owner", AccessKeySecret: canaryAliyun})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.queues.Close() })
	g.queues.AddCredential(mns.Credential{ID: "STS.ferry", Secret: canaryAliyun, Token: canaryToken})
	for _, name := range app.QueueNames {
		if err := g.queues.CreateQueue("ferry-"+name, mns.Attributes{Visibility: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	g.hook = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // as much as came
		g.told.add("the alerts", string(body))
		w.WriteHeader(http.StatusForbidden) // and repeats the address
		_, _ = io.WriteString(w, repeating(r))
	}))
	t.Cleanup(g.hook.Close)
	source := g.front(t, "kodo", k.Endpoint(), func(text string) string { return `{"error":` + fmt.Sprintf("%q", text) + `}` })
	target := g.front(t, "oss", o.Endpoint(), func(text string) string {
		return "<Error><Code>SignatureDoesNotMatch</Code><Message>" + strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(text) + "</Message></Error>"
	})
	messages, err := odd.Front(g.queues.Endpoint(), func(w *odd.Wire, r *http.Request, a odd.Given) {
		g.told.add("the answers of the queues", string(a.Body))
		w.As(a)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(messages.Close)
	g.clouds = &clouds{
		kodo: k, oss: o,
		env: []string{
			"QINIU_ACCESS_KEY=ak", "QINIU_SECRET_KEY=" + canaryKodo, "AWS_ACCESS_KEY_ID=ak", "AWS_SECRET_ACCESS_KEY=" + canaryKodo,
			"ALIBABA_CLOUD_ACCESS_KEY_ID=STS.ferry", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + canaryAliyun, "ALIBABA_CLOUD_SECURITY_TOKEN=" + canaryToken,
			"FERRY_ALERT_OPS=" + g.hook.URL + "/hook/" + canaryWebhook + "?access_token=" + canaryWebhook, "FERRY_ALERT_OPS_SIGN=" + canarySign,
			"FERRY_PAUSE=1s", "FERRY_QUEUES=mns://" + g.queues.Account() + "/ferry-?region=cn-hangzhou&insecure=true&endpoint=" + url.QueryEscape(messages.URL),
		},
		src:    "kodo://" + standins.Source + "/?region=z0&insecure=true&endpoint=" + source + "&domain=" + strings.TrimPrefix(source, "http://"),
		dst:    "oss://" + standins.Target + "/?region=cn-hangzhou&insecure=true&endpoint=" + target,
		ledger: "oss://" + standins.Target + "/.ferry/?region=cn-hangzhou&insecure=true&endpoint=" + target,
	}
	g.env = append(g.env, "FERRY_LEDGER="+g.ledger)
	return g
}

// front puts in front of a service one that refuses GET and PUT of some keys, and
// repeats the request in its refusal.
func (g *guarded) front(t *testing.T, name, behind string, refusal func(text string) string) string {
	t.Helper()
	f, err := odd.Front(behind, func(w *odd.Wire, r *http.Request, a odd.Given) {
		if !strings.Contains(r.URL.Path, repeats+name) || r.Method != http.MethodGet && r.Method != http.MethodPut {
			w.As(a)
			return
		}
		g.mu.Lock()
		g.repeated[name]++
		g.mu.Unlock()
		if _, key, ok := strings.Cut(r.URL.Path, standins.Target+"/"); ok && name == "oss" {
			g.oss.Remove(standins.Target, key) // what was refused is not there
		}
		w.Send(odd.Answer(403, refusal(repeating(r))))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f.URL
}

// do runs a command line and takes in all that it printed.
func (g *guarded) do(t *testing.T, env []string, args ...string) (out, said string, code int) {
	t.Helper()
	out, said, code = execute(t, env, args...)
	g.told.add("ferry "+strings.Join(args[:min(3, len(args))], " "), out+said)
	return out, said, code
}
