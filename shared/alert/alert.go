// Package alert tells people, or a program of theirs, what becomes of a run: it
// posts to the webhook of a robot of DingTalk, Feishu, WeCom or Slack, or plain JSON, or
// sends a mail. Start with Open; shape.go is how each of them wants to be told, mail.go the
// mail. The URL of a webhook is a secret: no error and no message repeats it.
package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/transport"
)

// Event is what there is to tell of a run.
type Event string

const (
	Started  Event = "started"  // it has begun
	Stalled  Event = "stalled"  // nothing of it has moved for long
	Failing  Event = "failing"  // an object failed by a cause that none failed by before
	Many     Event = "many"     // more than one in a hundred failed
	Refused  Event = "refused"  // its deletions were refused as a whole
	Finished Event = "finished" // its report is written
)

// Message is what is told.
type Message struct {
	Event Event
	Run   string
	Text  string // sentences, without secrets
	Next  string // the one command to run next
	At    time.Time
}

// Hook is one webhook. It is safe for concurrent use.
type Hook struct {
	kind   string
	name   string // of the variable that holds the URL
	url    *url.URL
	sign   string
	client *http.Client
	now    func() time.Time

	envelope envelope // of a mail
	insecure bool
}

// timeout bounds one post, connecting and answer included.
const timeout = 5 * time.Second

// Open returns the webhook that a describes, with what getenv, as os.Getenv,
// has for its variables. It makes no request. Its error is Invalid and names
// every mistake, but no value.
func Open(a job.Alert, getenv func(string) string) (*Hook, error) {
	var wrong []error
	h := &Hook{kind: a.Kind, name: a.To, now: time.Now, insecure: a.Insecure, client: &http.Client{
		Timeout: timeout,
		// Whoever the webhook sends on to is not who was named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     transport.Once(timeout),
	}}
	raw := strings.TrimSpace(getenv(a.To))
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		wrong = append(wrong, fmt.Errorf("%s is not set: export it with the URL of the %s webhook, or take the alert out of the job", a.To, a.Kind))
	case err == nil && a.Kind == job.Mail:
		var bad []error
		h.envelope, bad = mailbox(a.To, u)
		wrong = append(wrong, bad...)
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		wrong = append(wrong, fmt.Errorf("%s holds no URL of a webhook: copy it whole, from https:// on", a.To))
	case u.Scheme == "http" && !a.Insecure:
		wrong = append(wrong, fmt.Errorf("%s holds a URL of plain http, which shows its secret to everybody on the way: take one of https, or write insecure: true if you mean it", a.To))
	}
	if a.Sign != "" {
		if h.sign = strings.TrimSpace(getenv(a.Sign)); h.sign == "" {
			wrong = append(wrong, fmt.Errorf("%s is not set: export it with the robot's signing secret, or leave sign: out", a.Sign))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fault.New(fault.Invalid, "alert.Open", a.To, err)
	}
	h.url = u
	return h, nil
}

// Name is the name of the variable that holds the URL.
func (h *Hook) Name() string { return h.name }

// maxAnswer is the most bytes of an answer that are read.
const maxAnswer = 64 << 10

// Post tells m, once. An answer that is no success is Denied, Throttled or
// Invalid, and says what the webhook said; one that did not come is Temporary.
func (h *Hook) Post(ctx context.Context, m Message) error {
	const op = "alert.Post"
	if h.kind == job.Mail {
		if err := h.mail(ctx, m); err != nil {
			return h.unsent(err)
		}
		return nil
	}
	at := h.now()
	body, err := h.body(m, at)
	if err != nil {
		return fault.New(fault.Invalid, op, h.name, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.signed(at), bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.Invalid, op, h.name, fmt.Errorf("%s holds no URL of a webhook: copy it whole, from https:// on", h.name))
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "kodoferry")
	resp, err := h.client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL
		}
		return fault.New(fault.Temporary, op, h.name, h.redact(err.Error()))
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // what came is enough
	if resp.StatusCode/100 == 3 {
		return fault.New(fault.Invalid, op, h.name, fmt.Errorf("status %d: the webhook sends elsewhere, which is not followed: put the URL it sends to into %s", resp.StatusCode, h.name))
	}
	if resp.StatusCode/100 != 2 {
		return fault.New(fault.FromStatus(resp.StatusCode), op, h.name, h.redact(fmt.Sprintf("status %d: %s", resp.StatusCode, short(answer))))
	}
	if kind, says := h.refusal(answer); kind != "" {
		return fault.New(kind, op, h.name, h.redact(says))
	}
	return nil
}

// redact makes an error of a text, without what is secret of the webhook: its
// path, its parameters, and the signing secret.
func (h *Hook) redact(text string) error {
	secrets := append(strings.Split(h.url.Path, "/"), h.sign, h.url.RequestURI())
	if password, given := h.url.User.Password(); given {
		secrets = append(secrets, password, h.url.User.Username(), h.url.User.String())
	}
	for _, values := range h.url.Query() {
		secrets = append(secrets, values...)
	}
	for _, s := range secrets {
		if len(s) >= 6 { // shorter ones are words such as "hook"
			text = strings.ReplaceAll(text, s, "[secret]")
		}
	}
	return errors.New(text)
}

// short is an answer as an error may show it.
func short(answer []byte) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, string(answer))
	return clip(strings.TrimSpace(text), 200)
}
