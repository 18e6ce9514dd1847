package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/report"
)

// objectData is the story of a key.
type objectData struct {
	Run     string
	Key     string // as the source has it, byte for byte
	Encoded string // percent-encoded
	Typed   string // as the form has it: percent-encoded where the key has what cannot be typed
	Escaped bool   // Typed is percent-encoded
	Story   report.Story
	Asked   bool
	Missing string // why there is no story
}

// objectPage tells the story of a key that is typed, or that a link percent-encodes.
func objectPage(q *request) error {
	run, err := q.run()
	if err != nil {
		return err
	}
	d := objectData{Run: run.Name, Key: q.FormValue("key")}
	if q.FormValue("encoded") != "" { // what was typed is percent-encoded
		if d.Key, err = url.PathUnescape(d.Key); err != nil {
			return fault.New(fault.Invalid, "console.object", "", err)
		}
	}
	d.Asked = d.Key != ""
	if d.Asked {
		d.Encoded = encoded(d.Key)
		d.Typed, d.Escaped = d.Key, slices.ContainsFunc(report.Pieces(d.Key), func(p report.Piece) bool { return p.Spelled })
		if d.Escaped {
			d.Typed = d.Encoded
		}
		d.Story, err = report.Why(q.Context(), run, d.Key)
		switch {
		case err != nil && fault.KindOf(err) == fault.NotFound:
			d.Missing = fault.Sentence(err)
		case err != nil:
			return err
		}
	}
	status := http.StatusOK
	if d.Missing != "" {
		status = http.StatusNotFound
	}
	key := d.Key
	if key == "" {
		key = "KEY"
	}
	return q.show(status, view{
		Page: "object", Title: q.lang.Say("object.title") + " · " + run.Name, Section: "runs", Data: d,
		Commands: []command{ferry("why", "why", "--ledger", q.console.o.Ledger.String(), "--", run.Name, key)}, // a key may begin with a -
	})
}

// encoded is a key percent-encoded, but for the slashes in it.
func encoded(key string) string { return strings.ReplaceAll(url.PathEscape(key), "%2F", "/") }
