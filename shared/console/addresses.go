package console

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/check"
	"kodoferry/shared/console/problem"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/audit"
	"kodoferry/shared/ledger/kept"
)

// address is a place that jobs name.
type address struct {
	At   job.Location
	Role string   // source, target or ledger
	Jobs []string // that name it so
	Last *kept.Checked
}

// Full is the address with the way there.
func (a address) Full() string { return a.At.String() }

// readAddresses are the places that the kept jobs name: sources first, then targets, then ledgers.
func readAddresses(q *request, ctx context.Context) ([]address, error) {
	jobs, err := control.Kept(ctx, q.console.ledger)
	if err != nil {
		return nil, problem.Unreachable{Err: err}
	}
	var all []address
	add := func(role string, at job.Location, name string) {
		i := slices.IndexFunc(all, func(a address) bool { return a.Role == role && a.At == at })
		if i < 0 {
			all = append(all, address{At: at, Role: role})
			i = len(all) - 1
		}
		all[i].Jobs = append(all[i].Jobs, name)
	}
	for _, j := range jobs {
		add("source", j.Source, j.Name)
		add("target", j.Target, j.Name)
		add("ledger", j.Ledger, j.Name)
	}
	order := map[string]int{"source": 0, "target": 1, "ledger": 2}
	slices.SortStableFunc(all, func(a, b address) int {
		return cmp.Or(cmp.Compare(order[a.Role], order[b.Role]), cmp.Compare(a.Full(), b.Full()))
	})
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lookers)
	for i := range all {
		g.Go(func() error {
			c, err := kept.ReadChecked(gctx, q.console.ledger.Folder(), checkedAs(all[i].Role, all[i].At))
			switch {
			case err == nil:
				all[i].Last = &c
			case !ledger.Missing(err) && !ledger.Unreadable(err):
				return err
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, problem.Unreachable{Err: err}
	}
	return all, nil
}

// checkedAs is the address that the result of a test is kept under: one place may be tested
// as a source and as a target.
func checkedAs(role string, at job.Location) string { return role + " " + at.String() }

func addressesPage(q *request) error {
	all, err := readAddresses(q, q.Context())
	if err != nil {
		return err
	}
	v := view{Page: "addresses", Title: q.lang.Say("addresses.title"), Section: "addresses", Data: all}
	if len(all) > 0 {
		v.Commands = []command{commandOfCheck(q, "SRC", "DST")}
	}
	return q.show(http.StatusOK, v)
}

func commandOfCheck(q *request, src, dst string) command {
	return ferry("check", "check", src, dst, "--ledger", q.console.o.Ledger.String())
}

// testData is a test that begins: the page is sent before the first answer, and a line with
// each.
type testData struct {
	Job     job.Job
	Results testResult
}

// testResult ends the page of a test.
type testResult struct {
	Failed, All int
	Error       []string
}

// testAddresses tests the places of a job, as ferry check does, and sends each answer as it
// comes. What is found is kept in the ledger.
func testAddresses(q *request) error {
	name := q.PostForm.Get("job")
	if err := control.RequireJob(q.Context(), q.console.ledger, q.console.o.Ledger, name); err != nil {
		return err
	}
	j, _, err := control.KeptJob(q.Context(), q.console.ledger, name)
	if err != nil {
		return err
	}
	if err := q.console.o.Config.Missing(j.Source, j.Target, j.Ledger); err != nil {
		return err
	}
	setup, err := q.console.o.Config.CheckSetup(j)
	if err != nil {
		return err
	}
	line := commandOfCheck(q, j.Source.String(), j.Target.String())
	who, from := q.who()
	id, err := audit.Begin(q.Context(), q.console.ledger.Folder(), audit.Asked{At: q.console.o.Now().UTC(), Who: who, From: from, What: "check", On: name, Command: line.Line})
	if err != nil {
		return err
	}
	v := view{Page: "test", Title: q.lang.Say("test.title") + " · " + name, Section: "addresses", Data: testData{Job: j}, Commands: []command{line}, q: q}
	out := &pageStream{q: q, flush: http.NewResponseController(q.w)}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := out.part("stream.head", v); err != nil {
		return err
	}
	var found []check.Finding
	setup.Found = func(f check.Finding) {
		found = append(found, f)
		_ = out.part("test.finding", view{Page: "test", q: q, Data: f}) // the test goes on without a browser
	}
	err = check.Run(q.Context(), setup)
	r := testResult{All: len(found)}
	for _, f := range found {
		if f.State == check.Fail {
			r.Failed++
		}
	}
	if err == nil {
		err = keepChecked(q, j, found)
	}
	if err != nil {
		r.Error = sentences(err)
	}
	endTest(q, id, r)
	v.Data = testData{Job: j, Results: r}
	return out.part("stream.foot", v)
}

// endTest writes down how a test ended.
func endTest(q *request, id string, r testResult) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.Context()), 10*time.Second)
	defer cancel()
	end := audit.Ended{At: q.console.o.Now().UTC(), Says: "all is well"}
	if r.Failed > 0 {
		end.Says = "something must be cured"
	}
	for _, says := range r.Error {
		end.Error = says
	}
	if err := audit.End(ctx, q.console.ledger.Folder(), id, end); err != nil {
		q.console.o.Log.ErrorContext(ctx, "how a test ended is not written down", "fault", fault.KindOf(err), "err", err)
	}
}

// keepChecked keeps what was found of each place.
func keepChecked(q *request, j job.Job, found []check.Finding) error {
	for role, at := range map[string]job.Location{"source": j.Source, "target": j.Target, "ledger": j.Ledger} {
		c := kept.Checked{Address: checkedAs(role, at), Job: j.Name, At: q.console.o.Now().UTC(), OK: true, Findings: []kept.Finding{}}
		for _, f := range found {
			if f.Place != role {
				continue
			}
			c.OK = c.OK && f.State != check.Fail
			c.Findings = append(c.Findings, kept.Finding{Place: f.Place, What: f.What, State: string(f.State), Says: f.Says})
		}
		if err := kept.WriteChecked(q.Context(), q.console.ledger.Folder(), c); err != nil {
			return err
		}
	}
	return nil
}

// pageStream sends a page piece by piece.
type pageStream struct {
	q     *request
	flush *http.ResponseController
}

func (s *pageStream) part(name string, v view) error {
	var b bytes.Buffer
	if err := s.q.template(v.Page).ExecuteTemplate(&b, name, v); err != nil {
		return err
	}
	s.q.wrote = true
	if _, err := s.q.w.Write(b.Bytes()); err != nil {
		return err
	}
	_ = s.flush.Flush() // where bytes are not sent as they come the page comes as a whole
	return nil
}
