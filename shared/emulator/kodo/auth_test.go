package kodo_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/emulator/kodo"
)

func hmacOf(secret, data string) string {
	m := hmac.New(sha1.New, []byte(secret))
	m.Write([]byte(data))
	return base64.URLEncoding.EncodeToString(m.Sum(nil))
}

func TestManagementTokensAreVerified(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	w.put("k", "content")
	stat := storage.URIStat("b", "k")
	const form = "application/x-www-form-urlencoded"
	stamp := func(d time.Duration) string { return time.Now().UTC().Add(d).Format("20060102T150405Z") }
	sign := func(kind auth.TokenType, mac *auth.Credentials) func(*http.Request) {
		return func(r *http.Request) {
			if err := mac.AddToken(kind, r); err != nil {
				t.Error(err)
			}
		}
	}
	good := sign(auth.TokenQiniu, w.mac)
	for name, tc := range map[string]struct {
		method, path, body string
		sign               func(*http.Request)
		want               int
	}{
		"a Qiniu token":                        {"GET", stat, "", good, 200},
		"a QBox token":                         {"GET", stat, "", sign(auth.TokenQBox, w.mac), 200},
		"a Qiniu token of a form":              {"POST", "/batch", "op=" + stat, good, 200},
		"a QBox token of a form":               {"POST", "/batch", "op=" + stat, sign(auth.TokenQBox, w.mac), 200},
		"a Qiniu token of a form in a charset": {"POST", "/batch", "op=" + stat, func(r *http.Request) { r.Header.Set("Content-Type", form+"; charset=utf-8"); good(r) }, 200},
		"a token of a query":                   {"GET", "/list?bucket=b&limit=1", "", good, 200},
		"the port twice, as Node's SDK":        {"GET", stat, "", func(r *http.Request) { twice(r, good) }, 200},
		"the port three times":                 {"GET", stat, "", func(r *http.Request) { twice(r, func(r *http.Request) { twice(r, good) }) }, 401},
		"no token":                             {"GET", stat, "", func(*http.Request) {}, 401},
		"another access key":                   {"GET", stat, "", sign(auth.TokenQiniu, auth.New("other", secretKey)), 401},
		"another secret key":                   {"GET", stat, "", sign(auth.TokenQiniu, auth.New(accessKey, "other")), 401},
		"a Qiniu token called QBox":            {"GET", stat, "", func(r *http.Request) { good(r); rename(r, "QBox") }, 401},
		"a token of another path":              {"GET", stat, "", func(r *http.Request) { good(r); r.URL.Path = storage.URIStat("b", "none") }, 401},
		"a token of another query":             {"GET", "/list?bucket=b", "", func(r *http.Request) { good(r); r.URL.RawQuery += "&limit=2" }, 401},
		"a token of another method":            {"POST", stat, "", func(r *http.Request) { r.Method = "GET"; good(r); r.Method = "POST" }, 401},
		"a token of another host":              {"GET", stat, "", func(r *http.Request) { good(r); r.Host = "elsewhere" }, 401},
		"a token of another Content-Type":      {"GET", stat, "", func(r *http.Request) { good(r); r.Header.Set("Content-Type", "text/plain") }, 401},
		"a header that was not signed":         {"GET", stat, "", func(r *http.Request) { good(r); r.Header.Set("X-Qiniu-Extra", "1") }, 401},
		"a token of another form": {"POST", "/batch", "op=" + stat, func(r *http.Request) {
			other := *r
			good(&other)
			r.Header = other.Header
			rewrite(r, "op=/delete/Yjpr&")
		}, 401},
		"a date of now":                      {"GET", stat, "", func(r *http.Request) { r.Header.Set("X-Qiniu-Date", stamp(0)); good(r) }, 200},
		"a date of an hour ago":              {"GET", stat, "", func(r *http.Request) { r.Header.Set("X-Qiniu-Date", stamp(-time.Hour)); good(r) }, 403},
		"a date of an hour ahead":            {"GET", stat, "", func(r *http.Request) { r.Header.Set("X-Qiniu-Date", stamp(time.Hour)); good(r) }, 403},
		"a download's token as a management": {"GET", stat, "", func(r *http.Request) { r.Header.Set("Authorization", "Qiniu "+accessKey+":"+hmacOf(secretKey, stat)) }, 401},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tc.method, w.Endpoint()+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", form)
			tc.sign(r)
			resp, body := w.send(r)
			if resp.StatusCode != tc.want {
				t.Errorf("status = %d %s, want %d", resp.StatusCode, body, tc.want)
			}
			if tc.want == 401 && body != `{"error":"bad token"}` {
				t.Errorf("body = %s, want a bad token", body)
			}
			if resp.Header.Get("X-Reqid") == "" || resp.Header.Get("X-Log") == "" {
				t.Errorf("headers = %v, want X-Reqid and X-Log", resp.Header)
			}
		})
	}
}

func rename(r *http.Request, scheme string) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	r.Header.Set("Authorization", scheme+" "+token)
}

// twice signs r as if its port stood twice in its host.
func twice(r *http.Request, sign func(*http.Request)) {
	host := r.Host
	r.Host += ":" + r.URL.Port()
	sign(r)
	r.Host = host
}

// rewrite puts text in front of the body.
func rewrite(r *http.Request, text string) {
	other, _ := http.NewRequest("POST", "http://x", strings.NewReader(text))
	r.Body, r.ContentLength = other.Body, other.ContentLength
}

func TestDownloadTokensAreVerified(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	w.put("a k", "content")
	base := "http://" + w.Domain("b") + "/a%20k"
	hour := time.Now().Add(time.Hour).Unix()
	token := func(secret, signed string) string { return "&token=" + accessKey + ":" + hmacOf(secret, signed) }
	at := func(n int64) string { return base + "?e=" + strconv.FormatInt(n, 10) }
	for name, tc := range map[string]struct {
		url  string
		want int
		body string
	}{
		"a good one":                       {at(hour) + token(secretKey, at(hour)), 200, "content"},
		"one whose colon is escaped":       {at(hour) + strings.Replace(token(secretKey, at(hour)), ":", "%3A", 1), 200, "content"},
		"one of more parameters":           {base + "?x=1&e=" + strconv.FormatInt(hour, 10) + token(secretKey, base+"?x=1&e="+strconv.FormatInt(hour, 10)), 200, "content"},
		"none":                             {base, 401, `{"error":"download token not specified"}`},
		"a deadline alone":                 {at(hour), 401, `{"error":"download token not specified"}`},
		"a token without deadline":         {base + "?x=1" + token(secretKey, base+"?x=1"), 401, `{"error":"download token not specified"}`},
		"one that expired":                 {at(hour-7200) + token(secretKey, at(hour-7200)), 401, `{"error":"token out of date"}`},
		"one whose deadline was moved":     {at(hour+1) + token(secretKey, at(hour)), 401, `{"error":"download token auth failed"}`},
		"one of another key":               {at(hour) + token("other", at(hour)), 401, `{"error":"download token auth failed"}`},
		"one of another object":            {at(hour) + token(secretKey, strings.Replace(at(hour), "a%20k", "b", 1)), 401, `{"error":"download token auth failed"}`},
		"one of the same key, unescaped":   {at(hour) + token(secretKey, strings.Replace(at(hour), "%20", " ", 1)), 401, `{"error":"download token auth failed"}`},
		"one of https, where http is used": {at(hour) + token(secretKey, "https"+strings.TrimPrefix(at(hour), "http")), 401, `{"error":"download token auth failed"}`},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := w.do("GET", tc.url, "")
			if resp.StatusCode != tc.want || body != tc.body {
				t.Errorf("GET = %d %q, want %d %q", resp.StatusCode, body, tc.want, tc.body)
			}
		})
	}
}

func TestAPublicBucketNeedsNoToken(t *testing.T) {
	w := newWorld(t, kodo.Config{Public: true})
	w.put("k", "content")
	if resp, body := w.do("GET", "http://"+w.Domain("b")+"/k", ""); resp.StatusCode != 200 || body != "content" {
		t.Errorf("GET of a public object = %d %q", resp.StatusCode, body)
	}
	if status, body := w.manage("POST", "/private", "bucket=b&private=1"); status != 200 {
		t.Fatalf("private = %d %s", status, body)
	}
	for _, mode := range []string{"0", "1"} { // Node's SDK names it in the query
		if status, body := w.manage("POST", "/private?bucket=b&private="+mode, ""); status != 200 {
			t.Fatalf("private in the query = %d %s", status, body)
		}
	}
	if resp, _ := w.do("GET", "http://"+w.Domain("b")+"/k", ""); resp.StatusCode != 401 {
		t.Errorf("GET once private = %d, want 401", resp.StatusCode)
	}
}

func TestUploadTokensAreVerified(t *testing.T) {
	now := time.Now()
	w := newWorld(t, kodo.Config{})
	w.put("there", "old")
	policy := func(p storage.PutPolicy) string { return w.token(p) }
	good := policy(storage.PutPolicy{Scope: "b"})
	parts := strings.Split(good, ":")
	raw := func(json string) string {
		p := base64.URLEncoding.EncodeToString([]byte(json))
		return accessKey + ":" + hmacOf(secretKey, p) + ":" + p
	}
	for name, tc := range map[string]struct {
		token, key string
		want       int
		body       string
	}{
		"the bucket":                       {good, "k", 200, ""},
		"the bucket and the key":           {policy(storage.PutPolicy{Scope: "b:k"}), "k", 200, ""},
		"another key":                      {policy(storage.PutPolicy{Scope: "b:other"}), "k", 403, "key doesn't match with scope"},
		"a prefix":                         {policy(storage.PutPolicy{Scope: "b:d/", IsPrefixalScope: 1}), "d/k", 200, ""},
		"a prefix that is called a key":    {policy(storage.PutPolicy{Scope: "b:d/"}), "d/x", 403, "key doesn't match with scope"},
		"another prefix":                   {policy(storage.PutPolicy{Scope: "b:d/", IsPrefixalScope: 1}), "e/k", 403, "key doesn't match with scope"},
		"a missing bucket":                 {policy(storage.PutPolicy{Scope: "none"}), "k", 631, "no such bucket"},
		"the bucket, where the key exists": {good, "there", 614, "file exists"},
		"the key, where it exists":         {policy(storage.PutPolicy{Scope: "b:there"}), "there", 200, ""},
		"insertion only":                   {policy(storage.PutPolicy{Scope: "b:there2", InsertOnly: 1}), "there2", 200, ""},
		"insertion, where the key exists":  {policy(storage.PutPolicy{Scope: "b:there3", InsertOnly: 1}), "there3", 614, "file exists"},
		"too small a size":                 {policy(storage.PutPolicy{Scope: "b", FsizeLimit: 2}), "k", 413, "exceed FsizeLimit"},
		"another type":                     {policy(storage.PutPolicy{Scope: "b", MimeLimit: "image/*"}), "k", 403, "limited mimeType: this file type is forbidden to upload"},
		"any type but another":             {policy(storage.PutPolicy{Scope: "b", MimeLimit: "!image/*;text/html"}), "k", 200, ""},
		"until an hour ago":                {raw(`{"scope":"b","deadline":` + strconv.FormatInt(now.Unix()-3600, 10) + `}`), "k", 401, "expired token"},
		"without a deadline":               {raw(`{"scope":"b"}`), "k", 401, "expired token"},
		"nothing":                          {"", "k", 401, "token not specified"},
		"nonsense":                         {"nonsense", "k", 401, "bad token"},
		"with another access key":          {"other:" + parts[1] + ":" + parts[2], "k", 401, "bad token"},
		"with another policy":              {parts[0] + ":" + parts[1] + ":" + base64.URLEncoding.EncodeToString([]byte(`{"scope":"b","deadline":9999999999}`)), "k", 401, "bad token"},
		"a key that is no UTF-8":           {good, "\xff", 400, "key must be utf8 encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			w.put("there", "old")
			w.put("there3", "old")
			w.Remove("b", "k")
			fields := url.Values{"key": {tc.key}}
			if tc.token != "" {
				fields.Set("token", tc.token)
			}
			resp, body := w.form(fields, "new", "text/plain")
			if resp.StatusCode != tc.want || tc.body != "" && body != `{"error":"`+tc.body+`"}` {
				t.Errorf("upload = %d %s, want %d %s", resp.StatusCode, body, tc.want, tc.body)
			}
			if o, ok := w.Get("b", tc.key); (tc.want == 200) != (ok && string(o.Body) == "new") {
				t.Errorf("stored = %q (%v) after %d", o.Body, ok, tc.want)
			}
		})
	}
}
