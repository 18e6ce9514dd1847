// Package access decides who may look at a console and who may change anything by it.
//
//	access.go  Door exchanges a token for a cookie, and knows the cookies it gave
//	left.go    the sessions that were signed out of before their time
//	guard.go   Guard refuses what no page of the console's own could have sent
//
// It keeps no session: a cookie holds what it is for and until when, signed by the
// console's secret. What is kept, in this process alone, is which sessions were signed out of.
package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Lasts is how long a session lasts: what a long shift does.
const Lasts = 12 * time.Hour

// Door lets people in. It is safe for concurrent use.
type Door struct {
	token  [sha256.Size]byte // of a token that counts any number of times
	reused bool              // there is such a token
	secret []byte            // signs cookies
	now    func() time.Time

	mu   sync.Mutex
	once map[[sha256.Size]byte]bool // tokens that count once
	left left
}

// NewDoor returns a Door for a token that counts any number of times, as that of a
// function. Cookies are signed by what is derived from it, so that every instance knows
// those of the others, and a new token ends all sessions. Of "" only tokens that Issue
// returned count, and the cookies end with the process.
func NewDoor(token string, now func() time.Time) *Door {
	d := &Door{now: now, once: map[[sha256.Size]byte]bool{}}
	if token == "" {
		d.secret = []byte(rand.Text())
		return d
	}
	d.token, d.reused = sha256.Sum256([]byte(token)), true
	d.secret = d.derive([]byte(token), "ferry console cookies")
	return d
}

func (d *Door) derive(from []byte, what string) []byte {
	m := hmac.New(sha256.New, from)
	m.Write([]byte(what))
	return m.Sum(nil)
}

// Issue returns a token that lets one person in, once.
func (d *Door) Issue() string {
	token := rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.once[sha256.Sum256([]byte(token))] = true
	return token
}

// ErrToken is the error of a token that is not the console's, or counted before.
var ErrToken = errors.New("the token is not the console's")

// Enter exchanges a token for a session of who. once is true where the token does not
// count again.
func (d *Door) Enter(token, who string) (s Session, once bool, err error) {
	sum := sha256.Sum256([]byte(token))
	d.mu.Lock()
	once = d.once[sum]
	delete(d.once, sum)
	until := max(d.now().Add(Lasts).Unix(), d.left.all+1)
	d.mu.Unlock()
	if !once && !(d.reused && subtle.ConstantTimeCompare(sum[:], d.token[:]) == 1) {
		return s, false, ErrToken
	}
	return Session{Who: name(who), id: rand.Text()[:16], until: until}, once, nil
}

// name is what a person calls himself, as a record keeps it: short and legible.
func name(who string) string {
	who = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(who, ""))
	who = strings.TrimSpace(who)
	for len(who) > 64 {
		_, n := utf8.DecodeLastRuneInString(who)
		who = who[:len(who)-n]
	}
	return who
}

// Session is one person at one browser.
type Session struct {
	Who   string
	id    string
	until int64 // Unix seconds
}

const cookieName = "ferry_console"

// Cookie returns the cookie of a session. secure is true where the browser reaches the
// console by https.
func (d *Door) Cookie(s Session, secure bool) *http.Cookie {
	body := strings.Join([]string{strconv.FormatInt(s.until, 10), s.id, base64.RawURLEncoding.EncodeToString([]byte(s.Who))}, ".")
	return &http.Cookie{
		Name: cookieName, Value: body + "." + d.mac("cookie", body), Path: "/", MaxAge: int(Lasts / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure,
	}
}

// Gone returns a cookie that ends a session in the browser.
func Gone() *http.Cookie {
	return &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

// Session returns the session of a request; ok is false for none, or one that has ended or was
// signed out of.
func (d *Door) Session(r *http.Request) (s Session, ok bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return s, false
	}
	cut := strings.LastIndexByte(c.Value, '.')
	if cut < 0 || !same(c.Value[cut+1:], d.mac("cookie", c.Value[:cut])) {
		return s, false
	}
	parts := strings.Split(c.Value[:cut], ".")
	if len(parts) != 3 {
		return s, false
	}
	until, uerr := strconv.ParseInt(parts[0], 10, 64)
	who, werr := base64.RawURLEncoding.DecodeString(parts[2])
	if uerr != nil || werr != nil || d.now().Unix() >= until {
		return s, false
	}
	s = Session{Who: string(who), id: parts[1], until: until}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left.has(s) {
		return Session{}, false
	}
	return s, true
}

// Seal is what a form of the session carries, so that no other page can send one.
func (d *Door) Seal(s Session) string { return d.mac("form", s.id) }

// Sealed reports whether a form carries the session's seal.
func (d *Door) Sealed(s Session, seal string) bool { return same(seal, d.Seal(s)) }

func (d *Door) mac(what, body string) string {
	return base64.RawURLEncoding.EncodeToString(d.derive(d.secret, what+"\n"+body))
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
