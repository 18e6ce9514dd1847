package demo

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// check holds what is there against what must be, past Ferry.
type check struct{ w *world }

// said prints a check and what it found since.
func (ck *check) said(found outcome.Findings, before int, sentence string) {
	mark := "ok"
	if len(found) > before {
		mark = "NO"
	}
	ck.w.tell.Plain("  %-3s %s", mark, sentence)
}

// checkRows holds the record against what must be: one row an object, each as it must end.
func (ck *check) checkRows(run outcome.Record, found *outcome.Findings) map[string]outcome.Row {
	rows := make(map[string]outcome.Row, len(run.Rows))
	for _, r := range run.Rows {
		if _, twice := rows[r.Key]; twice {
			found.Add("%q has two rows", r.Key)
		}
		rows[r.Key] = r
		if ck.w.byKey[r.Key] == nil {
			found.Add("%q has a row, and never was in the source", r.Key)
		}
	}
	for _, o := range ck.w.objects {
		r, ok := rows[o.Key]
		switch {
		case !ok:
			found.Add("%q has no row", o.Key)
		case !o.want.Holds(r):
			found.Add("%q is %s, want %s", o.Key, r, o.want)
		}
	}
	return rows
}

// checkBooks holds the report's numbers against the rows.
func (ck *check) checkBooks(run outcome.Record, found *outcome.Findings) {
	before := len(*found)
	ck.w.tell.Plain("")
	ck.w.tell.Said("demo.checked")
	counts := map[ledger.State]int64{}
	for _, r := range run.Rows {
		counts[r.State]++
	}
	o := run.Report.Objects
	for _, c := range []struct {
		state ledger.State
		n     int64
	}{
		{ledger.Copied, o.Copied}, {ledger.Updated, o.Updated}, {ledger.Unchanged, o.Unchanged}, {ledger.Present, o.Present}, {ledger.Skipped, o.Skipped},
		{ledger.Conflict, o.Conflict}, {ledger.Gone, o.Gone}, {ledger.Failed, o.Failed},
	} {
		if counts[c.state] != c.n {
			found.Add("the report counts %d %s, its rows %d", c.n, c.state, counts[c.state])
		}
	}
	if o.Listed != int64(len(ck.w.objects)) || !run.Report.Balanced {
		found.Add("the report lists %d objects (balanced: %v), the source had %d", o.Listed, run.Report.Balanced, len(ck.w.objects))
	}
	if run.Report.Result != report.Incomplete {
		found.Add("the result is %s, want %s: some objects need a person", run.Report.Result, report.Incomplete)
	}
	ck.said(*found, before, show.Sentence("demo.rows", humanize.Comma(int64(len(ck.w.objects)))))
}

// checkBytes compares every object in the target's memory with what was made up.
func (ck *check) checkBytes(found *outcome.Findings) {
	before, same := len(*found), 0
	for _, o := range ck.w.objects {
		stored, there := ck.w.clouds.OSS.Get(standins.Target, o.Key)
		var want io.Reader
		switch {
		case o.ours != nil:
			want = bytes.NewReader(o.ours)
		case o.newer != nil:
			want = bytes.NewReader(o.newer)
		case o.want.State == ledger.Copied:
			want = o.Content()
		}
		switch {
		case want == nil && there:
			found.Add("%q is in the target, and must not be", o.Key)
		case want != nil && !there:
			found.Add("%q is not in the target", o.Key)
		case want != nil && !equal(want, stored.Body):
			found.Add("%q has other bytes in the target", o.Key)
		case want != nil:
			same++
		}
	}
	for _, key := range ck.w.clouds.OSS.Keys(standins.Target) {
		if ck.w.byKey[key] == nil && !strings.HasPrefix(key, standins.Ledger) {
			found.Add("%q is in the target, and never was in the source", key)
		}
	}
	ck.said(*found, before, show.Sentence("demo.bytes", humanize.Comma(int64(same))))
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

// checkStores checks what was noted each time an object became visible.
func (ck *check) checkStores(found *outcome.Findings) {
	ck.w.seen.mu.Lock()
	defer ck.w.seen.mu.Unlock()
	before := len(*found)
	slices.Sort(ck.w.seen.wrong)
	for _, key := range slices.Compact(ck.w.seen.wrong) {
		found.Add("%q had wrong bytes in the target for a while", key)
	}
	ck.said(*found, before, show.Sentence("demo.never_wrong", humanize.Comma(int64(ck.w.seen.stores))))
	for _, o := range ck.w.cast[:mislabelled] {
		if !ck.w.seen.done[o] {
			found.Add("%q was to be %s, and was not", o.Key, show.Sentence(o.story))
		}
	}
	if ck.w.seen.died.stored == 0 && ck.w.seen.kills() {
		found.Add("no worker died")
	}
}
