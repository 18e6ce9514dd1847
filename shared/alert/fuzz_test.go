package alert_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kodoferry/shared/alert"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

// FuzzAnswer lets a webhook answer with any status and body: an error has a kind, is
// short and on one line, and repeats no secret of the webhook.
func FuzzAnswer(f *testing.F) {
	kinds := []string{job.DingTalk, job.Feishu, job.WeCom, job.JSON, job.Slack}
	for k := range kinds {
		for _, body := range []string{`{"errcode":0}`, `{"code":0}`, `{"StatusCode":0}`, `{"errcode":130101,"errmsg":"slow\n` + token + `"}`, `{"code":19001,"msg":"` + sign + `"}`, "<html>", "", `{"errcode":1e400}`, token} {
			f.Add(uint8(k), uint16(0), body)
			f.Add(uint8(k), uint16(200), body)
		}
	}
	status, answer := 200, ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // from this machine
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	f.Cleanup(s.Close)
	env := map[string]string{"FERRY_ALERT_OPS": s.URL + "/hook/" + token + "?access_token=" + token, "FERRY_ALERT_SIGN": sign}
	var hooks []*alert.Hook
	for _, k := range kinds {
		h, err := alert.Open(job.Alert{To: "FERRY_ALERT_OPS", Sign: "FERRY_ALERT_SIGN", Kind: k, Insecure: true}, func(name string) string { return env[name] })
		if err != nil {
			f.Fatal(err)
		}
		hooks = append(hooks, h)
	}
	f.Fuzz(func(t *testing.T, kind uint8, code uint16, body string) {
		status, answer = 200+int(code)%400, body
		err := hooks[int(kind)%len(hooks)].Post(t.Context(), message)
		if err == nil {
			if status/100 != 2 {
				t.Errorf("the status %d with %q is a success", status, body)
			}
			return
		}
		text := err.Error()
		if k := fault.KindOf(err); k == fault.Unknown || len(text) > 1000 || strings.ContainsAny(text, "\n\r\x00\x1b") {
			t.Errorf("status %d, %q: %q, want a short error of a kind", status, body, text)
		}
		for _, secret := range []string{token, sign} {
			if strings.Contains(text, secret) {
				t.Errorf("status %d, %q: the error %q repeats a secret", status, body, text)
			}
		}
	})
}
