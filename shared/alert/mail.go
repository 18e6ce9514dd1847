package alert

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/transport"
)

// mailTime bounds one mail, connecting and all answers included.
const mailTime = 15 * time.Second

// envelope is from whom a mail is, and to whom.
type envelope struct {
	from string
	to   []string
}

// The schemes of a mail server: TLS from the first byte, or once the server has offered it.
const (
	smtps = "smtps"
	plain = "smtp"
)

// mailbox reads the address of a mail server, as in
// smtps://user:password@smtp.example.com/?from=ferry@example.com&to=ops@example.com,dev@example.com
// Its errors repeat nothing of it.
func mailbox(name string, u *url.URL) (e envelope, wrong []error) {
	bad := func(format string) { wrong = append(wrong, fmt.Errorf(format, name)) }
	if u.Scheme != smtps && u.Scheme != plain || u.Hostname() == "" {
		bad("%s holds no address of a mail server: write smtps://user:password@smtp.example.com/?from=ferry@example.com&to=ops@example.com")
		return e, wrong
	}
	q := u.Query()
	from, err := mail.ParseAddress(q.Get("from"))
	if err != nil {
		bad("%s names no sender: add from=, a mail address that the server lets its user send from")
	} else {
		e.from = from.Address
	}
	to, err := mail.ParseAddressList(q.Get("to"))
	if err != nil {
		bad("%s names nobody to write to: add to=, mail addresses with commas between them")
	}
	for _, a := range to {
		e.to = append(e.to, a.Address)
	}
	return e, wrong
}

// letter is a mail of m.
func (h *Hook) letter(m Message, at time.Time) []byte {
	var b bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	subject := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, m.title())
	field("From", h.envelope.from)
	field("To", strings.Join(h.envelope.to, ", "))
	field("Subject", mime.QEncoding.Encode("utf-8", subject))
	field("Date", at.Format(time.RFC1123Z))
	field("Message-ID", "<"+strings.ToLower(rand.Text())+"@"+h.url.Hostname()+">")
	field("Auto-Submitted", "auto-generated") // no answer of a machine is wanted
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=utf-8")
	field("Content-Transfer-Encoding", "base64")
	b.WriteString("\r\n")
	text := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(m.text(), "\n", "\r\n") + "\r\n"))
	for len(text) > 76 { // RFC 2045
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.Bytes()
}

// mail sends m to all who are named, or to none of them.
func (h *Hook) mail(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, mailTime)
	defer cancel()
	c, err := h.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // after Quit it is closed
	if password, given := h.url.User.Password(); given {
		if err := c.Auth(smtp.PlainAuth("", h.url.User.Username(), password, h.url.Hostname())); err != nil {
			return err
		}
	}
	if err := c.Mail(h.envelope.from); err != nil {
		return err
	}
	for _, to := range h.envelope.to {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, bytes.NewReader(h.letter(m, h.now()))); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // the mail is taken
	return nil
}

// dial connects to the mail server, by TLS unless plain text is wanted. Everything on the
// connection ends with ctx.
func (h *Hook) dial(ctx context.Context) (*smtp.Client, error) {
	host, port := h.url.Hostname(), h.url.Port()
	safe := transport.Secure(host)
	if port == "" {
		port = map[string]string{smtps: "465", plain: "587"}[h.url.Scheme]
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	if h.url.Scheme == smtps {
		conn = tls.Client(conn, safe)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if h.url.Scheme == plain && !h.insecure {
		if err := c.StartTLS(safe); err != nil {
			_ = c.Close()
			return nil, fmt.Errorf("%s cannot be asked for TLS: take smtps://, or write insecure: true if you mean plain text: %w", host, err)
		}
	}
	return c, nil
}

// unsent says what an error of mail is: what the server answered decides, and what was not
// answered may be tried again.
func (h *Hook) unsent(err error) error {
	kind := fault.Temporary
	if said, ok := errors.AsType[*textproto.Error](err); ok {
		switch {
		case said.Code == 421 || said.Code == 450 || said.Code == 451 || said.Code == 452:
			kind = fault.Throttled
		case said.Code/100 == 5:
			kind = fault.Denied
		}
	}
	return fault.New(kind, "alert.Post", h.name, h.redact("the mail server: "+short([]byte(err.Error()))))
}
