package alert_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/alert"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

const (
	token = "8f14e45fceea167a5a36dedd4bea2543"
	sign  = "SEC0cc175b9c0f1b6a831c399e269772661"
)

// got is what a webhook was sent.
type got struct {
	query url.Values
	body  map[string]any
	raw   string
}

// hook is a webhook that answers with status and answer, and what it was sent.
func hook(t *testing.T, a job.Alert, status int, answer string) (*alert.Hook, *got) {
	t.Helper()
	g := &got{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		g.query, g.raw = r.URL.Query(), string(raw)
		if err := json.Unmarshal(raw, &g.body); err != nil || r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s of %q, %v, want a POST of JSON", r.Method, raw, err)
		}
		if status/100 == 3 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	a.To, a.Insecure = "FERRY_ALERT_OPS", true
	env := map[string]string{"FERRY_ALERT_OPS": s.URL + "/hook/" + token + "?access_token=" + token, "FERRY_ALERT_SIGN": sign}
	h, err := alert.Open(a, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return h, g
}

var message = alert.Message{
	Event: alert.Failing, Run: "photos/20260101T000000Z", Text: `"a*_<at user_id=\"all\">" failed: not thawed`,
	Next: "ferry why photos/20260101T000000Z 'a*_'", At: time.Unix(1_700_000_000, 0),
}

func text(t *testing.T, from map[string]any, path ...string) string {
	t.Helper()
	for _, name := range path[:len(path)-1] {
		from, _ = from[name].(map[string]any)
	}
	s, ok := from[path[len(path)-1]].(string)
	if !ok {
		t.Fatalf("it has no %s: %v", strings.Join(path, "."), from)
	}
	return s
}

func TestEachRobotIsToldInItsOwnShape(t *testing.T) {
	for kind, tc := range map[string]struct {
		answer string
		path   []string // of the text
	}{
		job.DingTalk: {`{"errcode":0,"errmsg":"ok"}`, []string{"text", "content"}},
		job.WeCom:    {`{"errcode":0,"errmsg":"ok"}`, []string{"text", "content"}},
		job.Feishu:   {`{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`, []string{"content", "text"}},
		job.Slack:    {"ok", []string{"text"}},
		job.JSON:     {"thanks", []string{"text"}},
	} {
		t.Run(kind, func(t *testing.T) {
			h, g := hook(t, job.Alert{Kind: kind}, 200, tc.answer)
			if err := h.Post(t.Context(), message); err != nil {
				t.Fatalf("Post = %v, want no error", err)
			}
			said := text(t, g.body, tc.path...)
			if !strings.Contains(said, "failed: not thawed") {
				t.Errorf("it was told %q, want the message", said)
			}
			switch kind {
			case job.Slack:
				if strings.Contains(said, "<") || g.body["mrkdwn"] != false || g.body["unfurl_links"] != false {
					t.Errorf("Slack was sent %s, want a plain text that calls nobody and unfolds nothing", g.raw)
				}
			case job.Feishu:
				if g.body["msg_type"] != "text" || strings.Contains(said, "<at ") || g.body["sign"] != nil {
					t.Errorf("Feishu was sent %s, want an unsigned text that calls nobody", g.raw)
				}
			case job.JSON:
				if g.body["event"] != "failing" || g.body["run"] != message.Run || g.body["next"] != message.Next || g.body["at"] != "2023-11-14T22:13:20Z" {
					t.Errorf("it was sent %s, want every field", g.raw)
				}
				return
			default:
				if g.body["msgtype"] != "text" {
					t.Errorf("it was sent %s, want a text", g.raw)
				}
			}
			if !strings.HasPrefix(said, "Ferry: photos/20260101T000000Z: failing\n") || !strings.HasSuffix(said, "\nNext: "+message.Next) {
				t.Errorf("it was told %q, want the run first and the command last", said)
			}
		})
	}
}

func TestSignaturesAreThoseThatTheRobotsCompute(t *testing.T) {
	compute := func(key, text string) string {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(text))
		return base64.StdEncoding.EncodeToString(m.Sum(nil))
	}
	h, g := hook(t, job.Alert{Kind: job.DingTalk, Sign: "FERRY_ALERT_SIGN"}, 200, `{"errcode":0}`)
	if err := h.Post(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	at := g.query.Get("timestamp")
	if want := compute(sign, at+"\n"+sign); len(at) != 13 || g.query.Get("sign") != want || g.query.Get("access_token") != token {
		t.Errorf("DingTalk was asked with %v, want milliseconds, the signature %s and the token", g.query, want)
	}
	h, g = hook(t, job.Alert{Kind: job.Feishu, Sign: "FERRY_ALERT_SIGN"}, 200, `{"code":0}`)
	if err := h.Post(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	at = text(t, g.body, "timestamp")
	if want := compute(at+"\n"+sign, ""); len(at) != 10 || g.body["sign"] != want {
		t.Errorf("Feishu was sent %s, want seconds and the signature %s", g.raw, want)
	}
}

func TestWhatIsNoSuccessIsAnErrorWithoutTheSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		kind   string
		status int
		answer string
		want   fault.Kind
		says   string
	}{
		"a wrong keyword":                {job.DingTalk, 200, `{"errcode":310000,"errmsg":"keywords not in content, token ` + token + `"}`, fault.Denied, "begins with Ferry"},
		"too many messages":              {job.DingTalk, 200, `{"errcode":130101,"errmsg":"send too fast"}`, fault.Throttled, "send too fast"},
		"a wrong signature at Feishu":    {job.Feishu, 200, `{"code":19021,"msg":"sign match fail"}`, fault.Denied, "sign match fail"},
		"too many messages at WeCom":     {job.WeCom, 200, `{"errcode":45009,"errmsg":"api freq out of limit"}`, fault.Throttled, "45009"},
		"a page that is no robot's":      {job.WeCom, 200, "<html>", fault.Invalid, "no wecom robot"},
		"a robot of another kind":        {job.Feishu, 200, `{"errcode":0,"errmsg":"ok"}`, fault.Invalid, "no feishu robot"},
		"a redirect, which none follows": {job.JSON, 302, "", fault.Invalid, "sends elsewhere"},
		"an error that repeats the URL":  {job.JSON, 500, "no such hook: /hook/" + token + " " + sign, fault.Temporary, "[secret]"},
		"a forbidden one":                {job.JSON, 403, "", fault.Denied, "403"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := hook(t, job.Alert{Kind: tc.kind}, tc.status, tc.answer)
			err := h.Post(t.Context(), message)
			if fault.KindOf(err) != tc.want || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "FERRY_ALERT_OPS") {
				t.Errorf("Post = %v, want %s, %q and the variable", err, tc.want, tc.says)
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	h, err := alert.Open(job.Alert{To: "FERRY_ALERT_OPS", Kind: job.JSON, Insecure: true}, func(string) string { return dead.URL + "/" + token })
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Post(t.Context(), message); fault.KindOf(err) != fault.Temporary || strings.Contains(err.Error(), token) {
		t.Errorf("Post to nobody = %v, want Temporary, without the secret", err)
	}
}

func TestAWebhookThatCannotBeIsRefusedWithoutItsValue(t *testing.T) {
	for name, tc := range map[string]struct{ value, want string }{
		"nothing":         {"", "FERRY_ALERT_OPS is not set"},
		"plain http":      {"http://robot.example.com/" + token, "insecure: true"},
		"no URL":          {token, "from https:// on"},
		"a broken URL":    {"https://robot.example.com/%zz" + token, "from https:// on"},
		"another scheme":  {"ftp://robot.example.com/" + token, "from https:// on"},
		"with a password": {"https://user:" + token + "@robot.example.com/", "from https:// on"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := alert.Open(job.Alert{To: "FERRY_ALERT_OPS", Kind: job.DingTalk, Sign: "FERRY_ALERT_SIGN"}, func(n string) string {
				if n == "FERRY_ALERT_OPS" {
					return tc.value
				}
				return ""
			})
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "FERRY_ALERT_SIGN is not set") {
				t.Errorf("Open = %v, want Invalid, %q and the missing secret", err, tc.want)
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("the error repeats the value: %v", err)
			}
		})
	}
}

func TestALongMessageKeepsItsCommand(t *testing.T) {
	h, g := hook(t, job.Alert{Kind: job.WeCom}, 200, `{"errcode":0}`)
	m := message
	m.Text = strings.Repeat("图", 2000)
	if err := h.Post(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	said := text(t, g.body, "text", "content")
	if len(said) > 2048 || !strings.HasSuffix(said, "图…\nNext: "+m.Next) {
		t.Errorf("%d bytes that end in %q, want up to 2,048, cut between characters, and the command", len(said), said[len(said)-80:])
	}
}
