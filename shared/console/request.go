package console

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"kodoferry/shared/console/access"
	"kodoferry/shared/console/language"
	"kodoferry/shared/console/problem"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
)

// request is a request to the console and its answer.
type request struct {
	*http.Request
	w       http.ResponseWriter
	console *Console
	lang    *language.Language
	session access.Session
	in      bool // there is a session
	wrote   bool // the answer has begun
}

func (c *Console) ask(w http.ResponseWriter, r *http.Request) *request {
	q := &request{Request: r, w: w, console: c, lang: language.Of(r)}
	q.session, q.in = c.o.Door.Session(r)
	return q
}

// admit refuses a request that has not what it needs.
func (q *request) admit(need needs) error {
	g := q.console.o.Guard
	switch {
	case !g.Host(q.Request):
		return problem.Host
	case need&(own|sealed) != 0 && !g.Own(q.Request):
		return problem.Origin
	case need&signedIn != 0 && !q.in:
		return problem.SignedOut
	}
	if need&(own|sealed) == 0 {
		return nil
	}
	if err := q.ParseForm(); err != nil {
		if _, long := errors.AsType[*http.MaxBytesError](err); long {
			return problem.Long
		}
		return problem.Form
	}
	switch {
	case need&sealed != 0 && !q.console.o.Door.Sealed(q.session, q.PostForm.Get("seal")):
		return problem.Seal
	case need&changes != 0 && !q.console.o.Changes:
		return problem.ReadOnly
	}
	return nil
}

// recovered answers a request whose page panicked. The process goes on.
func (q *request) recovered() {
	if v := recover(); v != nil {
		q.console.o.Log.ErrorContext(q.Context(), "a page panicked", "path", q.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		q.problem(problem.Panic)
	}
}

// redirect sends the browser to a page of the console.
func (q *request) redirect(to string) error {
	q.wrote = true
	http.Redirect(q.w, q.Request, to, http.StatusSeeOther)
	return nil
}

// run opens the run that the path names.
func (q *request) run() (*ledger.Run, error) {
	return control.FindRun(q.Context(), q.console.ledger, q.console.o.Ledger, q.PathValue("job")+"/"+q.PathValue("time"), q.console.o.Now())
}

// job is the name of the job that the path names, one that the ledger knows.
func (q *request) job() (string, error) {
	name := q.PathValue("job")
	return name, control.RequireJob(q.Context(), q.console.ledger, q.console.o.Ledger, name)
}

// who is the name of the person, and where the request came from.
func (q *request) who() (name, from string) {
	name = q.session.Who
	if name == "" {
		name = q.console.o.Who
	}
	from, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		from = q.RemoteAddr
	}
	return name, from
}

// back is where a form is to lead to: a path of the console.
func back(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(to, `\`) {
		return "/runs"
	}
	return u.RequestURI()
}

func signInPage(q *request) error {
	token := q.FormValue("token")
	if token == "" && q.in {
		return q.redirect("/runs")
	}
	looked := q.Method == http.MethodHead || q.Header.Get("Sec-Purpose") != "" // by who shows what a link leads to
	if token != "" && !looked {                                                // of the link that the console printed
		return q.enter(token, "")
	}
	d := signInData{Who: q.console.o.Who, Back: back(q.FormValue("back"))}
	if q.FormValue("left") != "" {
		d.Left = "signin.left"
		if !q.console.o.Stays { // other instances have no memory in common with this one
			d.Left = "signin.left.function"
		}
	}
	return q.show(http.StatusOK, view{Page: "signin", Title: q.lang.Say("signin.title"), Data: d})
}

type signInData struct {
	Who, Back string
	Wrong     bool
	Left      string // the sentence for who has signed out
}

func signIn(q *request) error {
	return q.enter(q.PostForm.Get("token"), q.PostForm.Get("who"))
}

// enter exchanges a token for a cookie.
func (q *request) enter(token, who string) error {
	s, once, err := q.console.o.Door.Enter(strings.TrimSpace(token), who)
	if err != nil {
		q.console.o.Log.WarnContext(q.Context(), "a token was refused", "from", q.RemoteAddr)
		return q.show(http.StatusUnauthorized, view{Page: "signin", Title: q.lang.Say("signin.title"), Data: signInData{Who: q.console.o.Who, Back: back(q.FormValue("back")), Wrong: true}})
	}
	http.SetCookie(q.w, q.console.o.Door.Cookie(s, q.console.o.Secure))
	if once && q.console.o.Entered != nil {
		q.console.o.Entered()
	}
	return q.redirect(back(q.FormValue("back")))
}

func signOut(q *request) error {
	q.console.o.Door.Leave(q.session)
	http.SetCookie(q.w, access.Gone())
	return q.redirect("/sign-in?left=1")
}

// themeCookie is the name of the cookie with the colours that a person chose.
const themeCookie = "ferry_theme"

// settings keeps the language and the colours that a person chose, in the browser alone.
func settings(q *request) error {
	keep := func(name, value string) {
		http.SetCookie(q.w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(365 * 24 * time.Hour / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: q.console.o.Secure})
	}
	if l := language.By(q.PostForm.Get("language")); l != nil {
		keep(language.Cookie, l.Tag)
	}
	switch theme := q.PostForm.Get("theme"); theme {
	case "light", "dark", "auto":
		keep(themeCookie, theme)
	}
	return q.redirect(back(q.PostForm.Get("back")))
}

// theme is what a person chose: light, dark, or "" for what the system has.
func (q *request) theme() string {
	c, err := q.Cookie(themeCookie)
	if err != nil || c.Value != "light" && c.Value != "dark" {
		return ""
	}
	return c.Value
}
