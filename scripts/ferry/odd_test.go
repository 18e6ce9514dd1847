package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/odd"
)

// served are odd answers to the download of one key each. What comes whole all the
// same is copied.
var served = map[string]struct {
	send func(w *odd.Wire, a odd.Given)
	want string // in the report, beside its key; "": it is copied
}{
	"odd/a-head-that-is-refused.jpg": {send: func(w *odd.Wire, a odd.Given) {
		w.Send(strings.Replace(a.Head(), "\r\n", "\r\nX-Qn-Meta-v1.ns/width: 1\r\n", 1) + string(a.Body))
	}},
	"odd/more-than-announced.jpg": {send: func(w *odd.Wire, a odd.Given) {
		w.Send(a.Head() + string(a.Body) + "what nobody asked for")
	}},
	"odd/an-old-body.jpg": {want: "refresh its cache", send: func(w *odd.Wire, a odd.Given) {
		a = a.Of([]byte("old"))
		a.Header.Set("ETag", `"`+digest.QetagOf([]byte("old"))+`"`)
		w.As(a)
	}},
	"odd/a-page-of-html.jpg": {want: "refresh its cache", send: func(w *odd.Wire, a odd.Given) {
		a = a.Of([]byte("<html>please log in</html>"))
		a.Header.Set("Content-Type", "text/html")
		a.Header.Del("ETag")
		w.As(a)
	}},
	"odd/nothing.jpg": {want: "refresh its cache", send: func(w *odd.Wire, a odd.Given) { w.As(a.Of(nil)) }},
	"odd/a-body-cut-off.jpg": {want: "odd/a-body-cut-off.jpg", send: func(w *odd.Wire, a odd.Given) {
		w.Hangup()
		w.Send(a.Head() + string(a.Body[:1]))
	}},
}

// oddTime is listed with a time of no calendar. The listing ends early, with a page
// that says it is the last one.
const oddTime = "odd/a-time-of-no-calendar.jpg"

var (
	timeOfIt  = regexp.MustCompile(`("key":"` + oddTime + `".*?"putTime":)\d+`)
	anyMarker = regexp.MustCompile(`"marker":"[^"]*"`)
)

// oddly puts a server that answers so in front of the Kodo of c.
func (c *clouds) oddly(t *testing.T) {
	t.Helper()
	front, err := odd.Front(c.kodo.Endpoint(), func(w *odd.Wire, r *http.Request, a odd.Given) {
		switch o, ok := served[strings.TrimPrefix(r.URL.Path, "/")]; {
		case ok && r.Method == http.MethodGet:
			o.send(w, a)
		case r.URL.Path == "/list":
			w.As(a.Of(anyMarker.ReplaceAll(timeOfIt.ReplaceAll(a.Body, []byte("${1}9223372036854775807")), []byte(`"marker":""`))))
		default:
			w.As(a)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(front.Close)
	c.src = "kodo://" + standins.Source + "/?region=z0&insecure=true&endpoint=" + front.URL + "&domain=" + strings.TrimPrefix(front.URL, "http://")
}

// TestAThousandObjectsAreCopiedBesideOddOnes lets objects of each kind of oddity,
// small ones and some in parts, lie among good ones.
func TestAThousandObjectsAreCopiedBesideOddOnes(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 1000)
	c.oddly(t)
	whole := int64(1000)
	if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: oddTime, Body: []byte("odd"), PutTime: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	whole++
	big := make([]byte, 5<<20)
	failing := map[string]struct {
		body []byte
		rule chaos.Rule // of its GETs
		want string     // in the report, beside its key
	}{
		"":                                  {want: "give the target a prefix"},
		"/lead.jpg":                         {want: "give the target a prefix"},
		"\\back.jpg":                        {want: "give the target a prefix"},
		"long/" + strings.Repeat("l", 1100): {want: "1023"},
		"odd/answers-500.jpg":               {rule: chaos.Rule{Kind: chaos.Status, Status: 500}, want: "500"},
		"odd/answers-403.jpg":               {rule: chaos.Rule{Kind: chaos.Status, Status: 403}, want: "403"},
		"odd/answers-405.jpg":               {rule: chaos.Rule{Kind: chaos.Status, Status: 405}, want: "405"},
		"odd/answers-404.jpg":               {rule: chaos.Rule{Kind: chaos.Status, Status: 404}, want: "domain="},
		"odd/ends-early.jpg":                {body: make([]byte, 4096), rule: chaos.Rule{Kind: chaos.Reset}, want: "odd/ends-early.jpg"},
		"odd/parts-500.bin":                 {body: big, rule: chaos.Rule{Kind: chaos.Status, Status: 500}, want: "500"},
		"odd/parts-403.bin":                 {body: big, rule: chaos.Rule{Kind: chaos.Status, Status: 403}, want: "403"},
		"odd/parts-end-early.bin":           {body: big, rule: chaos.Rule{Kind: chaos.Reset}, want: "odd/parts-end-early.bin"},
	}
	for key, o := range served {
		if o.want != "" {
			failing[key] = struct {
				body []byte
				rule chaos.Rule
				want string
			}{want: o.want}
			continue
		}
		if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: key, Body: []byte("odd"), PutTime: time.Now().Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
		whole++
	}
	var rules []chaos.Rule
	for key, o := range failing {
		if o.body == nil {
			o.body = []byte("odd")
		}
		if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: key, Body: o.body, PutTime: time.Now().Add(-time.Hour)}); err != nil {
			t.Fatalf("%.20q: %v", key, err)
		}
		if o.rule.Kind != "" {
			o.rule.Op, o.rule.Key, o.rule.Rate = "get", key, 1
			rules = append(rules, o.rule)
		}
	}
	c.kodo.Desk().Inject(rules...)
	file := filepath.Join(t.TempDir(), "ferry.yaml")
	text := "jobs:\n  photos:\n    source: '" + c.src + "'\n    target: '" + c.dst + "'\n    limits: {attempts: 1, partsAbove: 4MiB, partSize: 4MiB, batchObjects: 200}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	out, said, code := execute(t, env, "copy", "photos", "--file", file, "--json", "--quiet")
	if code != cli.ExitIncomplete {
		t.Fatalf("exit code %d, want %d\n%s", code, cli.ExitIncomplete, said)
	}
	s := summaryOf(t, out)
	if o, n := s.Objects, int64(len(failing)); o.Verified != whole || o.Failed != n || o.Listed != whole+n {
		t.Errorf("%+v, want %d verified and %d failed", o, whole, n)
	}
	if n := c.oss.Uploads(standins.Target); n != 0 {
		t.Errorf("%d uploads are left open", n)
	}
	dir := t.TempDir()
	if _, said, code := execute(t, env, "report", s.Run, "--out", dir, "--csv", "safe"); code != cli.ExitIncomplete {
		t.Errorf("report ends with %d\n%s", code, said)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "objects", "*.safe.csv"))
	told := ""
	for _, f := range files {
		rows, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		told += string(rows)
	}
	for key, o := range failing {
		found := false
		for line := range strings.Lines(told) {
			found = found || strings.HasPrefix(line, key+",") && strings.Contains(line, ",failed,") && strings.Contains(line, o.want)
		}
		if !found {
			t.Errorf("%.30q is not told as failed with %q", key, o.want)
		}
	}
}
