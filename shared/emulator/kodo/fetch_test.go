package kodo_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/kodo"
)

func TestAFetchBringsInWhatAURLServes(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	source := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/one.css" {
			http.Error(rw, "gone", map[string]int{"/none": 404, "/broken": 500}[r.URL.Path])
			return
		}
		rw.Header().Set("Content-Type", "text/css")
		_, _ = rw.Write([]byte("content"))
	}))
	t.Cleanup(source.Close)
	w.put("k", "old")
	hash := digest.QetagOf([]byte("content"))
	m := w.manager()
	fetch := func(name, url string) (storage.FetchRet, error) {
		if name == "" {
			return m.FetchWithoutKey(url, "b")
		}
		return m.Fetch(url, "b", name)
	}
	for name, key := range map[string]string{"k": "k", "": hash} {
		got, err := fetch(name, source.URL+"/one.css")
		if want := (storage.FetchRet{Hash: hash, Fsize: 7, MimeType: "text/css", Key: key}); err != nil || got != want {
			t.Errorf("fetch to %q = %+v, %v, want %+v", name, got, err, want)
		}
		if o, _ := w.Get("b", key); string(o.Body) != "content" {
			t.Errorf("stored %q, want content", o.Body)
		}
	}
	for url, want := range map[string]int{source.URL + "/none": 404, source.URL + "/broken": 478, "file:///etc/hosts": 400} {
		_, err := fetch("x", url)
		wantCode(t, url, err, want)
	}
	if resp, body := w.do("POST", "http://"+w.Domain("b")+"/fetch/x/to/Yjpr", ""); resp.StatusCode != 401 {
		t.Errorf("unsigned fetch = %d %s, want 401", resp.StatusCode, body)
	}
}

func TestABucketsSettingsAreNone(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for path, want := range map[string]string{
		"/rules/get?bucket=b": "[]", "/events/get?bucket=b": "[]", "/corsRules/get/b": "[]",
		"/getbucketquota/b/": `{"count":-1,"size":-1}`, "/bucketTagging?bucket=b": `{"Tags":[]}`,
	} {
		for _, method := range []string{"GET", "POST"} {
			if status, body := w.manage(method, path, ""); status != 200 || body != want {
				t.Errorf("%s %s = %d %s, want %s", method, path, status, body, want)
			}
		}
	}
	if status, _ := w.manage("GET", "/events/get?bucket=none", ""); status != 631 {
		t.Errorf("events of a missing bucket = %d, want 631", status)
	}
}
