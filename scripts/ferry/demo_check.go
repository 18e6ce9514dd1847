package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// findings are what differs from what must be.
type findings []string

func (f *findings) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// said prints a check and what it found since.
func (w *demoWorld) said(found findings, before int, format string, args ...any) {
	mark := "ok"
	if len(found) > before {
		mark = "NO"
	}
	w.tell.Plain("  %-3s %s", mark, fmt.Sprintf(format, args...))
}

// checkRows holds the record against what must be: one row an object, each as it must end.
func (w *demoWorld) checkRows(run demoRun, found *findings) map[string]demoRow {
	rows := make(map[string]demoRow, len(run.rows))
	for _, r := range run.rows {
		if _, twice := rows[r.key]; twice {
			found.add("%q has two rows", r.key)
		}
		rows[r.key] = r
		if w.byKey[r.key] == nil {
			found.add("%q has a row, and never was in the source", r.key)
		}
	}
	for _, o := range w.objects {
		r, ok := rows[o.Key]
		switch {
		case !ok:
			found.add("%q has no row", o.Key)
		case !o.want.holds(r):
			found.add("%q is %s, want %s", o.Key, r, o.want)
		}
	}
	return rows
}

func (r demoRow) String() string {
	s := string(r.state)
	if r.verdict != "" {
		s += ", " + string(r.verdict)
	}
	if r.proof != "" {
		s += ", proved by " + string(r.proof)
	}
	if r.reason != "" {
		s += ": " + r.reason
	}
	return s
}

// checkBooks holds the report's numbers against the rows.
func (w *demoWorld) checkBooks(run demoRun, found *findings) {
	before := len(*found)
	w.tell.Plain("")
	w.tell.Plain("Checked past Ferry")
	counts := map[ledger.State]int64{}
	for _, r := range run.rows {
		counts[r.state]++
	}
	o := run.report.Objects
	for _, c := range []struct {
		state ledger.State
		n     int64
	}{
		{ledger.Copied, o.Copied}, {ledger.Unchanged, o.Unchanged}, {ledger.Skipped, o.Skipped},
		{ledger.Conflict, o.Conflict}, {ledger.Gone, o.Gone}, {ledger.Failed, o.Failed},
	} {
		if counts[c.state] != c.n {
			found.add("the report counts %d %s, its rows %d", c.n, c.state, counts[c.state])
		}
	}
	if o.Listed != int64(len(w.objects)) || !run.report.Balanced {
		found.add("the report lists %d objects (balanced: %v), the source had %d", o.Listed, run.report.Balanced, len(w.objects))
	}
	if run.report.Result != report.Incomplete {
		found.add("the result is %s, want %s: some objects need a person", run.report.Result, report.Incomplete)
	}
	w.said(*found, before, "one row for each of the %s objects, each as it must end; the books balance", humanize.Comma(int64(len(w.objects))))
}

// checkBytes compares every object in the target's memory with what was made up.
func (w *demoWorld) checkBytes(found *findings) {
	before, same := len(*found), 0
	for _, o := range w.objects {
		stored, there := w.oss.Get(demoTarget, o.Key)
		var want io.Reader
		switch {
		case o.ours != nil:
			want = bytes.NewReader(o.ours)
		case o.newer != nil:
			want = bytes.NewReader(o.newer)
		case o.want.state == ledger.Copied:
			want = o.Content()
		}
		switch {
		case want == nil && there:
			found.add("%q is in the target, and must not be", o.Key)
		case want != nil && !there:
			found.add("%q is not in the target", o.Key)
		case want != nil && !equal(want, stored.Body):
			found.add("%q has other bytes in the target", o.Key)
		case want != nil:
			same++
		}
	}
	for _, key := range w.oss.Keys(demoTarget) {
		if w.byKey[key] == nil && !strings.HasPrefix(key, demoLedger) {
			found.add("%q is in the target, and never was in the source", key)
		}
	}
	w.said(*found, before, "%s objects in the target have, byte for byte, what was made up; there is no other", humanize.Comma(int64(same)))
}

// equal reports whether r has exactly these bytes.
func equal(r io.Reader, body []byte) bool {
	buf := make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(r, buf)
		if n > len(body) || !bytes.Equal(buf[:n], body[:n]) {
			return false
		}
		body = body[n:]
		if err != nil {
			return len(body) == 0
		}
	}
}

// checkStores looks at what was seen each time an object became visible.
func (w *demoWorld) checkStores(found *findings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(*found)
	slices.Sort(w.wrong)
	for _, key := range slices.Compact(w.wrong) {
		found.add("%q had wrong bytes in the target for a while", key)
	}
	w.said(*found, before, "%s times an object became visible in the target, and never with a wrong byte", humanize.Comma(int64(w.stores)))
	for _, o := range w.cast[:mislabelled] {
		if !w.done[o] {
			found.add("%q was to be %s, and was not", o.Key, o.story)
		}
	}
	if w.died.stored == 0 && w.kills() {
		found.add("no worker died")
	}
}
