package kodo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"

	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/emulator/kodo"
)

// calledBack is a callback's host, which answers as it is told.
type calledBack struct {
	status       int
	answer, body string // body is the last that came
	signed       bool
}

func (c *calledBack) serve(w *world) string {
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c.signed, _ = w.mac.VerifyCallback(r)
		_ = r.ParseForm()
		body, _ := io.ReadAll(r.Body)
		if c.body = string(body); len(body) == 0 {
			c.body = r.PostForm.Encode()
		}
		rw.WriteHeader(c.status)
		_, _ = io.WriteString(rw, c.answer)
	}))
	w.t.Cleanup(s.Close)
	return s.URL + "/cb?x=1"
}

func TestACallbackAnswersForAnUpload(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for name, tc := range map[string]struct {
		status           int
		answer           string
		policy           storage.PutPolicy
		want             int
		wantBody, called string
	}{
		"its JSON":         {200, `{"id":7}`, storage.PutPolicy{CallbackBody: "k=$(key)&s=$(fsize)&n=$(none)"}, 200, `{"id":7}`, "k=a%26b&n=&s=7"},
		"its JSON of JSON": {200, `[]`, storage.PutPolicy{CallbackBody: `{"k":$(key),"s":$(fsize)}`, CallbackBodyType: "application/json"}, 200, `[]`, `{"k":"a&b","s":7}`},
		"not a failure":    {500, `{"id":7}`, storage.PutPolicy{CallbackBody: "k=1"}, 579, "", "k=1"},
		"not other text":   {200, `thanks`, storage.PutPolicy{CallbackBody: "k=1"}, 579, "", "k=1"},
	} {
		t.Run(name, func(t *testing.T) {
			host := &calledBack{status: tc.status, answer: tc.answer}
			tc.policy.Scope, tc.policy.CallbackURL = "b", "http://127.0.0.1:1/;"+host.serve(w) // the first is out of reach
			resp, body := w.form(url.Values{"key": {"a&b"}, "token": {w.token(tc.policy)}}, "content", "")
			if resp.StatusCode != tc.want || tc.wantBody != "" && body != tc.wantBody {
				t.Errorf("upload = %d %s, want %d %s", resp.StatusCode, body, tc.want, tc.wantBody)
			}
			if host.body != tc.called || !host.signed {
				t.Errorf("the callback got %s (signed: %v), want %s", host.body, host.signed, tc.called)
			}
			if _, ok := w.Get("b", "a&b"); !ok {
				t.Error("the object is not stored, whatever the callback answers")
			}
		})
	}
}

func TestABrowserIsSentToThePolicysReturnURL(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	policy := storage.PutPolicy{Scope: "b", ReturnURL: "http://page.test/done?x=1", ReturnBody: `{"k":$(key)}`}
	for body, want := range map[string]string{
		"content": "http://page.test/done?x=1&upload_ret=eyJrIjoiayJ9",
		"other":   "http://page.test/done?x=1&code=614&error=file+exists",
	} {
		w.put("k", "content")
		resp, _ := w.form(url.Values{"key": {"k"}, "token": {w.token(policy)}}, body, "")
		if got := resp.Header.Get("Location"); resp.StatusCode != 303 || got != want {
			t.Errorf("upload of %s = %d to %s, want 303 to %s", body, resp.StatusCode, got, want)
		}
	}
}

func TestAnUploadHasOneUUID(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	policy := storage.PutPolicy{Scope: "b", SaveKey: "$(uuid)", ReturnBody: `{"key":$(key),"id":$(uuid)}`}
	_, body := w.form(url.Values{"token": {w.token(policy)}}, "content", "")
	var told struct{ Key, ID string }
	if err := json.Unmarshal([]byte(body), &told); err != nil || told.Key != told.ID || !regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(told.ID) {
		t.Errorf("told %s, %v, want one uuid twice", body, err)
	}
}

func TestPagesOfOtherHostsMayUpload(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	resp, _ := w.do("OPTIONS", w.Endpoint()+"/", "", "Origin: http://page.test", "Access-Control-Request-Method: POST")
	if resp.StatusCode != 200 || resp.Header.Get("Access-Control-Allow-Origin") != "*" || resp.Header.Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("preflight = %d %v", resp.StatusCode, resp.Header)
	}
}
