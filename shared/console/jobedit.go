package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"kodoferry/shared/console/jobform"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/registry"
)

// formData is a job as a form.
type formData struct {
	Groups []jobform.Group
	Values jobform.Values
	Wrong  map[string][]string // by field
	YAML   string
	Edits  string // the job that is edited; "": a new one
	Shown  bool   // the mistakes are shown
}

// showForm answers with the form, filled in.
func showForm(q *request, v jobform.Values, edits string) error {
	return showFormWith(q, http.StatusOK, v, edits, nil)
}

func showFormWith(q *request, status int, v jobform.Values, edits string, wrong []jobform.Mistake) error {
	d := formData{Groups: jobform.Groups, Values: v, Wrong: map[string][]string{}, YAML: string(v.YAML().Text), Edits: edits, Shown: len(wrong) > 0}
	for _, m := range wrong {
		d.Wrong[m.Field] = append(d.Wrong[m.Field], m.Says)
	}
	title := q.lang.Say("form.new")
	if edits != "" {
		title = q.lang.Say("form.edit") + " · " + edits
	}
	return q.show(status, view{Page: "form", Title: title, Section: "jobs", Data: d, Commands: []command{commandOfApply(q, v["name"])}})
}

func commandOfApply(q *request, name string) command {
	if name == "" {
		name = "NAME"
	}
	return ferry("apply", "jobs", "apply", name, "--file", "ferry.yaml", "--ledger", q.console.o.Ledger.String())
}

// readForm reads the job of a form that was sent. Where it has mistakes the form is the answer,
// and ok is false.
func readForm(q *request) (f filled, ok bool, err error) {
	f.values = jobform.Read(q.PostForm)
	var wrong []jobform.Mistake
	f.job, f.keys, wrong = f.values.Job(q.console.o.Ledger)
	if len(wrong) > 0 {
		return f, false, showFormWith(q, http.StatusUnprocessableEntity, f.values, q.PostForm.Get("edits"), wrong)
	}
	return f, true, nil
}

// readForm is a job that was filled in without a mistake.
type filled struct {
	values jobform.Values
	job    job.Filed
	keys   []string
}

// checkForm tells a script what is wrong with each field, and the job as YAML.
func checkForm(q *request) error {
	v := jobform.Read(q.PostForm)
	_, _, wrong := v.Job(q.console.o.Ledger)
	by := map[string][]string{}
	for _, m := range wrong {
		by[m.Field] = append(by[m.Field], q.lang.Tell(m.Says)) // a person reads it beside the field
	}
	return q.json(http.StatusOK, map[string]any{"wrong": by, "yaml": string(v.YAML().Text)})
}

// reviewData is what keeping a job changes, before it is kept.
type reviewData struct {
	registry.Change
	YAML   string
	Fields []field // the form's, to be sent again
}

// field is a field of the form as it was filled in.
type field struct{ Name, Value string }

// reviewForm shows what keeping the job changes.
func reviewForm(q *request) error {
	f, ok, err := readForm(q)
	if err != nil || !ok {
		return err
	}
	all := []registry.Change{registry.NewChange(f.job, f.keys)}
	if err := formFileOf(q).Compare(q.Context(), q.console.ledger, all); err != nil {
		return refused(q, f, err)
	}
	d := reviewData{Change: all[0], YAML: string(f.values.YAML().Text)}
	for _, path := range jobform.Paths() {
		if f.values[path] != "" {
			d.Fields = append(d.Fields, field{path, f.values[path]})
		}
	}
	return q.show(http.StatusOK, view{Page: "review", Title: q.lang.Say("review.title") + " · " + f.job.Name, Section: "jobs", Data: d, Commands: []command{commandOfApply(q, f.job.Name)}})
}

// refused shows the form with what the ledger has against the job: another job that writes
// to the same place, or that it was ended for good.
func refused(q *request, f filled, err error) error {
	if fault.KindOf(err) != fault.Invalid {
		return err
	}
	var wrong []jobform.Mistake
	for _, says := range sentences(err) {
		if _, rest, ok := strings.Cut(says, ": "); ok && strings.HasPrefix(says, formFile+":") {
			says = rest
		}
		wrong = append(wrong, jobform.Mistake{Field: "name", Says: says})
	}
	return showFormWith(q, http.StatusUnprocessableEntity, f.values, q.PostForm.Get("edits"), wrong)
}

// formFile is how mistakes that have a line name the form.
const formFile = "form"

func formFileOf(q *request) registry.File {
	return registry.File{Path: formFile, Ledger: q.console.o.Ledger}
}

// keepForm keeps the job in the ledger, as ferry jobs apply does.
func keepForm(q *request) error {
	f, ok, err := readForm(q)
	if err != nil || !ok {
		return err
	}
	c, file := q.console, formFileOf(q)
	all := []registry.Change{registry.NewChange(f.job, f.keys)}
	if err := file.Compare(q.Context(), c.ledger, all); err != nil {
		return refused(q, f, err)
	}
	m, goes, err := q.change("keep", f.job.Name, commandOfApply(q, f.job.Name), func(ctx context.Context) (made, error) {
		op := c.operator()
		at, wait, err := file.Keep(ctx, op, all)
		if err == nil && wait {
			err = op.Settle(ctx, at, c.o.Grace)
		}
		return made{says: all[0].Change, to: "/jobs/" + url.PathEscape(f.job.Name)}, err
	})
	if err != nil {
		return refused(q, f, err)
	}
	if m.to == "" {
		m.to = "/jobs/" + url.PathEscape(f.job.Name)
	}
	return q.did("keep", m.to, goes)
}

// keysOf are the keys of a kept job as a form has them, one a line.
func keysOf(q *request, name string) (string, error) {
	_, record, err := control.KeptJob(q.Context(), q.console.ledger, name)
	if err != nil {
		return "", err
	}
	keys, err := kept.ReadJobKeys(q.Context(), q.console.ledger.Folder(), record)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, key := range keys {
		if strings.ContainsAny(key, "\r\n") || strings.HasPrefix(key, `"`) || strings.TrimSpace(key) != key {
			text, err := json.Marshal(key)
			if err != nil {
				return "", err
			}
			key = string(text)
		}
		fmt.Fprintln(&b, key)
	}
	return b.String(), nil
}
