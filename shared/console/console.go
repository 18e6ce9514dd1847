// Package console is pages over a ledger, as one http.Handler: addresses, jobs, runs and
// what became of every object. It keeps nothing: what it shows is read from the ledger, and
// what it does goes through the calls of the commands.
//
//	console.go   Options, and which path is which page
//	request.go   a request: its session, language, and what it may do
//	render.go    pages out of templates, in each language
//	words.go     numbers, sizes, times and sentences of the overview for people
//	problem.go   what goes wrong as a page with its cure
//	command.go   the command that does the same as a page or a button
//	change.go    changes: asked for, written down, done
//	runs.go, run.go, live.go, object.go, files.go   the runs
//	jobs.go, jobedit.go, plan.go                    the jobs
//	addresses.go                                    the addresses, and their tests
//	access/, language/, jobform/                    tokens; sentences; a job as a form
//
// Templates are in pages, what a browser loads besides is in static.
package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/console/access"
	"kodoferry/shared/console/problem"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/overview"
	"kodoferry/shared/plan/forecast"
)

// Options say what a console is of, and what it may do.
type Options struct {
	Config  app.Config   // QueuesAt may be empty: then nothing is started or resumed
	Ledger  job.Location // whose jobs and runs it shows
	Changes bool         // jobs and runs may be changed; else it only reads
	Door    *access.Door
	Guard   access.Guard
	Secure  bool // browsers reach it by https
	// Stays is true where the process goes on between requests: figures are streamed, and a
	// change that takes long goes on behind its answer. Else they are polled, and what is
	// begun is ended by the deployment's sweeper.
	Stays   bool
	Who     string           // the name of those who give none as they sign in
	Grace   time.Duration    // what those at work are given to notice; 0: limit.Notice
	Prices  *forecast.Prices // nil: no money is shown
	Every   time.Duration    // how often live figures are read; 0: 2 s
	Wait    time.Duration    // how long a page waits for the ledger; 0: 20 s
	Largest int64            // bytes of the largest file that an answer takes; 0: any
	Entered func()           // is called when a token that counts once has counted; may be nil
	Log     *slog.Logger     // may be nil
	Now     func() time.Time // nil: time.Now
}

// Console is the handler. Close ends what goes on behind its answers.
type Console struct {
	o      Options
	ledger *ledger.Ledger
	views  *overview.Viewers
	pages  *pages
	static *assets
	deploy func() (*app.Deployment, error)
	mux    http.Handler

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup
}

// New returns a Console. It makes no request. The error is Invalid.
func New(o Options) (*Console, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Grace == 0 {
		o.Grace = limit.Notice
	}
	if o.Every == 0 {
		o.Every = 2 * time.Second
	}
	if o.Wait == 0 {
		o.Wait = 20 * time.Second
	}
	led, err := o.Config.Ledger(o.Ledger)
	if err != nil {
		return nil, err
	}
	c := &Console{o: o, ledger: led, static: loadAssets()}
	if c.pages, err = loadPages(c.static); err != nil {
		return nil, err
	}
	c.views = overview.NewViewers(led, overview.Options{Now: o.Now, Every: o.Every, Prices: o.Prices})
	c.deploy = sync.OnceValues(func() (*app.Deployment, error) { return o.Config.Deploy(o.Log) })
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.mux = c.routes()
	return c, nil
}

// Close ends what goes on behind answers, and waits for it.
func (c *Console) Close() {
	c.stop()
	c.work.Wait()
}

// page answers a request for a page. What it returns in place of an answer is shown as a
// page of its own.
type page func(q *request) error

func (c *Console) routes() http.Handler {
	m := http.NewServeMux()
	look := func(pattern string, p page) { m.Handle(pattern, c.handle(p, signedIn|soon)) }
	last := func(pattern string, p page) { m.Handle(pattern, c.handle(p, signedIn)) }
	change := func(pattern string, p page) { m.Handle(pattern, c.handle(p, signedIn|sealed|changes)) }
	send := func(pattern string, p page) { m.Handle(pattern, c.handle(p, signedIn|sealed)) }

	m.Handle("GET /static/{hash}/{name}", http.HandlerFunc(c.static.serve))
	m.Handle("GET /sign-in", c.handle(signInPage, 0))
	m.Handle("POST /sign-in", c.handle(signIn, own))
	send("POST /sign-out", signOut)
	m.Handle("POST /settings", c.handle(settings, own))
	look("GET /{$}", func(q *request) error { return q.redirect("/runs") })

	look("GET /runs", runsPage)
	look("GET /runs/{job}/{time}", runPage)
	last("GET /runs/{job}/{time}/live", live)
	look("GET /runs/{job}/{time}/object", objectPage)
	look("GET /runs/{job}/{time}/report", reportPage)
	last("GET /runs/{job}/{time}/files/{name...}", fileOf)
	look("GET /runs/{job}/{time}/{act}", actPage)
	change("POST /runs/{job}/{time}/{act}", runAct)

	look("GET /jobs", jobsPage)
	look("GET /jobs/new", newJobPage)
	look("GET /jobs/{job}", jobPage)
	look("GET /jobs/{job}/edit", editJobPage)
	look("GET /jobs/{job}/schedule", schedulePage)
	look("GET /jobs/{job}/{act}", actPage)
	change("POST /jobs/{job}/{act}", jobAct)
	send("POST /form/check", checkForm)
	send("POST /form/plan", planForm)
	send("POST /form/review", reviewForm)
	change("POST /form/keep", keepForm)

	look("GET /addresses", addressesPage)
	change("POST /addresses/test", testAddresses)
	look("GET /changes", changesPage)
	m.Handle("/", c.handle(func(q *request) error { return problem.NoPage }, signedIn))
	return m
}

// ServeHTTP answers a request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	access.Headers(w.Header())
	r.Body = http.MaxBytesReader(w, r.Body, access.MaxBody)
	c.mux.ServeHTTP(w, r)
}

// needs is what a request must have.
type needs int

const (
	signedIn needs = 1 << iota // a session
	own                        // to come from a page of the console
	sealed                     // own, and the session's seal in its form
	changes                    // a console that may change things
	soon                       // an answer within Options.Wait: somebody looks at an empty page
)

// answerTime is how long any other answer may take: a stream, a download, a plan, a change.
const answerTime = 4 * time.Minute

// handle answers by p, where a request has what it needs.
func (c *Console) handle(p page, need needs) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait := answerTime
		if need&soon != 0 {
			wait = c.o.Wait
		}
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		q := c.ask(w, r.WithContext(ctx))
		defer q.recovered()
		err := q.admit(need)
		if err == nil {
			err = p(q)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			q.problem(err)
		}
	})
}
