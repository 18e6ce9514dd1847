package kodo_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
)

func TestAwkwardKeysAreServedByteForByte(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for _, k := range append([]string{"a\xffb", "\xc3"}, awkward...) {
		w.put(k, "body of "+k)
	}
	for _, k := range append([]string{"a\xffb", "\xc3"}, awkward...) {
		if resp, body := w.do("GET", w.url(k), ""); resp.StatusCode != 200 || body != "body of "+k {
			t.Errorf("GET %q = %d %q", k, resp.StatusCode, body)
		}
	}
}

func TestADownloadTellsWhatListingsTell(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	put := time.Date(2025, 5, 6, 7, 8, 9, 123456700, time.UTC)
	hash, err := w.Put("b", kodo.Object{
		Key: "k", Body: []byte("content"), MimeType: "text/css", PutTime: put,
		Meta: map[string]string{"x-qn-meta-Color": "blü", "!Cache-Control": "no-store", "!Content-Disposition": "inline", "!Content-Encoding": "gzip", "!Content-Length": "99"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"GET", "HEAD"} {
		resp, body := w.do(method, w.url("k"), "", "Accept-Encoding: identity")
		want := map[string]string{
			"Etag": `"` + hash + `"`, "Content-Type": "text/css", "Last-Modified": "Tue, 06 May 2025 07:08:09 GMT", "Accept-Ranges": "bytes",
			"Content-Length": "7", "X-Qn-Meta-Color": "blü", "Cache-Control": "no-store", "Content-Disposition": "inline", "Content-Encoding": "gzip",
		}
		for name, v := range want {
			if got := resp.Header.Get(name); got != v {
				t.Errorf("%s: %s = %q, want %q", method, name, got, v)
			}
		}
		if resp.StatusCode != 200 || resp.Header.Get("X-Reqid") == "" || (body == "content") != (method == "GET") {
			t.Errorf("%s = %d %q, X-Reqid %q", method, resp.StatusCode, body, resp.Header.Get("X-Reqid"))
		}
	}
}

func TestRangesAndConditions(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	put := time.Date(2025, 5, 6, 7, 8, 9, 0, time.UTC)
	if _, err := w.Put("b", kodo.Object{Key: "k", Body: []byte("0123456789"), PutTime: put}); err != nil {
		t.Fatal(err)
	}
	w.put("empty", "")
	tag := `"` + digest.QetagOf([]byte("0123456789")) + `"`
	at := func(d time.Duration) string { return put.Add(d).Format(http.TimeFormat) }
	for name, tc := range map[string]struct {
		key, headers string
		want         int
		body, part   string // part: Content-Range
	}{
		"a range":                            {"k", "Range: bytes=2-4", 206, "234", "bytes 2-4/10"},
		"an open range":                      {"k", "Range: bytes=7-", 206, "789", "bytes 7-9/10"},
		"a range over the end":               {"k", "Range: bytes=8-100", 206, "89", "bytes 8-9/10"},
		"the last three":                     {"k", "Range: bytes=-3", 206, "789", "bytes 7-9/10"},
		"the last hundred":                   {"k", "Range: bytes=-100", 206, "0123456789", "bytes 0-9/10"},
		"a range beyond the end":             {"k", "Range: bytes=10-", 416, "", "bytes */10"},
		"a range of nothing":                 {"empty", "Range: bytes=0-", 416, "", "bytes */0"},
		"a range the wrong way round":        {"k", "Range: bytes=4-2", 200, "0123456789", ""},
		"another unit":                       {"k", "Range: lines=1-2", 200, "0123456789", ""},
		"If-Match that holds":                {"k", "If-Match: " + tag, 200, "0123456789", ""},
		"If-Match that does not":             {"k", `If-Match: "other"`, 412, "", ""},
		"If-Match that does not, of a range": {"k", `If-Match: "other"|Range: bytes=2-4`, 412, "", ""},
		"If-None-Match that holds":           {"k", `If-None-Match: "other"`, 200, "0123456789", ""},
		"If-None-Match that does not":        {"k", `If-None-Match: "other", W/` + tag, 304, "", ""},
		"If-Modified-Since, not modified":    {"k", "If-Modified-Since: " + at(0), 304, "", ""},
		"If-Modified-Since, modified":        {"k", "If-Modified-Since: " + at(-time.Second), 200, "0123456789", ""},
		"If-Unmodified-Since, modified":      {"k", "If-Unmodified-Since: " + at(-time.Second), 412, "", ""},
		"If-Range that holds":                {"k", "Range: bytes=2-4|If-Range: " + tag, 206, "234", "bytes 2-4/10"},
		"If-Range that does not":             {"k", `Range: bytes=2-4|If-Range: "other"`, 200, "0123456789", ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := w.do("GET", w.url(tc.key), "", strings.Split(tc.headers, "|")...)
			if resp.StatusCode != tc.want || tc.want < 300 && body != tc.body || resp.Header.Get("Content-Range") != tc.part {
				t.Errorf("GET = %d %q of %q, want %d %q of %q", resp.StatusCode, body, resp.Header.Get("Content-Range"), tc.want, tc.body, tc.part)
			}
		})
	}
}

func TestAnAttachmentHasTheNameItIsAskedFor(t *testing.T) {
	w := newWorld(t, kodo.Config{Public: true})
	w.put("dir/k.txt", "content")
	for query, want := range map[string]string{
		"attname=a.txt":           `attachment; filename="a.txt"`,
		"attname=":                `attachment; filename="k.txt"`,
		"attname=%E4%B8%AD%20%22": `attachment; filename="_ _"; filename*=utf-8''%E4%B8%AD%20%22`,
		"x=attname":               "",
	} {
		resp, _ := w.do("GET", "http://"+w.Domain("b")+"/dir/k.txt?"+query, "")
		if got := resp.Header.Get("Content-Disposition"); got != want {
			t.Errorf("%s: Content-Disposition = %s, want %s", query, got, want)
		}
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for key, o := range map[string]kodo.Object{
		"disabled": {Status: 1}, "frozen": {Type: 2}, "thawing": {Type: 3, RestoreStatus: 1}, "thawed": {Type: 3, RestoreStatus: 2},
		"direct": {Type: 4}, "infrequent": {Type: 1}, "no hash": {NoHash: true},
	} {
		o.Key, o.Body = key, []byte("x")
		if _, err := w.Put("b", o); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]int{
		"disabled": 403, "frozen": 403, "thawing": 403, "thawed": 200, "direct": 200, "infrequent": 200, "no hash": 200, "missing": 404,
	} {
		resp, body := w.do("GET", w.url(key), "")
		if resp.StatusCode != want || want != 200 && !strings.HasPrefix(body, `{"error":"`) {
			t.Errorf("GET %s = %d %s, want %d", key, resp.StatusCode, body, want)
		}
		if key == "no hash" && resp.Header["Etag"] != nil {
			t.Errorf("ETag without a hash = %q", resp.Header["Etag"])
		}
	}
}

func TestTheAPIServesDownloadsToABucketsHost(t *testing.T) {
	w := newWorld(t, kodo.Config{Public: true})
	w.put("dir/list", "of b")
	get := func(path, host string) int {
		resp, _ := w.do("GET", w.Endpoint()+path, "", "Host: "+host)
		return resp.StatusCode
	}
	if got := get("/dir/list", "127.0.0.1"); got != 200 {
		t.Errorf("with one bucket, any host = %d, want 200", got)
	}
	if err := w.CreateBucket("c"); err != nil {
		t.Fatal(err)
	}
	w.Bind("cdn.example.com", "b")
	for host, want := range map[string]int{"127.0.0.1": 404, "b.kodo.test:99": 200, "c.kodo.test": 404, "CDN.example.com:80": 200} {
		if got := get("/dir/list", host); got != want {
			t.Errorf("with two buckets, host %s = %d, want %d", host, got, want)
		}
	}
}

func TestFaultsAreInjected(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	body := string(text(1 << 20))
	w.put("k", body)
	w.put("other", "fine")
	read := func(key string) (int, string, error) {
		resp, err := http.Get(w.url(key))
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		var got bytes.Buffer
		_, err = got.ReadFrom(resp.Body)
		return resp.StatusCode, got.String(), err
	}
	w.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Flip, Rate: 1, Key: "k"})
	if status, got, err := read("k"); status != 200 || err != nil || got == body || len(got) != len(body) {
		t.Errorf("flipped = %d, %d bytes, %v, want as many bytes and not the same", status, len(got), err)
	}
	if _, got, err := read("other"); got != "fine" || err != nil {
		t.Errorf("another key = %q, %v", got, err)
	}
	w.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Reset, Rate: 1})
	if status, got, err := read("k"); status != 200 || err == nil || len(got) >= len(body) {
		t.Errorf("reset = %d, %d bytes, %v, want an error half way", status, len(got), err)
	}
	w.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Throttle, Rate: 1})
	if status, got, _ := read("k"); status != 573 || !strings.Contains(got, "too frequent") {
		t.Errorf("throttled = %d %s, want 573 and too frequent", status, got)
	}
	w.Desk().Inject(chaos.Rule{Op: "delete", Kind: chaos.Lost, Rate: 1, Limit: 1})
	req := strings.NewReader("")
	if resp, err := http.Post(w.Endpoint()+"/delete/"+url.PathEscape("Yjpr"), "", req); err == nil {
		resp.Body.Close()
		t.Errorf("a lost answer = %d, want none", resp.StatusCode)
	}
	if n := w.Desk().Counts()["get"]; n != 4 {
		t.Errorf("counted %d downloads, want 4", n)
	}
}

func TestTheHookSeesEachOperationAndMayChangeObjects(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	w.put("k", "old")
	var seen []string
	w.OnRequest(func(e kodo.Event) {
		seen = append(seen, fmt.Sprint(e.Op, " ", e.Bucket, "/", e.Key, " ", e.Done))
		if e.Op == "get" && !e.Done {
			w.put("k", "new")
		}
	})
	if _, body := w.do("GET", w.url("k"), ""); body != "new" {
		t.Errorf("GET = %q, want what the hook put", body)
	}
	w.OnRequest(nil)
	w.do("GET", w.url("k"), "")
	if got := strings.Join(seen, ", "); got != "get b/k false, get b/k true" {
		t.Errorf("seen = %s", got)
	}
}

func TestASignatureIsVerifiedWhereItIsNotNeededButNotWhereNoneIs(t *testing.T) {
	for name, tc := range map[string]struct {
		config kodo.Config
		change func(url string) string
		status int
	}{
		"unsigned, none":      {kodo.Config{Unsigned: true}, func(u string) string { return u[:strings.Index(u, "?")] }, 200},
		"unsigned, a right":   {kodo.Config{Unsigned: true}, func(u string) string { return u }, 200},
		"unsigned, a wrong":   {kodo.Config{Unsigned: true}, func(u string) string { return u[:len(u)-4] + "AAA=" }, 401},
		"unverified, a wrong": {kodo.Config{Unverified: true}, func(u string) string { return u[:len(u)-4] + "AAA=" }, 200},
		"strict, none":        {kodo.Config{}, func(u string) string { return u[:strings.Index(u, "?")] }, 401},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.config)
			w.put("k", "content")
			if resp, body := w.do("GET", tc.change(w.url("k")), ""); resp.StatusCode != tc.status {
				t.Errorf("got %d %s, want %d", resp.StatusCode, body, tc.status)
			}
		})
	}
}
