package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

// maxText is how many bytes of text one message takes. WeCom takes the fewest,
// 2,048 (WeCom, "group robots", text).
const maxText = 2000

// title is the first line. It begins with a word that a robot can be told to
// ask for, as DingTalk's keyword.
func (m Message) title() string { return fmt.Sprintf("Ferry: %s: %s", m.Run, m.Event) }

// text is all of a message. It is sent as plain text everywhere: a command
// holds quotes, stars and underscores, and a key whatever its owner liked,
// which markdown would take for its own.
func (m Message) text() string {
	next := "\nNext: " + m.Next
	head := m.title() + "\n"
	return head + clip(m.Text, max(maxText-len(head)-len(next), 0)) + next
}

// clip is s, or as much of it as n bytes hold, cut between runes.
func clip(s string, n int) string {
	const more = "…"
	if len(s) <= n {
		return s
	}
	n = max(n-len(more), 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + more
}

// body is how h wants to be told m. Sources: DingTalk, "custom robots"; Feishu,
// "custom bot usage guide"; WeCom, "group robots"; Slack, "incoming webhooks".
func (h *Hook) body(m Message, at time.Time) ([]byte, error) {
	type fields = map[string]any
	switch h.kind {
	case job.DingTalk:
		return json.Marshal(fields{"msgtype": "text", "text": fields{"content": m.text()}})
	case job.WeCom:
		return json.Marshal(fields{"msgtype": "text", "text": fields{"content": m.text()}})
	case job.Feishu:
		// Feishu reads <at …> in a text as a call to somebody, or to all.
		f := fields{"msg_type": "text", "content": fields{"text": strings.ReplaceAll(m.text(), "<at", "< at")}}
		if h.sign != "" {
			seconds := strconv.FormatInt(at.Unix(), 10)
			// What is signed is nothing; what would be signed elsewhere is the key.
			f["timestamp"], f["sign"] = seconds, mac(seconds+"\n"+h.sign, "")
		}
		return json.Marshal(f)
	case job.Slack:
		// Slack reads <!channel> and <@…> in a text as calls ("Formatting text"). It
		// unfolds links, of which a key may be one.
		text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(m.text())
		return json.Marshal(fields{"text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false})
	case job.JSON:
		return json.Marshal(fields{"v": 1, "event": m.Event, "run": m.Run, "title": m.title(), "text": m.Text, "next": m.Next, "at": m.At.UTC().Format(time.RFC3339)})
	}
	return nil, fmt.Errorf("no webhook is of the kind %q", h.kind)
}

// signed is the URL to post to: DingTalk takes its signature there.
func (h *Hook) signed(at time.Time) string {
	if h.kind != job.DingTalk || h.sign == "" {
		return h.url.String()
	}
	u := *h.url
	q := u.Query()
	ms := strconv.FormatInt(at.UnixMilli(), 10)
	q.Set("timestamp", ms)
	q.Set("sign", mac(h.sign, ms+"\n"+h.sign))
	u.RawQuery = q.Encode()
	return u.String()
}

func mac(key, text string) string {
	m := hmac.New(sha256.New, []byte(key))
	_, _ = m.Write([]byte(text)) // never fails
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// The codes by which robots say that they are told too much: DingTalk 130101,
// Feishu 9499 and 11232, WeCom 45009; each takes about 20 messages a minute, Feishu 100.
var throttled = map[int64]bool{130101: true, 9499: true, 11232: true, 45009: true}

// refusal is what an answer of status 200 refuses, "" where it does not: robots
// answer 200 whatever became of the message.
func (h *Hook) refusal(answer []byte) (fault.Kind, string) {
	switch h.kind {
	case job.JSON:
		return "", ""
	case job.Slack: // it answers ok, and what it refuses with another status
		if strings.TrimSpace(string(answer)) != "ok" {
			return fault.Invalid, fmt.Sprintf("what answers is no Slack webhook: check the URL in %s", h.name)
		}
		return "", ""
	}
	var said struct {
		Code       *int64 `json:"errcode"` // DingTalk, WeCom
		Says       string `json:"errmsg"`
		FeishuCode *int64 `json:"code"`
		FeishuSays string `json:"msg"`
		OldCode    *int64 `json:"StatusCode"` // Feishu, where all went well
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return fault.Invalid, fmt.Sprintf("what answers is no %s robot: check the URL in %s", h.kind, h.name)
	}
	code, says := said.Code, said.Says
	if h.kind == job.Feishu {
		if code, says = said.FeishuCode, said.FeishuSays; code == nil {
			code = said.OldCode
		}
	}
	switch {
	case code == nil:
		return fault.Invalid, fmt.Sprintf("what answers is no %s robot: check the URL in %s", h.kind, h.name)
	case *code == 0:
		return "", ""
	case throttled[*code]:
		return fault.Throttled, fmt.Sprintf("the robot is told too much: code %d: %s", *code, short([]byte(says)))
	}
	return fault.Denied, fmt.Sprintf("the robot refuses: code %d: %s; check the URL in %s and the robot's security settings: keyword (every message begins with Ferry), signing secret (sign:), addresses", *code, short([]byte(says)), h.name)
}
