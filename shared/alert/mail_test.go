package alert_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"

	"kodoferry/shared/alert"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

// server is a mail server that refuses one command with an answer of its own, and what it
// was told.
func server(t *testing.T, command, refusal string) (addr string, told func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	over := make(chan struct{})
	go func() {
		defer close(over)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		say := func(line string) { _, _ = io.WriteString(c, line+"\r\n") }
		say("220 mail")
		lines, letter := bufio.NewScanner(c), false
		for lines.Scan() {
			line := lines.Text()
			all.WriteString(line + "\n")
			switch verb, _, _ := strings.Cut(line, " "); {
			case letter && line == ".":
				letter = false
				say("250 taken")
			case letter:
			case verb == command:
				say(refusal)
			case verb == "EHLO":
				say("250-mail\r\n250 AUTH PLAIN")
			case verb == "AUTH":
				say("235 welcome")
			case verb == "DATA":
				letter = true
				say("354 go on")
			case verb == "QUIT":
				say("221 bye")
				return
			default:
				say("250 ok")
			}
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String(), func() string { _ = l.Close(); <-over; return all.String() }
}

func open(t *testing.T, raw string, insecure bool) (*alert.Hook, error) {
	t.Helper()
	return alert.Open(job.Alert{To: "FERRY_ALERT_MAIL", Kind: job.Mail, Insecure: insecure}, func(string) string { return raw })
}

const query = "/?from=ferry@example.com&to=ops@example.com,dev@example.com"

func TestAMailIsOneLetterToAllWhoAreNamed(t *testing.T) {
	addr, told := server(t, "", "")
	h, err := open(t, "smtp://ferry:"+token+"@"+addr+query, true)
	if err != nil {
		t.Fatal(err)
	}
	odd := message
	odd.Run = "照片/20260101T000000Z\r\nBcc: all@example.com"
	if err := h.Post(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
	conversation := told()
	for _, want := range []string{"MAIL FROM:<ferry@example.com>", "RCPT TO:<ops@example.com>", "RCPT TO:<dev@example.com>"} {
		if strings.Count(conversation, want) != 1 {
			t.Errorf("it was not told %s:\n%s", want, conversation)
		}
	}
	_, letter, _ := strings.Cut(conversation, "DATA\n")
	m, err := mail.ReadMessage(strings.NewReader(letter))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" || !strings.HasPrefix(m.Header.Get("Subject"), "=?utf-8?q?") || m.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("the header is %v, want nothing of the run's name but in the subject", m.Header)
	}
	body, _ := io.ReadAll(m.Body)
	encoded, _, _ := strings.Cut(string(body), ".\n")
	text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, "\n", ""))
	if err != nil || !strings.Contains(string(text), "failed: not thawed") || !strings.Contains(string(text), "Next: "+odd.Next) {
		t.Errorf("the text is %q (%v), want the message", text, err)
	}
}

func TestWhatAMailServerRefusesHasAKindAndNoSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		command, refusal string
		want             fault.Kind
	}{
		"the password":         {"AUTH", "535 wrong " + token, fault.Denied},
		"the sender":           {"MAIL", "550 not you", fault.Denied},
		"too many":             {"RCPT", "452 later", fault.Throttled},
		"nothing, it hangs up": {"DATA", "421 bye", fault.Throttled},
	} {
		t.Run(name, func(t *testing.T) {
			addr, told := server(t, tc.command, tc.refusal)
			h, err := open(t, "smtp://ferry:"+token+"@"+addr+query, true)
			if err != nil {
				t.Fatal(err)
			}
			err = h.Post(t.Context(), message)
			if fault.KindOf(err) != tc.want || strings.Contains(fmt.Sprint(err), token) {
				t.Errorf("Post = %v, want %s and no secret", err, tc.want)
			}
			told()
		})
	}
}

// TestAMailServerThatDoesNotProveItsNameIsToldNothing: neither one with a certificate of its
// own, nor one that offers no TLS where that was not allowed.
func TestAMailServerThatDoesNotProveItsNameIsToldNothing(t *testing.T) {
	self := httptest.NewTLSServer(http.NotFoundHandler())
	defer self.Close()
	h, err := open(t, strings.Replace(self.URL, "https://", "smtps://ferry:"+token+"@", 1)+query, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Post(t.Context(), message); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with a certificate of its own: %v, want an error about that", err)
	}
	addr, told := server(t, "STARTTLS", "502 what?")
	if h, err = open(t, "smtp://ferry:"+token+"@"+addr+query, false); err != nil {
		t.Fatal(err)
	}
	if err := h.Post(t.Context(), message); err == nil || !strings.Contains(err.Error(), "smtps://") {
		t.Errorf("without TLS: %v, want the cure", err)
	}
	if said := told(); strings.Contains(said, "AUTH") || strings.Contains(said, "MAIL") {
		t.Errorf("it was told\n%s", said)
	}
}

func TestAnAddressOfMailIsReadWithItsMistakes(t *testing.T) {
	for name, tc := range map[string]struct{ raw, want string }{
		"a webhook":       {"https://example.com/hook/" + token, "holds no address of a mail server"},
		"without a host":  {"smtps:///?from=a@b.c&to=a@b.c", "holds no address of a mail server"},
		"without sender":  {"smtps://u:" + token + "@mail.example.com/?to=ops@example.com", "add from="},
		"without anybody": {"smtps://u:" + token + "@mail.example.com/?from=ferry@example.com", "add to="},
		"not set":         {"", "is not set"},
	} {
		if _, err := open(t, tc.raw, false); fault.KindOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), tc.want) || strings.Contains(fmt.Sprint(err), token) {
			t.Errorf("%s: %v, want %q and no secret", name, err, tc.want)
		}
	}
}
