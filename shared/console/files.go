package console

import (
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"kodoferry/shared/console/problem"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/report"
)

// reportData is the files of a run that is over.
type reportData struct {
	Run           string
	Report        report.Report
	Manifest      report.Manifest
	Files         []ledger.File // of rows, the first of them
	Left          int           // how many more there are
	Verifications []verification
}

// verification is a later verification of the run.
type verification struct {
	Name   string
	Result string // "" while it goes on
}

const (
	// shownFiles is how many files are shown of a run with many shards.
	shownFiles = 200
	// shownVerifications is how many later verifications are shown: the newest.
	shownVerifications = 10
)

func reportPage(q *request) error {
	run, err := q.run()
	if err != nil {
		return err
	}
	d := reportData{Run: run.Name}
	if d.Report, err = report.Read(q.Context(), run); ledger.Missing(err) {
		return problem.NotOver
	} else if err != nil {
		return err
	}
	if d.Manifest, err = report.ReadManifest(q.Context(), run, d.Report); err != nil && !ledger.Missing(err) {
		return err
	}
	d.Files = d.Manifest.Files[:min(len(d.Manifest.Files), shownFiles)]
	d.Left = len(d.Manifest.Files) - len(d.Files)
	names, err := index.Verifications(q.Context(), run)
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(names[max(0, len(names)-shownVerifications):]) {
		rep, err := reproof.ReadReport(q.Context(), run.Verification(name))
		if err != nil && !ledger.Missing(err) && !ledger.Unreadable(err) {
			return err
		}
		v := verification{Name: name}
		switch {
		case err != nil:
		case rep.Verified:
			v.Result = string(report.Verified)
		default:
			v.Result = string(report.Incomplete)
		}
		d.Verifications = append(d.Verifications, v)
	}
	at := []string{"--ledger", q.console.o.Ledger.String()}
	return q.show(http.StatusOK, view{
		Page: "report", Title: q.lang.Say("report.title") + " · " + run.Name, Section: "runs", Data: d,
		Commands: []command{
			ferry("report", append([]string{"report", run.Name}, at...)...),
			ferry("out", append([]string{"report", run.Name, "--out", "./proof"}, at...)...),
			ferry("verify", append([]string{"verify", run.Name}, at...)...),
		},
	})
}

// ends are the files that every run ends with, and their content types.
var ends = map[string]string{
	"report.html": "text/html; charset=utf-8", "report.json": "application/json", report.ManifestFile: "application/json",
}

// reportPolicy is the Content-Security-Policy of report.html, which has its style in it and
// no script.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-downloads allow-top-navigation-by-user-activation"

// fileOf answers with a file of a run: one of those it ends with, or one that its manifest names.
func fileOf(q *request) error {
	run, err := q.run()
	if err != nil {
		return err
	}
	name := q.PathValue("name")
	kind, ok := ends[name]
	if !ok {
		if kind, err = listed(q, run, name); err != nil {
			return err
		}
	}
	data, err := report.ReadFile(q.Context(), run, name)
	if ledger.Missing(err) {
		return problem.NoFile
	}
	if err != nil {
		return err
	}
	if most := q.console.o.Largest; most > 0 && int64(len(data)) > most {
		return problem.LargeFile
	}
	h := q.w.Header()
	h.Set("Content-Type", kind)
	switch {
	case name == "report.html":
		h.Set("Content-Security-Policy", reportPolicy)
	default:
		h.Set("Content-Disposition", "attachment; filename="+strconv.Quote(strings.ReplaceAll(run.Name, "/", "-")+"-"+path.Base(name)))
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	q.wrote = true
	_, err = q.w.Write(data)
	return err
}

// listed is the content type of a file that the run's manifest names.
func listed(q *request, run *ledger.Run, name string) (string, error) {
	rep, err := report.Read(q.Context(), run)
	if ledger.Missing(err) {
		return "", problem.NoFile
	} else if err != nil {
		return "", err
	}
	m, err := report.ReadManifest(q.Context(), run, rep)
	if ledger.Missing(err) {
		return "", problem.NoFile
	}
	if err != nil {
		return "", err
	}
	is := func(f ledger.File) bool { return f.Name == name || f.Packed != nil && f.Packed.Name == name }
	if !slices.ContainsFunc(m.Files, is) && !slices.ContainsFunc(m.Lists, func(l report.List) bool { return is(l.File) }) {
		return "", problem.NoFile
	}
	if path.Ext(name) == ".csv" {
		return "text/csv; charset=utf-8", nil
	}
	return "application/octet-stream", nil
}
